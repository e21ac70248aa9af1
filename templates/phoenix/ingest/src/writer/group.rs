//! A writer: takes groups, writes them, tries again where that helps, answers every batch.

use super::commit::{Outcome, Session};
use super::fault::{self, Fault};
use super::queue::{Group, Groups, Submission};
use crate::database::{Availability, Connector, Partitions};
use crate::metrics::Metrics;
use crate::service::chain;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;
use tokio_postgres::Error;

const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_MOST: Duration = Duration::from_secs(2);
/// A transaction that takes longer is given up with its connection, and tried again on another.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// What all writers share.
#[derive(Clone)]
pub struct WriterContext {
    pub connector: Connector,
    pub availability: Availability,
    pub metrics: Arc<Metrics>,
    /// Empty until the schema has been seen; `None` inside where TimescaleDB makes the partitions.
    pub partitions: Arc<OnceCell<Option<Partitions>>>,
}

/// One connection and the loop that uses it.
pub struct Writer {
    context: WriterContext,
    session: Option<Session>,
}

/// Why a try did not commit.
enum Failure {
    NoConnection(String),
    Database(Error),
    TimedOut,
}

impl Writer {
    pub fn new(context: WriterContext) -> Self {
        Self { context, session: None }
    }

    /// Runs until the queue is closed and empty.
    pub async fn run(mut self, groups: Groups) {
        self.context.availability.started().await;
        while let Some(group) = groups.next().await {
            self.write(group).await;
        }
    }

    /// Returns when every batch of the group is answered.
    async fn write(&mut self, mut group: Group) {
        let mut tried = false;
        let mut backoff = BACKOFF_FIRST;
        loop {
            group = expire(group, tried);
            if group.is_empty() {
                return;
            }
            match self.attempt(&group).await {
                Ok(outcomes) => return self.answer(group, outcomes),
                Err(Failure::Database(error)) if fault::classify(&error) == Fault::Data => {
                    return self.isolate(group, &error).await;
                }
                Err(failure) => {
                    tried |= !matches!(failure, Failure::NoConnection(_));
                    self.recover(failure);
                }
            }
            self.context.metrics.retries.add(1);
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MOST);
        }
    }

    /// One transaction, on a new connection if the last one is gone.
    async fn attempt(&mut self, group: &Group) -> Result<Vec<Outcome>, Failure> {
        let mut session = match self.session.take() {
            Some(session) if !session.client.is_closed() => session,
            _ => self.connect().await?,
        };
        let started = Instant::now();
        for submission in group {
            self.context.metrics.queue_seconds.observe((started - submission.queued).as_secs_f64());
        }
        let outcomes = match tokio::time::timeout(ATTEMPT_TIMEOUT, self.transact(&mut session, group)).await {
            // The connection is dropped with the session.
            Err(_) => return Err(Failure::TimedOut),
            Ok(result) => result,
        };
        if !session.client.is_closed() {
            self.session = Some(session);
        }
        self.context.metrics.database_seconds.observe(started.elapsed().as_secs_f64());
        outcomes.map_err(Failure::Database)
    }

    async fn transact(&self, session: &mut Session, group: &Group) -> Result<Vec<Outcome>, Error> {
        if let Some(partitions) = self.partitions() {
            let days: BTreeSet<_> = group.iter().flat_map(|submission| submission.batch.days.iter().copied()).collect();
            partitions.ensure(&mut session.client, &days).await?;
        }
        let batches: Vec<_> = group.iter().map(|submission| &submission.batch).collect();
        session.commit(&batches).await
    }

    async fn connect(&self) -> Result<Session, Failure> {
        let no_connection = |error: &dyn std::error::Error| Failure::NoConnection(chain(error));
        let client = self.context.connector.connect().await.map_err(|error| no_connection(&error))?;
        self.context.metrics.connections.add(1);
        Session::prepare(client).await.map_err(|error| no_connection(&error))
    }

    fn partitions(&self) -> Option<&Partitions> {
        self.context.partitions.get().and_then(Option::as_ref)
    }

    fn answer(&self, group: Group, outcomes: Vec<Outcome>) {
        self.context.availability.mark_up();
        self.context.metrics.group_batches.observe(group.len() as f64);
        for (submission, outcome) in group.into_iter().zip(outcomes) {
            if outcome == Outcome::Stored {
                self.context.metrics.rows.add(u64::from(submission.batch.records.unsigned_abs()));
            }
            submission.answer(outcome);
        }
    }

    /// Some batch of the group holds rows that the database refuses: each is tried alone, so that it fails alone.
    async fn isolate(&mut self, group: Group, error: &Error) {
        let reason = chain(error);
        tracing::warn!(error = reason, batches = group.len(), "the database refused rows");
        if group.len() == 1 {
            return self.answer(group, vec![Outcome::Refused(reason)]);
        }
        for submission in group {
            Box::pin(self.write(vec![submission])).await;
        }
    }

    fn recover(&self, failure: Failure) {
        let reason = match failure {
            Failure::NoConnection(reason) => {
                self.context.availability.mark_down();
                reason
            }
            Failure::TimedOut => {
                self.context.availability.mark_down();
                "the transaction timed out".to_owned()
            }
            Failure::Database(error) => {
                match (fault::classify(&error), self.partitions()) {
                    (Fault::Lost, _) => self.context.availability.mark_down(),
                    (Fault::NoPartition, Some(partitions)) => partitions.forget(),
                    _ => {}
                }
                chain(&error)
            }
        };
        tracing::warn!(error = reason, "a group could not be written; trying again");
    }
}

/// Answers those whose time is over; returns the others.
fn expire(group: Group, tried: bool) -> Group {
    let now = Instant::now();
    let (late, waiting): (Vec<Submission>, Vec<Submission>) =
        group.into_iter().partition(|submission| submission.deadline <= now);
    for submission in late {
        submission.answer(Outcome::Unavailable { tried });
    }
    waiting
}
