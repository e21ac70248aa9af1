//! The bundle's database service on another host of the plan: brought there, started, told to let the clients in, saved,
//! removed. Each of these finds what it has done already, so that the same call goes on where one was cut off.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::load::{Stack, address_of};
use super::observe::serving;
use crate::agent::{HostedRequest, NewDatabase};
use crate::executor::{Connected, Event, Reporter, forward};
use crate::host::{self, HostError, Site, disk_variable};
use crate::inventory::host_facts::{HostFacts, PushedImage};
use crate::inventory::{HostView, Inventory};
use crate::plan::{Disk, NodeName, Provider};
use crate::steps::StepId;

#[derive(Debug, thiserror::Error)]
pub enum HostedError {
    #[error("host {0} holds the database already")]
    OwnHost(NodeName),
    #[error("the plan has no bundle with a database")]
    NoDatabase,
    #[error("host {host} has no disk for {variable}, where service {service} keeps its data")]
    NoDisk { host: NodeName, service: String, variable: String },
    #[error("the address of host {0} is not known")]
    NoAddress(NodeName),
    #[error("the bundle is not the one that is in service on host {0}: its database would be another one")]
    NotDeployed(NodeName),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("host {host} answers what infra does not understand")]
    Answer { host: NodeName, source: serde_json::Error },
}

impl HostedError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::OwnHost(_) => Some("name another host of the plan".to_owned()),
            Self::NoDatabase => Some("name the service that holds it, and its clients, in [database]".to_owned()),
            Self::NoDisk { host, variable, .. } => {
                let disk = variable.trim_start_matches(host::DISK_VARIABLE).to_lowercase().replace('_', "-");
                Some(format!("add [hosts.{host}.disks.{disk}] with size_gb and mount, then infra up"))
            }
            Self::NoAddress(_) => Some("is it there? infra status".to_owned()),
            Self::NotDeployed(_) => Some("infra deploy first, or take the change back".to_owned()),
            Self::Host(error) => error.hint(),
            Self::Answer { .. } => None,
        }
    }
}

/// The disk of `host` on which the database's service would keep its data; None: on the host's own. Whatever keeps the plan
/// from being able to have it there is an error.
pub fn data_disk<'a>(stack: &'a Stack, host: &NodeName) -> Result<Option<&'a Disk>, HostedError> {
    let (Some(release), Some(database)) = (&stack.release, &stack.plan.database) else {
        return Err(HostedError::NoDatabase);
    };
    if release.host == *host {
        return Err(HostedError::OwnHost(host.clone()));
    }
    let service = database.service.as_str();
    let disks = stack.plan.hosts.get(host).map(|spec| &spec.disks);
    let wanted = release.disks_of(service).into_iter().map(|variable| {
        let found = disks.into_iter().flatten().find(|(name, _)| disk_variable(name.as_str()) == variable);
        let missing = || HostedError::NoDisk { host: host.clone(), service: service.to_owned(), variable };
        found.map(|(_, disk)| disk).ok_or_else(missing)
    });
    let disks = wanted.collect::<Result<Vec<_>, _>>()?;
    // The least of several bounds what can be kept.
    Ok(disks.into_iter().min_by_key(|disk| disk.size_gb))
}

/// Where the service is to be, or is.
pub struct HostedDatabase<'a> {
    pub stack: &'a Stack,
    /// Of the cloud.
    pub inventory: &'a Inventory,
    pub there: Arc<Connected>,
    pub site: Site,
    pub events: UnboundedSender<Event>,
}

