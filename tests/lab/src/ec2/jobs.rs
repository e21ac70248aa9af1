//! Running work in the background. A job stays in the account until its work has really ended, so that a restarted gateway
//! goes on with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::account::Region;
use super::instances::State;
use super::machine;
use super::service::Ec2;
use super::volumes::AttachmentState;
use super::work::{Outcome, Surroundings, Work};
use crate::lightsail::now;

pub type JobId = u64;

/// How a rule spoils work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// It fails: an instance ends, a volume or a snapshot is `error`, everything else stays as it was.
    Fail { code: String, details: String },
    /// It does not begin until jobs are resumed.
    NeverEnds,
}

/// Work that has not ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    pub work: Work,
    pub fault: Option<Fault>,
    /// It has looked at the account: what changes from here on is for another job.
    #[serde(skip)]
    pub begun: bool,
}

/// How often a volume that is to be detached is looked at.
const AGAIN: Duration = Duration::from_millis(300);

impl Ec2 {
    pub(super) fn spawn(self: &Arc<Self>, region: &str, id: JobId) {
        let (ec2, region) = (Arc::clone(self), region.to_owned());
        let running = self.running();
        tokio::spawn(async move {
            tokio::select! {
                () = running.cancelled() => {}
                () = ec2.run(&region, id) => {}
            }
        });
    }

    /// Starts every job that has not ended; with `stuck` also those that a rule keeps from ending. Returns how many.
    pub fn resume(self: &Arc<Self>, stuck: bool) -> usize {
        let mut found = Vec::new();
        for (name, region) in &mut self.lock().account.regions {
            for (&id, job) in &mut region.jobs {
                let is_stuck = job.fault == Some(Fault::NeverEnds);
                if is_stuck && stuck {
                    job.fault = None;
                }
                if is_stuck == stuck {
                    found.push((name.clone(), id));
                }
            }
        }
        for (region, id) in &found {
            self.spawn(region, *id);
        }
        found.len()
    }

    async fn run(self: &Arc<Self>, region: &str, id: JobId) {
        let Some(job) = self.region(region).jobs.remove(&id) else { return };
        if job.fault == Some(Fault::NeverEnds) {
            return;
        }
        self.wait(region, &job).await;
        if let Some(Fault::Fail { code, details }) = &job.fault {
            self.end(region, id, |region| job.work.revert(region, code, details));
            return;
        }
        let lock = self.lock_of(region, &job.work);
        let _one_at_a_time = lock.lock().await;
        let result = match &job.work {
            Work::Firewalls => self.set_firewalls(region, id).await,
            work => self.perform(region, work).await,
        };
        self.end(region, id, |region| match result {
            Ok(outcome) => job.work.complete(region, outcome),
            Err(error) => {
                tracing::error!("{:?} failed: {error:#}", job.work);
                job.work.revert(region, "Server.InternalError", &format!("{error:#}"))
            }
        });
    }

    async fn perform(&self, region: &str, work: &Work) -> anyhow::Result<Outcome> {
        let before = self.region(region);
        if let Some(instance) = work.instance() {
            // It is told anew when it starts.
            self.told.lock().await.remove(instance);
        }
        let groups = work.instance().and_then(|id| before.instances.get(id)).map(|it| it.groups.clone());
        let around = Surroundings {
            machines: self.machines.as_ref(),
            metadata: self.metadata(),
            firewall: self.ingress(region, &groups.unwrap_or_default()),
        };
        work.perform(&before, &around).await
    }

    /// Tells each host that runs what it lets in, if that is something else than it was told last.
    async fn set_firewalls(&self, region: &str, id: JobId) -> anyhow::Result<Outcome> {
        if let Some(job) = self.lock().account.regions.get_mut(region).and_then(|region| region.jobs.get_mut(&id)) {
            job.begun = true;
        }
        let (known, mut by_groups) = (self.region(region), BTreeMap::new());
        for instance in known.instances.values().filter(|it| it.state == State::Running) {
            let rules = by_groups
                .entry(&instance.groups)
                .or_insert_with(|| self.ingress_in(&known, region, &instance.groups))
                .clone();
            if self.told.lock().await.get(&instance.id) == Some(&rules) {
                continue;
            }
            self.machines.set_firewall(&machine::id(&instance.id), &rules).await?;
            self.told.lock().await.insert(instance.id.clone(), rules);
        }
        Ok(Outcome::default())
    }

    /// As long as the work takes at least, besides what the machines need.
    async fn wait(&self, region: &str, job: &Job) {
        let settings = self.settings();
        let millis = match &job.work {
            Work::Forget { .. } => settings.terminated_ms,
            Work::Optimize { .. } => settings.optimizing_ms,
            Work::Interrupt { at, .. } => millis_until(*at),
            Work::Firewalls | Work::Addresses { .. } | Work::GiveUpAddress { .. } => 0,
            _ => settings.operation_ms,
        };
        tokio::time::sleep(Duration::from_millis(millis)).await;
        if let Work::Detach { volume, force: false } = &job.work {
            self.until_unmounted(region, volume).await;
        }
    }

    /// A volume that is mounted goes when it no longer is, or when its instance stops.
    async fn until_unmounted(&self, region: &str, volume: &str) {
        while machine::is_busy(&self.region(region), volume, self.machines.as_ref()).await {
            self.change(region, |region| {
                let held = region.volumes.get_mut(volume).and_then(|volume| volume.attachment.as_mut());
                if let Some(held) = held.filter(|held| held.state == AttachmentState::Detaching) {
                    held.state = AttachmentState::Busy;
                }
            });
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Takes the job out of the account, and starts what follows from it.
    fn end(self: &Arc<Self>, region: &str, id: JobId, edit: impl FnOnce(&mut Region) -> Vec<Work>) {
        let next: Vec<JobId> = self.change(region, |region| {
            // A reset has taken it away.
            if region.jobs.remove(&id).is_none() {
                return Vec::new();
            }
            let next = edit(region);
            next.into_iter().filter_map(|work| region.enqueue(work)).collect()
        });
        next.into_iter().for_each(|job| self.spawn(region, job));
        self.tell_databases();
    }
}

impl Region {
    /// None where a job that has not begun will do it.
    pub fn enqueue(&mut self, work: Work) -> Option<JobId> {
        if work == Work::Firewalls && self.jobs.values().any(|job| job.work == work && !job.begun) {
            return None;
        }
        self.last_job += 1;
        self.jobs.insert(self.last_job, Job { work, fault: None, begun: false });
        Some(self.last_job)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a span of seconds that is not negative")]
fn millis_until(at: f64) -> u64 {
    ((at - now()).max(0.0) * 1000.0) as u64
}
