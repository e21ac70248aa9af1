//! What every verb does first: find the plan, load it, say its warnings.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::args::Global;
use crate::cloud::Clouds;
use crate::error::{CommandError, Exit, Kind};
use crate::executor::{Reporter, SshHosts};
use crate::host::{Site, Target};
use crate::inventory::host_facts::HostFacts;
use crate::inventory::{HostView, Inventory};
use crate::plan::{Findings, NodeName};
use crate::stack::{self, LoadError, Local, ObserveError, SituationError, Stack};
use crate::steps::{HostRef, StepId};
use crate::ui::Mode;

impl Global {
    pub fn root(&self) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| PathBuf::from("."))
    }

    pub fn mode(&self) -> Mode {
        match (self.json, std::io::stderr().is_terminal()) {
            (true, _) => Mode::Json,
            (false, true) => Mode::Terminal,
            (false, false) => Mode::Plain,
        }
    }
}

/// The plan that is named, or the only one that was brought up from here.
pub fn plan_path(global: &Global, named: Option<PathBuf>) -> Result<PathBuf, CommandError> {
    if let Some(path) = named {
        return Ok(path);
    }
    let mut plans = Local::remembered(&global.root());
    match plans.len() {
        1 => Ok(plans.remove(0)),
        0 => Err(CommandError::usage("no plan is named, and none was brought up from this folder")
            .hint("name one: infra … plans/phase1.toml; `infra init` writes one")),
        _ => {
            let names: Vec<_> = plans.iter().map(|p| p.display().to_string()).collect();
            Err(CommandError::usage("several plans were brought up from this folder")
                .hint(format!("name one of: {}", names.join(", "))))
        }
    }
}

pub fn load(global: &Global, path: &Path) -> Result<Stack, CommandError> {
    let stack = stack::load(path, &global.root())?;
    if !global.json {
        eprint!("{}", render(&stack.warnings));
    }
    Ok(stack)
}

/// For verbs that are about the whole plan: also what of it nobody acts on yet.
pub fn load_whole(global: &Global, path: &Path) -> Result<Stack, CommandError> {
    let stack = load(global, path)?;
    if !global.json {
        eprint!("{}", render(&stack.unbuilt));
    }
    Ok(stack)
}

fn render(files: &[Findings]) -> String {
    let terminal = std::io::stderr().is_terminal();
    let color = terminal && std::env::var_os("NO_COLOR").is_none();
    let found = files.iter().filter(|findings| !findings.is_empty());
    found.map(|findings| findings.render(color, terminal_columns())).collect()
}

/// One list of all files' findings: each names its file.
pub fn json<'f>(files: impl IntoIterator<Item = &'f Findings>) -> serde_json::Value {
    let lists = files.into_iter().map(Findings::to_json);
    lists.flat_map(|list| list.as_array().cloned().unwrap_or_default()).collect()
}

/// Not so narrow that excerpts break, not so wide that they cannot be read.
fn terminal_columns() -> usize {
    let columns = rustix::termios::tcgetwinsize(std::io::stderr()).map_or(100, |size| size.ws_col);
    usize::from(columns.clamp(60, 140))
}

/// The cloud, which is asked whether the plan has one host more: that of a migration.
pub async fn cloud(stack: &mut Stack) -> Result<Option<Clouds>, CommandError> {
    let cloud = stack::clouds(stack).await;
    stack::find_database_host(stack, cloud.as_ref()).await?;
    Ok(cloud)
}

/// The bundle's host: a connection to it, found by observing.
pub struct OnHost {
    pub stack: Stack,
    pub hosts: SshHosts,
    pub host: NodeName,
    pub on: HostRef,
    pub site: Site,
    /// Of the cloud; the hosts themselves were not looked at.
    pub inventory: Inventory,
}

pub async fn on_host(
    global: &Global,
    plan: Option<PathBuf>,
    host: Option<&str>,
    verb: &str,
) -> Result<OnHost, CommandError> {
    let mut stack = load(global, &plan_path(global, plan)?)?;
    let cloud = cloud(&mut stack).await?;
    let inventory = match &cloud {
        Some(cloud) => cloud.observe().await.map_err(ObserveError::from)?,
        None => Inventory::empty(jiff::Timestamp::now()),
    };
    let host = choose(&stack, host)?;
    let on = reference(&stack, &inventory, &host)?;
    let site = stack.site(&host).ok_or_else(|| no_host(host.as_str(), &stack))?;
    let hosts = stack::hosts(&stack, cloud, &inventory, verb);
    Ok(OnHost { stack, hosts, host, on, site, inventory })
}

impl OnHost {
    /// How to reach it, for the system's own ssh.
    pub async fn target(&self) -> Result<Target, CommandError> {
        Ok(self.hosts.target(&self.on, PATIENCE, &reporter(&self.host)).await?)
    }

    pub async fn session(&self) -> Result<Arc<crate::executor::Connected>, CommandError> {
        Ok(self.hosts.connect(&self.on, PATIENCE, &reporter(&self.host)).await?)
    }

