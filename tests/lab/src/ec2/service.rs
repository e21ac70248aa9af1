//! The account behind its lock: requests in, answers out, every change on disk before it is answered.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use anyhow::Context;
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::account::{Account, Call, Prepared, Profile, Region};
use super::error::ApiError;
use super::groups;
use super::handlers;
use super::input::Input;
use super::inventory::inventory;
use super::jobs::{Fault, JobId};
use super::network::Network;
use super::work::Work;
use super::{spot_notice, status};
use crate::behind::{Behind, Caller};
use crate::machines::{FirewallRule, MachineId, Machines};
use crate::settings::Settings;
use crate::{ssh, store};

/// How a rule spoils a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFault {
    /// The answer is of the time before the last change of the region.
    Stale,
    EmptyConsole,
}

/// One request, freed of HTTP.
#[derive(Debug)]
pub struct Request {
    pub caller: Caller,
    pub operation: String,
    /// Members as the service model names them.
    pub body: Value,
    pub fault: Option<Fault>,
    pub read_fault: Option<ReadFault>,
    /// A database that is in the security group which the request deletes.
    pub group_in_use: Option<String>,
}

/// What is known, and what was known before the last request that changed each region.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub account: Account,
    before: BTreeMap<String, Region>,
}

/// A database: its region, its address, its security groups.
type Member = (String, Ipv4Addr, Vec<String>);

pub struct Ec2 {
    known: Mutex<Known>,
    file: PathBuf,
    settings: Arc<RwLock<Settings>>,
    pub(super) machines: Arc<dyn Machines>,
    /// VPCs and instance profiles are MiniStack's. None without it.
    pub(super) behind: Option<Behind>,
    /// One job at a time for each instance, and for each volume that has none.
    locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// Ends every job; replaced by `reset`.
    running: Mutex<CancellationToken>,
    /// What each instance was last told to let in.
    pub(super) told: tokio::sync::Mutex<HashMap<String, Vec<FirewallRule>>>,
    /// Databases by name: they can be members of security groups.
    databases: Mutex<BTreeMap<String, Member>>,
    /// Told of everything that databases must learn of.
    changed: OnceLock<Arc<Notify>>,
    metadata: OnceLock<SocketAddrV4>,
    /// Ends everything.
    pub(super) stop: CancellationToken,
}

impl Ec2 {
    /// Reads the account from `file`, if it is there. `start` goes on with its jobs.
    pub fn open(
        file: PathBuf,
        settings: Arc<RwLock<Settings>>,
        machines: Arc<dyn Machines>,
        behind: Option<Behind>,
    ) -> anyhow::Result<Arc<Self>> {
        let account: Account = store::read(&file).context("cannot read the account of EC2")?.unwrap_or_default();
        Ok(Arc::new(Self {
            known: Mutex::new(Known { account, before: BTreeMap::new() }),
            file,
            settings,
            machines,
            behind,
            locks: Mutex::default(),
            running: Mutex::default(),
            told: tokio::sync::Mutex::default(),
            databases: Mutex::default(),
            changed: OnceLock::new(),
            metadata: OnceLock::new(),
            stop: CancellationToken::new(),
        }))
    }

    /// Listens for questions about metadata, and goes on with the jobs that had not ended.
    pub async fn start(self: &Arc<Self>, metadata_port: u16) -> anyhow::Result<()> {
        if let Some(host) = self.machines.operator() {
            let address = super::metadata::serve(self, SocketAddrV4::new(host, metadata_port)).await?;
            self.metadata.get_or_init(|| address);
        }
        self.resume(false);
        self.refresh_hosts();
        Ok(())
    }

    /// Hosts of a gateway before this one may have been told of another place.
    fn refresh_hosts(self: &Arc<Self>) {
        let Some(to) = self.metadata() else { return };
        let ec2 = Arc::clone(self);
        tokio::spawn(async move {
            let machines: Vec<MachineId> = ec2.running_machines();
            for machine in machines {
                if let Err(error) = ec2.machines.lead_metadata(&machine, to).await {
                    tracing::warn!("{machine} does not find its metadata: {error:#}");
                }
            }
        });
    }

