//! One action of a provider from "ask" to "is there": submit, look at every operation, see the effect. A refusal or a lost
//! answer is not the end before the effect has been looked for: the call may have worked.

use std::time::Duration;

use async_trait::async_trait;
use backon::Retryable as _;
use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::event::{Event, Reporter};
use super::policy::{Policy, jittered};
use super::step_runner::StepError;
use crate::cloud::{Cloud, CloudError, CloudErrorKind, Databases, Operation, OperationState, Probe};
use crate::steps::{CloudAction, DatabaseAction};

/// How often an operation may be unknown to a read: some ten seconds, far beyond the delay of eventually consistent reads.
const UNKNOWN_LOOKS: u32 = 12;
/// RDS takes some ten minutes to make a database; taking a final snapshot of a large one takes longer.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(2 * 60 * 60);

pub async fn apply(
    cloud: &dyn Cloud,
    action: &CloudAction,
    policy: &Policy,
    timeout: Duration,
    reporter: &Reporter,
) -> Result<(), StepError> {
    let change = CloudChange { cloud, action };
    Apply { change: &change, policy, reporter, timeout, deadline: Instant::now() + timeout }.run().await
}

/// The same for an action about a managed database.
pub async fn apply_database(
    databases: &dyn Databases,
    action: &DatabaseAction,
    policy: &Policy,
    reporter: &Reporter,
) -> Result<(), StepError> {
    let timeout = policy.step_timeout.unwrap_or(DATABASE_TIMEOUT);
    let change = DatabaseCall { databases, action };
    Apply { change: &change, policy, reporter, timeout, deadline: Instant::now() + timeout }.run().await
}

/// What is asked of a provider, and how its effect shows.
#[async_trait]
trait Change: Sync {
    async fn submit(&self) -> Result<Vec<Operation>, CloudError>;
    async fn operation(&self, operation: &Operation) -> Result<OperationState, CloudError>;
    async fn probe(&self) -> Result<Probe, CloudError>;
    /// Its operations end before the resource is in its final state.
    fn settles_later(&self) -> bool;
}

struct CloudChange<'a> {
    cloud: &'a dyn Cloud,
    action: &'a CloudAction,
}

#[async_trait]
impl Change for CloudChange<'_> {
    async fn submit(&self) -> Result<Vec<Operation>, CloudError> {
        self.cloud.submit(self.action).await
    }

    async fn operation(&self, operation: &Operation) -> Result<OperationState, CloudError> {
        self.cloud.operation(operation).await
    }

    async fn probe(&self) -> Result<Probe, CloudError> {
        self.cloud.probe(self.action).await
    }

    fn settles_later(&self) -> bool {
        settles_later(self.action)
    }
}

/// There are no operations to follow: the state of the resource is all there is.
struct DatabaseCall<'a> {
    databases: &'a dyn Databases,
    action: &'a DatabaseAction,
}

#[async_trait]
impl Change for DatabaseCall<'_> {
    async fn submit(&self) -> Result<Vec<Operation>, CloudError> {
        self.databases.submit(self.action).await.map(|()| vec![])
    }

    async fn operation(&self, _: &Operation) -> Result<OperationState, CloudError> {
        Ok(OperationState::Done)
    }

    async fn probe(&self) -> Result<Probe, CloudError> {
        self.databases.probe(self.action).await
    }

    fn settles_later(&self) -> bool {
        true
    }
}

struct Apply<'a> {
    change: &'a dyn Change,
    policy: &'a Policy,
    reporter: &'a Reporter,
    timeout: Duration,
    deadline: Instant,
}

/// How an attempt ended that did not succeed.
enum Unfinished {
    /// Try again, for this reason.
    Again(String),
    Failed(StepError),
}

impl From<StepError> for Unfinished {
    fn from(error: StepError) -> Self {
        Self::Failed(error)
    }
}

impl From<CloudError> for Unfinished {
    fn from(error: CloudError) -> Self {
        Self::Failed(error.into())
    }
}

