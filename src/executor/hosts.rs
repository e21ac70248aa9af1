//! Steps on hosts: finds the way to each (address and host keys from the cloud), keeps one connection a host, and turns
//! actions into calls of `host`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::event::{Event, Reporter};
use super::step_runner::StepError;
use crate::cloud::{Access, Cloud, Clouds, HostKey};
use crate::host::{self, BuiltImage, DiskSpec, HostEvent, LocalImage, Progress, ReleaseSpec, Session, Site, Target};
use crate::inventory::host_facts::PushedImage;
use crate::inventory::{CloudKind, ResourceName};
use crate::plan::NodeName;
use crate::steps::{DiskOnHost, HostAction, HostRef, LocalAction};

/// How often a host action is begun anew after its connection broke: every one of them may be repeated.
const ATTEMPTS: u32 = 3;
/// A host that is up answers within this.
const CONNECT: Duration = Duration::from_secs(90);

/// The console of an EC2 instance is asked for seldom: AWS refreshes it once a minute or so.
fn keys_poll(at: CloudKind) -> Duration {
    match at {
        CloudKind::Lightsail => Duration::from_millis(500),
        CloudKind::Ec2 => Duration::from_secs(2),
    }
}

fn keys_awaited(at: CloudKind) -> &'static str {
    match at {
        CloudKind::Lightsail => "the cloud to know the host's keys",
        CloudKind::Ec2 => "the host's keys in its console output, which takes AWS a few minutes",
    }
}

#[async_trait]
pub trait Hosts: Send + Sync {
    async fn perform(&self, action: &HostAction, timeout: Duration, reporter: &Reporter) -> Result<(), StepError>;
    async fn local(&self, action: &LocalAction, reporter: &Reporter) -> Result<(), StepError>;
    /// The instance has another address now, or is off: its connection is void.
    async fn forget(&self, instance: &ResourceName);
    /// An instance of this name is about to be made: what was known of an earlier one is void.
    async fn unpin(&self, instance: &ResourceName) -> Result<(), StepError>;
}

/// Where keys and pins are kept on the operator's machine.
pub trait HostKeys: Send + Sync {
    /// The plan's own private key, if this machine has it.
    fn private_key(&self) -> Option<PathBuf>;
    /// Its keys are known from an earlier connection, or by a person's word.
    fn is_pinned(&self, instance: &ResourceName) -> bool;
    /// The known_hosts file of an instance pinned before, written for this address.
    fn pinned(&self, instance: &ResourceName, address: &str) -> std::io::Result<Option<PathBuf>>;
    fn pin(&self, instance: &ResourceName, address: &str, keys: &[HostKey]) -> std::io::Result<PathBuf>;
    fn unpin(&self, instance: &ResourceName) -> std::io::Result<()>;
    /// A short-lived key and its certificate, for a machine without the plan's own.
    fn borrow(&self, instance: &ResourceName, access: &Access) -> std::io::Result<Option<(PathBuf, PathBuf)>>;
}

/// What a release is made of, but for what only the host knows.
pub trait ReleaseSource: Send + Sync {
    fn images(&self) -> Vec<LocalImage>;
    fn spec(&self, site: &Site, address: &str, images: Vec<PushedImage>) -> ReleaseSpec;
}

pub struct SshHosts {
    pub cloud: Option<Clouds>,
    pub keys: Arc<dyn HostKeys>,
    pub sites: BTreeMap<NodeName, Site>,
    pub release: Option<Arc<dyn ReleaseSource>>,
    /// `user@machine`, for locks and audit logs.
    pub by: String,
    /// Why: `up`, `deploy`.
    pub verb: String,
    pub state: Mutex<State>,
}

/// What lives through a run.
#[derive(Default)]
pub struct State {
    sessions: BTreeMap<HostRef, Arc<Connected>>,
    built: Vec<BuiltImage>,
}

pub struct Connected {
    pub session: Session,
    pub address: String,
}