    fn running_machines(&self) -> Vec<MachineId> {
        let known = self.lock();
        let instances = known.account.regions.values().flat_map(|region| region.instances.values());
        let running = instances.filter(|instance| instance.state == super::instances::State::Running);
        running.map(|instance| super::machine::id(&instance.id)).collect()
    }

    /// Whom to tell of what databases must learn of.
    pub fn tell(&self, changed: Arc<Notify>) {
        self.changed.get_or_init(|| changed);
    }

    pub(super) fn tell_databases(&self) {
        if let Some(changed) = self.changed.get() {
            changed.notify_one();
        }
    }

    /// Stops all work in the background.
    pub fn shut_down(&self) {
        self.running().cancel();
        self.stop.cancel();
    }

    /// Answers one request.
    pub async fn call(self: &Arc<Self>, request: Request) -> Result<Value, ApiError> {
        let region = request.caller.region.clone();
        let prepared = self.prepare(&request).await?;
        let (answer, started) = self.answer(&request, prepared);
        for job in started {
            self.spawn(&region, job);
        }
        answer
    }

    async fn prepare(&self, request: &Request) -> Result<Prepared, ApiError> {
        let input = Input(&request.body);
        let mut prepared = Prepared {
            hide_console: request.read_fault == Some(ReadFault::EmptyConsole),
            group_in_use: request.group_in_use.clone(),
            ..Prepared::default()
        };
        if handlers::needs_network(&request.operation) {
            prepared.network = self.network(&request.caller).await?;
        }
        if let Some(named) = input.part("IamInstanceProfile") {
            prepared.profile = self.profile(&request.caller, named).await?;
        }
        if request.operation == "CreateKeyPair" {
            let ed25519 = input.maybe("KeyType") == Some("ed25519");
            let made = if ed25519 { ssh::ed25519().await } else { ssh::rsa().await };
            prepared.key = Some(made.map_err(|error| failed(&error))?);
        }
        Ok(prepared)
    }

    async fn network(&self, caller: &Caller) -> Result<Network, ApiError> {
        match &self.behind {
            Some(behind) => behind.network(caller).await.map_err(|error| failed(&error)),
            None => Ok(Network::default_of(&caller.region)),
        }
    }

    async fn profile(&self, caller: &Caller, named: Input<'_>) -> Result<Option<Profile>, ApiError> {
        let (name, arn) = (named.maybe("Name"), named.maybe("Arn"));
        let Some(name) = name.or(arn.and_then(|arn| arn.rsplit('/').next())) else { return Ok(None) };
        let Some(behind) = &self.behind else { return Ok(None) };
        behind.instance_profile(caller, name).await.map_err(|error| failed(&error))
    }