    /// A connection to another host of the plan.
    pub async fn session_on(&self, host: &NodeName) -> Result<Arc<crate::executor::Connected>, CommandError> {
        let on = reference(&self.stack, &self.inventory, host)?;
        Ok(self.hosts.connect(&on, PATIENCE, &reporter(host)).await?)
    }
}

/// Services must not be stopped or restarted while their database is copied and switched.
pub fn refuse_during_migration<'a>(hosts: impl IntoIterator<Item = &'a HostFacts>) -> Result<(), CommandError> {
    let held = hosts.into_iter().find_map(|facts| Some((facts, facts.migration.as_ref().filter(|m| m.holds)?)));
    let Some((facts, migration)) = held else { return Ok(()) };
    let text = format!("migration {} is under way on host {}: {}", migration.id, facts.host, migration.what);
    Err(CommandError::failed(text).hint(migration.end.clone()))
}

/// The hosts that were looked at.
pub fn seen(inventory: &Inventory) -> impl Iterator<Item = &HostFacts> {
    inventory.hosts.values().filter_map(|view| match view {
        HostView::Seen(facts) => Some(facts),
        HostView::Unseen(_) | HostView::Mistaken(_) => None,
    })
}

/// A verb of daily work does not wait for a host that is not there.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nobody listens: a verb says itself what went wrong.
fn reporter(host: &NodeName) -> Reporter {
    let (to, _) = tokio::sync::mpsc::unbounded_channel();
    Reporter { step: StepId(format!("hosts.{host}/connect")), to }
}

fn choose(stack: &Stack, named: Option<&str>) -> Result<NodeName, CommandError> {
    let bundle = stack.plan.bundle.as_ref().map(|b| b.host.clone());
    match named {
        Some(name) => stack.plan.hosts.keys().find(|h| h.as_str() == name).cloned().ok_or_else(|| no_host(name, stack)),
        None => bundle
            .or_else(|| stack.plan.hosts.keys().next().filter(|_| stack.plan.hosts.len() == 1).cloned())
            .ok_or_else(|| CommandError::usage("the plan has several hosts and no bundle: name a host")),
    }
}

fn no_host(name: &str, stack: &Stack) -> CommandError {
    let names: Vec<_> = stack.plan.hosts.keys().map(ToString::to_string).collect();
    CommandError::usage(format!("the plan has no host {name}")).hint(format!("its hosts: {}", names.join(", ")))
}

fn reference(stack: &Stack, inventory: &Inventory, host: &NodeName) -> Result<HostRef, CommandError> {
    let spec = stack.plan.hosts.get(host).ok_or_else(|| no_host(host.as_str(), stack))?;
    if let Some(address) = &spec.address {
        return Ok(HostRef::Existing { host: host.clone(), address: address.to_string() });
    }
    let instance = stack::serving(stack, inventory, host).ok_or_else(|| {
        CommandError::failed(format!("host {host} does not exist yet"))
            .hint(format!("infra up {}", stack.path.display()))
    })?;
    Ok(HostRef::Instance { host: host.clone(), at: instance.cloud, name: instance.name.clone() })
}

impl From<LoadError> for CommandError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Invalid(findings) => Self {
                exit: Exit::Usage,
                kind: Kind::Rendered { text: render(&findings), json: json(&findings) },
                hints: vec![],
            },
            LoadError::Local(_) => Self::failed(error),
            _ => Self::usage(error),
        }
    }
}

impl From<ObserveError> for CommandError {
    fn from(error: ObserveError) -> Self {
        let ObserveError::Cloud(cloud) = &error;
        let hint = cloud.hint();
        Self::failed(error).hints(hint)
    }
}

impl From<SituationError> for CommandError {
    fn from(error: SituationError) -> Self {
        match error {
            SituationError::Load(error) => error.into(),
            SituationError::Observe(error) => error.into(),
            SituationError::Refused(refusals) => {
                let hints: Vec<_> = refusals.iter().map(|r| format!("{}: {}", r.node, r.remedy)).collect();
                Self::failed(SituationError::Refused(refusals)).hints(hints)
            }
            other => Self::failed(other),
        }
    }
}

impl From<crate::executor::StepError> for CommandError {
    fn from(error: crate::executor::StepError) -> Self {
        let hint = error.hint();
        Self::failed(error).hints(hint)
    }
}

impl From<crate::host::HostError> for CommandError {
    fn from(error: crate::host::HostError) -> Self {
        let hint = error.hint();
        Self::failed(error).hints(hint)
    }
}

impl From<crate::journal::JournalError> for CommandError {
    fn from(error: crate::journal::JournalError) -> Self {
        Self::failed(error)
            .hint("nothing is done that cannot be written down first: free some space, then run it again")
    }
}

impl From<crate::journal::LockError> for CommandError {
    fn from(error: crate::journal::LockError) -> Self {
        Self::failed(error).hint("wait for it to end; the lock of a process that died is free by itself")
    }
}

impl From<stack::LocalError> for CommandError {
    fn from(error: stack::LocalError) -> Self {
        Self::failed(error)
    }
}

impl From<stack::SavedError> for CommandError {
    fn from(error: stack::SavedError) -> Self {
        Self::failed(error).hint("make a new one: infra plan PLAN --out FILE")
    }
}