impl Apply<'_> {
    async fn run(&self) -> Result<(), StepError> {
        let mut attempts = 0;
        let ended = (|| self.attempt())
            .retry(self.policy.backoff())
            .when(|unfinished| matches!(unfinished, Unfinished::Again(_)))
            .adjust(|_, limit| self.wait(limit?))
            .notify(|unfinished, wait| {
                attempts += 1;
                self.tell(unfinished, attempts, wait);
            })
            .await;
        ended.map_err(|unfinished| match unfinished {
            Unfinished::Again(last) => StepError::GaveUp { after: self.timeout, last },
            Unfinished::Failed(error) => error,
        })
    }

    async fn attempt(&self) -> Result<(), Unfinished> {
        match self.change.submit().await {
            Ok(operations) => self.follow(&operations).await,
            Err(error) => self.look_before_judging(error).await,
        }
    }

    /// All operations at once, then the effect where an ended operation does not prove it.
    async fn follow(&self, operations: &[Operation]) -> Result<(), Unfinished> {
        let ended = join_all(operations.iter().map(|operation| self.wait_operation(operation))).await;
        for failure in ended {
            if let Some((code, details)) = failure? {
                // It may have failed because what it was to do is done, by something else that ran beside it.
                if matches!(self.change.probe().await, Ok(Probe::Done)) {
                    return Ok(());
                }
                if is_passing(&details) {
                    return Err(Unfinished::Again(details));
                }
                return Err(StepError::Operation { code, details }.into());
            }
        }
        if self.change.settles_later() {
            self.wait_effect().await?
        }
        Ok(())
    }

    /// What it failed of, if it failed.
    async fn wait_operation(&self, operation: &Operation) -> Result<Option<(String, String)>, StepError> {
        for asked in 0.. {
            match self.change.operation(operation).await {
                Ok(OperationState::Done) => return Ok(None),
                Ok(OperationState::Failed { code, details }) => return Ok(Some((code, details))),
                Ok(OperationState::Running) => {}
                Err(error) if error.is_transient() => self.reporter.waiting(error.to_string()),
                // Just begun and not yet known everywhere.
                Err(error) if error.kind == CloudErrorKind::NotFound && asked < UNKNOWN_LOOKS => {}
                Err(error) => return Err(error.into()),
            }
            self.pause(asked, "its operation to end").await?;
        }
        unreachable!("the loop has no end but its returns")
    }

    async fn wait_effect(&self) -> Result<(), StepError> {
        for asked in 0.. {
            match self.change.probe().await {
                Ok(Probe::Done) => return Ok(()),
                Ok(Probe::InProgress | Probe::NotYet { .. }) => {}
                // Just made and not yet seen is normal for a while: eventual consistency.
                Ok(Probe::Absent) => {}
                Err(error) if error.is_transient() => self.reporter.waiting(error.to_string()),
                Err(error) => return Err(error.into()),
            }
            self.pause(asked, "its effect to show").await?;
        }
        unreachable!("the loop has no end but its returns")
    }

    async fn look_before_judging(&self, error: CloudError) -> Result<(), Unfinished> {
        match error.kind {
            CloudErrorKind::Denied => return Err(error.into()),
            CloudErrorKind::Throttled => return Err(Unfinished::Again(error.to_string())),
            _ => {}
        }
        match self.change.probe().await {
            Ok(Probe::Done) => Ok(()),
            Ok(Probe::InProgress) => Ok(self.wait_effect().await?),
            Ok(Probe::NotYet { waiting_for }) => Err(Unfinished::Again(format!("waiting for {waiting_for}"))),
            Ok(Probe::Absent) if error.is_transient() => Err(Unfinished::Again(error.to_string())),
            Ok(Probe::Absent) => Err(error.into()),
            Err(probe) if probe.is_transient() => Err(Unfinished::Again(error.to_string())),
            Err(_) => Err(error.into()),
        }
    }

    /// Before the next attempt; None once the patience is used. All of it is: the last attempt comes at its end.
    fn wait(&self, limit: Duration) -> Option<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        (!left.is_zero()).then(|| jittered(limit, &mut rand::rng()).min(left))
    }

    fn tell(&self, unfinished: &Unfinished, attempt: u32, wait: Duration) {
        let Unfinished::Again(reason) = unfinished else { return };
        let after_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let step = self.reporter.step.clone();
        self.reporter.send(Event::StepRetry { step, reason: reason.clone(), attempt, after_ms });
    }

    async fn pause(&self, asked: u32, waiting_for: &str) -> Result<(), StepError> {
        let wait = self.policy.poll(asked);
        if Instant::now() + wait > self.deadline {
            return Err(StepError::TimedOut { after: self.timeout, waiting_for: waiting_for.into() });
        }
        sleep(wait).await;
        Ok(())
    }
}

fn is_passing(details: &str) -> bool {
    details.to_lowercase().contains("try again")
}

/// Actions whose operation ends before the resource is in its final state.
fn settles_later(action: &CloudAction) -> bool {
    matches!(
        action,
        CloudAction::CreateInstance(_)
            | CloudAction::StartInstance { .. }
            | CloudAction::StopInstance { .. }
            | CloudAction::CreateDisk { .. }
            | CloudAction::CreateDiskFromSnapshot { .. }
            | CloudAction::AttachDisk { .. }
            | CloudAction::DetachDisk { .. }
            | CloudAction::SnapshotDisk { .. }
            | CloudAction::ModifyDisk { .. }
    )
}