impl HostedDatabase<'_> {
    /// The service runs there, reached by verified TLS, with its superuser's password. `source`: of the bundle's host.
    pub async fn provide(&self, migration: &str, source: HostFacts) -> Result<NewDatabase, HostedError> {
        let place = format!("the database on host {}", self.site.host);
        self.shown("serve", format!("start {place}"), async |reporter| {
            let address = self.own_address().await?;
            self.start(migration, address, source, reporter).await?;
            let text = self.ask("host-database", migration, Some(address)).await?;
            serde_json::from_str(&text).map_err(|source| HostedError::Answer { host: self.site.host.clone(), source })
        })
        .await
    }

    /// A copy of what it holds, on its host; where it is.
    pub async fn back_up(&self, migration: &str) -> Result<String, HostedError> {
        let what = format!("back up the database on host {}", self.site.host);
        self.shown("back_up", what, async |_| self.ask("save-hosted", migration, None).await).await
    }

    /// It goes, with what was made for it. `keep` is the end of the names of what stays; which is told.
    pub async fn remove(&self, keep: Option<&str>) -> Result<Vec<String>, HostedError> {
        let what = format!("remove the database from host {}", self.site.host);
        self.shown("remove", what, async |_| {
            let session = &self.there.session;
            let lock = session.lock(&host::operator(), "migrate").await?;
            let removed = session.remove_hosted(&self.site, keep).await;
            lock.release().await;
            Ok(removed?)
        })
        .await
    }

    /// What lies on the host's disks and is not infra's own.
    pub async fn besides_ours(&self) -> Result<Vec<String>, HostedError> {
        let disks = self.stack.plan.hosts.get(&self.site.host).map(|host| host.disks.values());
        let mounts: Vec<&str> = disks.into_iter().flatten().map(|disk| disk.mount.as_str()).collect();
        Ok(self.there.session.besides_ours(&mounts).await?)
    }

    /// By which the bundle's host reaches this one.
    async fn own_address(&self) -> Result<IpAddr, HostedError> {
        let bundle = &self.stack.release.as_ref().ok_or(HostedError::NoDatabase)?.host;
        let toward = self.address_of_bundle(bundle).ok_or_else(|| HostedError::NoAddress(bundle.clone()))?;
        let session = &self.there.session;
        session.install_agent().await?;
        let text = session.agent(&["own-address", &toward], &[]).await?;
        text.trim().parse().map_err(|_| HostedError::NoAddress(self.site.host.clone()))
    }

    /// Hosts of a cloud reach each other by their private addresses; others by what the operator calls them.
    fn address_of_bundle(&self, bundle: &NodeName) -> Option<String> {
        let of_cloud = |host| self.stack.plan.hosts.get(host).is_some_and(|spec| spec.provider != Provider::Ssh);
        if of_cloud(bundle) && of_cloud(&self.site.host) {
            return serving(self.stack, self.inventory, bundle)?.private_ip.clone();
        }
        address_of(self.stack, bundle, self.inventory)
    }

    async fn start(
        &self,
        migration: &str,
        address: IpAddr,
        source: HostFacts,
        reporter: &Reporter,
    ) -> Result<(), HostedError> {
        let service = self.service()?;
        let release = self.stack.release.as_ref().ok_or(HostedError::NoDatabase)?;
        let bundle = release.host.clone();
        let deployed = source.current().map(|current| current.bundle_hash.clone());
        let mut inventory = self.inventory.clone();
        inventory.hosts.insert(bundle.clone(), HostView::Seen(source));
        let seen = self.there.session.facts(&self.site).await?;
        inventory.hosts.insert(self.site.host.clone(), HostView::Seen(seen));
        if deployed != Some(release.hash_on(self.stack, &inventory)) {
            return Err(HostedError::NotDeployed(bundle));
        }
        let parts = release.alone(self.stack, (service, &self.site.host), address, &inventory);
        let (mut spec, images) = parts.ok_or(HostedError::NoDatabase)?;
        let progress = forward(reporter, &self.site.host);
        let session = &self.there.session;
        if !images.is_empty() {
            let built = host::build_images(&images, &progress).await?;
            session.push_images(&built, &progress).await?;
            let pushed = built.iter().map(|image| PushedImage {
                service: image.service.clone(),
                reference: image.reference.clone(),
                id: image.id.clone(),
            });
            spec.images = pushed.collect();
        }
        let lock = session.lock(&spec.by, "migrate").await?;
        let started = async {
            session.claim(&lock, &spec, service, migration, &progress).await?;
            session.deploy(&lock, &spec, &progress).await
        };
        let started = started.await;
        lock.release().await;
        Ok(started.map(drop)?)
    }

    async fn ask(&self, word: &str, migration: &str, address: Option<IpAddr>) -> Result<String, HostedError> {
        let database = self.stack.plan.database.as_ref().ok_or(HostedError::NoDatabase)?;
        let request = HostedRequest {
            site: self.site.clone(),
            service: database.service.to_string(),
            database: database.name.to_string(),
            migration: migration.to_owned(),
            address,
        };
        let request = serde_json::to_vec(&request).expect("names are plain data");
        let session = &self.there.session;
        session.install_agent().await?;
        Ok(session.agent(&[word], &request).await?.trim().to_owned())
    }

    fn service(&self) -> Result<&str, HostedError> {
        Ok(self.stack.plan.database.as_ref().ok_or(HostedError::NoDatabase)?.service.as_str())
    }

    async fn shown<T>(
        &self,
        step: &str,
        what: String,
        act: impl AsyncFnOnce(&Reporter) -> Result<T, HostedError>,
    ) -> Result<T, HostedError> {
        let step = StepId(format!("hosts.{}/database.{step}", self.site.host));
        let reporter = Reporter { step: step.clone(), to: self.events.clone() };
        reporter.send(Event::StepStarted { step: step.clone(), what });
        let began = tokio::time::Instant::now();
        let done = act(&reporter).await;
        reporter.send(match &done {
            Ok(_) => {
                let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                Event::StepDone { step, ms }
            }
            Err(error) => Event::StepFailed { step, error: crate::error::chain(error), hint: error.hint() },
        });
        done
    }
}
