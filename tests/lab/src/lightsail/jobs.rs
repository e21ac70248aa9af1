//! Running jobs in the background, and looking at the machines' CPU time once in a while.

use std::sync::Arc;
use std::time::Duration;

use super::account::{Region, Shared};
use super::alarms;
use super::instances::{Instance, State};
use super::operations::{Job, JobId, OperationFault};
use super::resource::now;
use super::service::{Lightsail, locked};
use super::work::Work;
use crate::machines::Booted;

impl Lightsail {
    pub(super) fn spawn(self: &Arc<Self>, region: &str, id: JobId) {
        let (lightsail, region) = (Arc::clone(self), region.to_owned());
        let running = locked(&self.running).clone();
        tokio::spawn(async move {
            tokio::select! {
                () = running.cancelled() => {}
                () = lightsail.run(&region, id) => {}
            }
        });
    }

    /// Starts every job that has not ended; with `stuck` also those that a rule keeps from ending. Returns how many.
    pub fn resume(self: &Arc<Self>, stuck: bool) -> usize {
        let mut found = Vec::new();
        for (name, region) in &mut self.lock().kept.account.regions {
            for (&id, job) in &mut region.jobs {
                let is_stuck = job.fault == Some(OperationFault::NeverEnds);
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

    async fn run(&self, region: &str, id: JobId) {
        let Some(job) = self.job(region, id) else { return };
        if job.fault == Some(OperationFault::NeverEnds) {
            return;
        }
        let lock = self.machine_lock(region, &job.work);
        let _one_at_a_time = lock.lock().await;
        tokio::time::sleep(Duration::from_millis(self.settings().operation_ms)).await;
        if let Some(OperationFault::Fail { code, details }) = job.fault {
            self.change(region, |region, _| region.end_job(id, Some((code, details))));
            return;
        }
        let before = self.region(region);
        let result = job.work.perform(&before, self.machines.as_ref(), self.authority.public()).await;
        self.finish(region, id, &job.work, result);
        if let Work::Boot { instance } | Work::Start { instance } = &job.work {
            self.sample_instance(region, instance).await;
        }
    }

    fn finish(&self, region: &str, id: JobId, work: &Work, result: anyhow::Result<Option<Booted>>) {
        self.change(region, |region, samples| match result {
            Ok(booted) => {
                if let Work::Stop { instance } | Work::Terminate { instance, .. } = work
                    && let Some(gone) = region.instances.get(instance)
                {
                    samples.forget(&gone.machine);
                }
                work.complete(region, booted);
                region.end_job(id, None);
            }
            Err(error) => {
                tracing::error!("{work:?} failed: {error:#}");
                work.revert(region);
                region.end_job(id, Some(("InternalFailure".into(), format!("{error:#}"))));
            }
        });
    }

    fn job(&self, region: &str, id: JobId) -> Option<Job> {
        self.lock().kept.account.regions.get(region)?.jobs.get(&id).cloned()
    }

    fn region(&self, name: &str) -> Shared {
        self.lock().kept.account.regions.get(name).cloned().unwrap_or_default()
    }

    fn machine_lock(&self, region: &str, work: &Work) -> Arc<tokio::sync::Mutex<()>> {
        match work.instance(&self.region(region)) {
            Some(instance) => {
                Arc::clone(locked(&self.machine_locks).entry(format!("{region}/{instance}")).or_default())
            }
            None => Arc::default(),
        }
    }

    pub(super) fn sample_regularly(self: &Arc<Self>, every: Duration) {
        let lightsail = Arc::clone(self);
        let running = locked(&self.running).clone();
        tokio::spawn(async move {
            let look = async {
                loop {
                    lightsail.sample().await;
                    tokio::time::sleep(every).await;
                }
            };
            tokio::select! {
                () = running.cancelled() => {}
                () = look => {}
            }
        });
    }

    /// One look at every running machine, then at the alarms.
    async fn sample(&self) {
        for (region, instance) in self.running_instances() {
            self.sample_instance(&region, &instance).await;
        }
        let regions: Vec<String> = self.lock().kept.account.regions.keys().cloned().collect();
        for region in regions {
            self.quietly(&region, |region, samples| alarms::evaluate(region, samples, now()));
        }
    }

    async fn sample_instance(&self, region: &str, name: &str) {
        let Some(machine) = self.region(region).instances.get(name).map(|found| found.machine.clone()) else { return };
        let cpu = self.machines.cpu_seconds(&machine).await.unwrap_or_else(|error| {
            tracing::debug!("no CPU time of {machine}: {error:#}");
            None
        });
        self.quietly(region, |region, samples| {
            let same = |found: &&Instance| found.machine == machine && found.state == State::Running;
            if let Some(found) = region.instances.get(name).filter(same) {
                samples.record(&machine, found.bundle(), cpu, now());
            }
        });
    }

    /// Region and name.
    fn running_instances(&self) -> Vec<(String, String)> {
        let known = self.lock();
        let regions = known.kept.account.regions.iter();
        let running = regions.flat_map(|(name, region)| {
            let instances = region.instances.iter().filter(|(_, found)| found.state == State::Running);
            instances.map(move |(instance, _)| (name.clone(), instance.clone()))
        });
        running.collect()
    }

    /// A change that the account's owner does not make: not saved at once, and no reason for reads to be stale.
    fn quietly(&self, region: &str, edit: impl FnOnce(&mut Region, &mut super::metrics::Samples)) {
        let mut known = self.lock();
        let kept = &mut known.kept;
        if let Some(region) = kept.account.regions.get_mut(region) {
            edit(region, &mut kept.samples);
        }
    }
}