#[async_trait]
impl Hosts for SshHosts {
    async fn perform(&self, action: &HostAction, timeout: Duration, reporter: &Reporter) -> Result<(), StepError> {
        let deadline = Instant::now() + timeout;
        let mut attempt = 1;
        loop {
            match self.once(action, deadline, reporter).await {
                Err(StepError::Host(error))
                    if error.is_transient() && attempt < ATTEMPTS && Instant::now() < deadline =>
                {
                    let reason = crate::error::chain(&error);
                    let step = reporter.step.clone();
                    reporter.send(Event::StepRetry { step, reason, attempt, after_ms: 0 });
                    self.state.lock().await.sessions.remove(action.on());
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    async fn local(&self, action: &LocalAction, reporter: &Reporter) -> Result<(), StepError> {
        let LocalAction::BuildImages { .. } = action;
        self.build(reporter).await.map(drop)
    }

    async fn forget(&self, instance: &ResourceName) {
        let same = |on: &HostRef| matches!(on, HostRef::Instance { name, .. } if name == instance);
        self.state.lock().await.sessions.retain(|on, _| !same(on));
    }

    async fn unpin(&self, instance: &ResourceName) -> Result<(), StepError> {
        self.forget(instance).await;
        self.keys.unpin(instance).map_err(local("forget the host keys of", instance))
    }
}

impl SshHosts {
    async fn once(&self, action: &HostAction, deadline: Instant, reporter: &Reporter) -> Result<(), StepError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let on = action.on();
        let patience = if matches!(action, HostAction::Wait { .. }) { left } else { left.min(CONNECT) };
        let connected = self.connect(on, patience, reporter).await?;
        let session = &connected.session;
        let site = self.site(on.host())?;
        let progress = forward(reporter, on.host());
        match action {
            HostAction::Wait { .. } => {
                let left = deadline.saturating_duration_since(Instant::now());
                session.wait_prepared(left).await?;
            }
            HostAction::Prepare { .. } => session.prepare(crate::host::PREPARE_SCRIPT, &progress).await?,
            HostAction::PrepareDisk { disk, .. } => self.prepare_disk(session, site, on, disk, reporter).await?,
            HostAction::RenameDisk { mount, from, to, .. } => {
                session.rename_disk(site, mount.as_str(), from.as_str(), to.as_str()).await?;
            }
            HostAction::Carry { from, data, state, .. } => {
                let old = self.connect(from, left.min(CONNECT), reporter).await?;
                session.carry(&old.session, site, data, *state, &progress).await?;
            }
            HostAction::StopServices { .. } => self.stop_services(session, site).await?,
            HostAction::PushImages { .. } => {
                let built = self.build(reporter).await?;
                let report = session.push_images(&built, &progress).await?;
                let (sent, all) = (report.layers_sent, report.layers);
                reporter.output(format!("sent {sent} of {all} layers, {} bytes", report.bytes_sent));
            }
            HostAction::Release { .. } => self.deploy(&connected, site, reporter, &progress).await?,
        }
        Ok(())
    }

    fn site(&self, host: &NodeName) -> Result<&Site, StepError> {
        self.sites.get(host).ok_or_else(|| StepError::Setup(format!("host {host} is not in the plan")))
    }

    async fn prepare_disk(
        &self,
        session: &Session,
        site: &Site,
        on: &HostRef,
        disk: &DiskOnHost,
        reporter: &Reporter,
    ) -> Result<(), StepError> {
        let serial = match on {
            HostRef::Instance { at, .. } => self.cloud(*at)?.serial(&disk.resource).await?,
            HostRef::Existing { .. } => None,
        };
        let spec = DiskSpec {
            disk: disk.disk.clone(),
            size_gb: disk.size_gb,
            mount: disk.mount.as_str().to_owned(),
            cloud_path: Some(disk.path.clone()),
            serial,
        };
        let outcome = session.ensure_disk(site, &spec, !disk.expects_data).await?;
        let did = [(outcome.formatted, "formatted"), (outcome.mounted, "mounted"), (outcome.grown, "grown")];
        let did: Vec<_> = did.iter().filter(|(yes, _)| *yes).map(|(_, what)| *what).collect();
        reporter.output(format!(
            "{}: {}",
            outcome.device,
            if did.is_empty() { "as it was".into() } else { did.join(", ") }
        ));
        Ok(())
    }

    async fn stop_services(&self, session: &Session, site: &Site) -> Result<(), StepError> {
        let lock = session.lock(&self.by, &self.verb).await?;
        let stopped = session.stop_bundle(site).await;
        lock.release().await;
        Ok(stopped?)
    }

    async fn deploy(
        &self,
        connected: &Connected,
        site: &Site,
        reporter: &Reporter,
        progress: &Progress,
    ) -> Result<(), StepError> {
        let source = self.source()?;
        let images = if source.images().is_empty() { vec![] } else { self.build(reporter).await? };
        let pushed = images.iter().map(|image| PushedImage {
            service: image.service.clone(),
            reference: image.reference.clone(),
            id: image.id.clone(),
        });
        let spec = source.spec(site, &connected.address, pushed.collect());
        let lock = connected.session.lock(&self.by, &self.verb).await?;
        let deployed = connected.session.deploy(&lock, &spec, progress).await;
        lock.release().await;
        let deployed = deployed?;
        reporter.output(format!("release {} is in service", deployed.release));
        Ok(())
    }

    fn source(&self) -> Result<&Arc<dyn ReleaseSource>, StepError> {
        self.release.as_ref().ok_or_else(|| StepError::Setup("the plan has no bundle".into()))
    }

    /// Built once a run.
    async fn build(&self, reporter: &Reporter) -> Result<Vec<BuiltImage>, StepError> {
        let mut state = self.state.lock().await;
        if state.built.is_empty() {
            let images = self.source()?.images();
            state.built = host::build_images(&images, &forward_local(reporter)).await?;
        }
        Ok(state.built.clone())
    }

    /// An open connection, or a new one.
    pub async fn connect(
        &self,
        on: &HostRef,
        patience: Duration,
        reporter: &Reporter,
    ) -> Result<Arc<Connected>, StepError> {
        let known = self.state.lock().await.sessions.get(on).cloned();
        if let Some(connected) = known
            && connected.session.is_alive().await
        {
            return Ok(connected);
        }
        let target = self.target(on, patience, reporter).await?;
        let session = Session::connect(&target, patience).await?;
        let connected = Arc::new(Connected { session, address: target.address });
        self.state.lock().await.sessions.insert(on.clone(), connected.clone());
        Ok(connected)
    }

    pub async fn target(&self, on: &HostRef, patience: Duration, reporter: &Reporter) -> Result<Target, StepError> {
        match on {
            HostRef::Existing { host, address } => Ok(existing(host, address)),
            HostRef::Instance { host, at, name } => {
                let access = self.access(*at, name, patience, reporter).await?;
                self.target_of(host, name, &access)
            }
        }
    }

    fn cloud(&self, at: CloudKind) -> Result<&Arc<dyn Cloud>, StepError> {
        let clouds = self.cloud.as_ref().ok_or_else(|| StepError::Setup("this plan has no cloud".into()))?;
        Ok(clouds.at(at)?)
    }

    /// Waits for the host keys where none are pinned: the API has none in an instance's first minute, EC2 in its first few.
    async fn access(
        &self,
        at: CloudKind,
        name: &ResourceName,
        patience: Duration,
        reporter: &Reporter,
    ) -> Result<Access, StepError> {
        let cloud = self.cloud(at)?;
        let wanted = !self.keys.is_pinned(name);
        let deadline = Instant::now() + patience;
        let mut told = false;
        loop {
            match cloud.access(name, wanted).await {
                Ok(access) if !wanted || !access.host_keys.is_empty() => return Ok(access),
                Ok(_) if told => {}
                Ok(_) => {
                    reporter.waiting(keys_awaited(at));
                    told = true;
                }
                Err(error) if error.is_transient() => reporter.waiting(error.to_string()),
                Err(error) => return Err(error.into()),
            }
            if Instant::now() + keys_poll(at) > deadline {
                return Err(StepError::NoHostKeys { instance: name.clone(), at, after: patience });
            }
            tokio::time::sleep(keys_poll(at)).await;
        }
    }

    pub fn target_of(&self, host: &NodeName, name: &ResourceName, access: &Access) -> Result<Target, StepError> {
        let pinned = self.keys.pinned(name, &access.address).map_err(local("read the host keys of", name))?;
        let known_hosts = match pinned {
            Some(file) => file,
            None => {
                self.keys.pin(name, &access.address, &access.host_keys).map_err(local("pin the host keys of", name))?
            }
        };
        let (identity, certificate) = match self.keys.private_key() {
            Some(key) => (Some(key), None),
            None => self
                .keys
                .borrow(name, access)
                .map_err(local("keep a key for", name))?
                .map_or((None, None), |(key, cert)| (Some(key), Some(cert))),
        };
        Ok(Target {
            host: host.clone(),
            address: access.address.clone(),
            port: 22,
            user: access.user.clone(),
            identity,
            certificate,
            known_hosts: Some(known_hosts),
        })
    }
}

/// `host` or `user@host`, with the user's own SSH files.
pub fn existing(host: &NodeName, address: &str) -> Target {
    let (user, address) = address.split_once('@').unwrap_or(("root", address));
    Target {
        host: host.clone(),
        address: address.to_owned(),
        port: 22,
        user: user.to_owned(),
        identity: None,
        certificate: None,
        known_hosts: None,
    }
}

fn local(what: &'static str, name: &ResourceName) -> impl Fn(std::io::Error) -> StepError {
    let name = name.clone();
    move |error| StepError::Setup(format!("cannot {what} {name}: {error}"))
}

/// A `host` progress whose events become the step's.
pub fn forward(reporter: &Reporter, host: &NodeName) -> Progress {
    Progress::new(forwarder(reporter.clone()), Some(host.clone()))
}

fn forward_local(reporter: &Reporter) -> Progress {
    Progress::new(forwarder(reporter.clone()), None)
}

fn forwarder(reporter: Reporter) -> mpsc::UnboundedSender<(Option<NodeName>, HostEvent)> {
    let (sender, mut events) = mpsc::unbounded_channel::<(Option<NodeName>, HostEvent)>();
    tokio::spawn(async move {
        while let Some((_, event)) = events.recv().await {
            match event {
                HostEvent::Phase { phase, detail } => {
                    reporter.waiting(format!("{phase:?} {detail}").trim_end().to_lowercase());
                }
                HostEvent::Line { text } => reporter.output(text),
                HostEvent::Bytes { sent, total } => {
                    reporter.send(Event::StepBytes { step: reporter.step.clone(), done: sent, total });
                }
            }
        }
    });
    sender
}