    /// Works on a draft of the region, which takes the region's place only if the request succeeds.
    fn answer(&self, request: &Request, prepared: Prepared) -> (Result<Value, ApiError>, Vec<JobId>) {
        let settings = self.settings();
        let (name, operation) = (&request.caller.region, &request.operation);
        let is_read = handlers::is_read(operation);
        let mut known = self.lock();
        let current = known.account.regions.entry(name.clone()).or_default().clone();
        let mut draft = match request.read_fault {
            Some(ReadFault::Stale) => known.before.get(name).cloned().unwrap_or_default(),
            _ if is_read => current,
            _ => current.clone(),
        };
        let mut call = Call {
            region: &mut draft,
            region_name: name,
            input: Input(&request.body),
            settings: &settings,
            machines: &*self.machines,
            prepared,
            fault: request.fault.clone(),
            started: Vec::new(),
        };
        let answer = handlers::answer(operation, &mut call);
        let started = std::mem::take(&mut call.started);
        if answer.is_ok() && call.input.flag("DryRun") == Some(true) {
            let message = "Request would have succeeded, but DryRun flag is set.";
            return (Err(ApiError::new("DryRunOperation", message)), Vec::new());
        }
        if is_read || answer.is_err() {
            return (answer, Vec::new());
        }
        let before = known.account.regions.insert(name.clone(), draft);
        known.before.insert(name.clone(), before.unwrap_or_default());
        self.save(&known);
        (answer, started)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Known> {
        locked(&self.known)
    }

    pub(super) fn running(&self) -> CancellationToken {
        locked(&self.running).clone()
    }

    pub(super) fn metadata(&self) -> Option<SocketAddrV4> {
        self.metadata.get().copied()
    }

    pub(super) fn region(&self, name: &str) -> Region {
        self.lock().account.regions.get(name).cloned().unwrap_or_default()
    }

    /// Changes a region from the inside. Stale reads go back to before the last request, whatever jobs have done since.
    pub(super) fn change<T>(&self, region: &str, edit: impl FnOnce(&mut Region) -> T) -> T {
        let mut known = self.lock();
        let result = edit(known.account.regions.entry(region.to_owned()).or_default());
        self.save(&known);
        result
    }

    fn save(&self, known: &Known) {
        if let Err(error) = store::write(&self.file, &known.account) {
            tracing::error!("the account of EC2 could not be saved: {error:#}");
        }
    }

    pub(super) fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn lock_of(&self, region: &str, work: &Work) -> Arc<tokio::sync::Mutex<()>> {
        match work.subject(&self.region(region)) {
            Some(subject) => Arc::clone(locked(&self.locks).entry(subject.to_owned()).or_default()),
            None => Arc::default(),
        }
    }

    /// What security groups let in.
    pub fn ingress(&self, region: &str, ids: &[String]) -> Vec<FirewallRule> {
        self.ingress_in(&self.region(region), region, ids)
    }

    /// The same of a region that is at hand.
    pub(super) fn ingress_in(&self, known: &Region, region: &str, ids: &[String]) -> Vec<FirewallRule> {
        let databases = locked(&self.databases).clone();
        let members = |group: &str| {
            let in_group =
                databases.values().filter(|(of, _, groups)| of == region && groups.iter().any(|id| id == group));
            in_group.map(|(_, address, _)| *address).collect()
        };
        groups::ingress(known, ids, members)
    }

    /// A database is in these groups now; none: it is gone. Hosts that let in the groups' members learn of it.
    pub fn note_database(self: &Arc<Self>, name: &str, member: Option<Member>) {
        let region = {
            let mut databases = locked(&self.databases);
            let before = databases.get(name).cloned();
            if before == member {
                return;
            }
            let region = member.as_ref().or(before.as_ref()).map(|member| member.0.clone());
            match member {
                Some(member) => drop(databases.insert(name.to_owned(), member)),
                None => drop(databases.remove(name)),
            }
            region
        };
        let Some(region) = region else { return };
        if let Some(job) = self.change(&region, |region| region.enqueue(Work::Firewalls)) {
            self.spawn(&region, job);
        }
    }

    /// The account for comparing two runs.
    pub fn inventory(&self) -> Value {
        inventory(&self.lock().account)
    }

    /// Forgets everything. The machines are removed by whoever shares them.
    pub fn reset(&self) {
        {
            let mut running = locked(&self.running);
            running.cancel();
            *running = CancellationToken::new();
        }
        locked(&self.databases).clear();
        let mut known = self.lock();
        *known = Known::default();
        self.save(&known);
    }

    /// Gives an instance an event, such as its retirement, or without a time takes it away.
    pub fn set_event(&self, region: &str, instance: &str, code: &str, not_before: Option<f64>) -> Result<(), ApiError> {
        self.change(region, |region| status::set_event(region, instance, code, not_before))
    }

    /// Spot says that it takes the instance back in so many seconds, and does.
    pub fn interrupt(self: &Arc<Self>, region: &str, instance: &str, seconds: f64) -> Result<(), ApiError> {
        let job = self.change(region, |region| spot_notice(region, instance, seconds))?;
        if let Some(job) = job {
            self.spawn(region, job);
        }
        Ok(())
    }
}

/// A lock whose holder panicked is still good: every change is made on a draft.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(error: &anyhow::Error) -> ApiError {
    ApiError::internal(format!("{error:#}"))
}
