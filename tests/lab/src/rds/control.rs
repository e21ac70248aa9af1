//! The loop beside MiniStack: every server of an instance has what its instance says. It works when a container has
//! started and when somebody has changed something, and keeps trying what does not work yet.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::behind::{Group, Instance};
use super::containers::{self, Container, Containers, Files, Starts};
use super::records::{Key, Record, Records, Started};
use super::{Rds, firewall, parameters};
use crate::behind::Caller;

/// Until what did not work is tried again: MiniStack knows an instance a moment after its container runs.
const AGAIN: Duration = Duration::from_millis(300);
/// Even if nothing is heard.
const AT_LEAST: Duration = Duration::from_secs(60);

/// What each container, by its id and start, was last given.
type Provided = HashMap<(String, String), Files>;

impl Rds {
    /// Runs until it is cancelled.
    pub fn control(self: &Arc<Self>, stop: CancellationToken) {
        if self.containers.is_some() {
            let rds = Arc::clone(self);
            tokio::spawn(async move {
                tokio::select! {
                    () = rds.run() => {}
                    () = stop.cancelled() => {}
                }
            });
        }
    }

    async fn run(&self) {
        let Some(containers) = &self.containers else { return };
        let (mut provided, mut starts) = (Provided::new(), None);
        loop {
            // Listening first: nothing that starts from here on is missed.
            if starts.is_none() {
                starts = containers.starts().inspect_err(|error| tracing::warn!("databases: {error:#}")).ok();
            }
            let mut wait = AT_LEAST;
            if let Err(error) = self.look(containers, &mut provided).await {
                tracing::debug!("databases: {error:#}");
                wait = AGAIN;
            }
            tokio::select! {
                more = next(&mut starts) => if !more { starts = None },
                () = self.changed.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Brings every server up to date; the first thing that fails is returned at the end.
    async fn look(&self, containers: &Containers, provided: &mut Provided) -> anyhow::Result<()> {
        if self.records.all().is_empty() {
            return Ok(());
        }
        let running = containers.running().await?;
        provided.retain(|(id, started_at), _| {
            running.iter().any(|container| container.id == *id && container.started_at == *started_at)
        });
        let mut failed = None;
        for container in &running {
            let Some(record) = self.records.get(&container.key) else { continue };
            if let Err(error) = self.serve(containers, container, &record, provided).await {
                failed = failed.or(Some(error.context(format!("instance {}", container.key.id))));
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn serve(
        &self,
        containers: &Containers,
        container: &Container,
        record: &Record,
        provided: &mut Provided,
    ) -> anyhow::Result<()> {
        let caller = Caller { access_key: record.access_key.clone(), region: container.key.region.clone() };
        let instance =
            self.behind.instance(&caller, &container.key).await?.context("MiniStack does not know it yet")?;
        let start = (container.id.clone(), container.started_at.clone());
        let Some(before) = provided.get(&start) else {
            let files = self.start(containers, container, record, &caller, instance).await?;
            provided.insert(start, files);
            return Ok(());
        };
        let files = self.later(&container.key, record, &caller, &instance).await?;
        if files.firewall != before.firewall {
            containers.set_firewall(container, &files.firewall).await?;
        }
        if (&files.parameters, &files.access) != (&before.parameters, &before.access) {
            containers.reload(container, &files).await?;
        }
        provided.insert(start, files);
        Ok(())
    }

    /// A server that waits for its first word.
    async fn start(
        &self,
        containers: &Containers,
        container: &Container,
        record: &Record,
        caller: &Caller,
        instance: Instance,
    ) -> anyhow::Result<Files> {
        if !containers.connect(container, record.address).await? {
            self.records.move_on(&container.key);
            anyhow::bail!("{} is taken, the next one is tried", record.address);
        }
        let group = self.behind.group(caller, &container.key, &instance.group).await?;
        let files = self.files(&container.key, record, caller, &instance, &group.all)?;
        let started = Started { group: instance.group, fixed: parameters::only_static(&group.all) };
        self.records.change(&container.key, |record| {
            record.container = Some(container.id.clone());
            record.volume = Some(container.volume.clone());
            record.started_with = Some(started);
        });
        containers.provide(container, record.address, &files).await?;
        tracing::info!("the database {} is at {}", container.key.id, record.address);
        Ok(files)
    }

    /// What a server that runs may have: a group that was associated since waits for the reboot, and so do parameters.
    async fn later(&self, key: &Key, record: &Record, caller: &Caller, instance: &Instance) -> anyhow::Result<Files> {
        let started = record.started_with.as_ref().context("it has not started")?;
        let Group { immediate, .. } = self.behind.group(caller, key, &started.group).await?;
        let in_effect = immediate.into_iter().chain(started.fixed.clone()).collect();
        self.files(key, record, caller, instance, &in_effect)
    }

    fn files(
        &self,
        key: &Key,
        record: &Record,
        caller: &Caller,
        instance: &Instance,
        parameters: &parameters::Parameters,
    ) -> anyhow::Result<Files> {
        let rules = self.ec2.ingress(&caller.region, &instance.security_groups);
        self.ec2.note_database(
            &key.to_string(),
            Some((caller.region.clone(), record.address, instance.security_groups.clone())),
        );
        let unreachable = self.unreachable(&caller.region);
        Ok(Files {
            parameters: parameters::configuration(parameters),
            access: parameters::access(parameters),
            firewall: firewall::table(record.address, &firewall::ingress(&rules), &unreachable),
        })
    }
}

async fn next(starts: &mut Option<Starts>) -> bool {
    match starts {
        Some(starts) => starts.next().await,
        None => std::future::pending().await,
    }
}

/// Removes what a lab that does not run has left in `folder`: containers, data, records, the authority.
pub async fn remove_all(folder: &Path) -> anyhow::Result<()> {
    for (_, record) in Records::open(folder.join("records.json"))?.all() {
        containers::remove(&record).await?;
    }
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
