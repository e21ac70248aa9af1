//! The host of `[migrate.ec2]`, which is there only for a migration: made when one asks for it, removed with what it made. In between
//! it is one of the plan's hosts.

use crate::cli::args::Global;
use crate::cli::common::{OnHost, cloud, load, on_host};
use crate::cli::provider::Provider;
use crate::cli::up::{Run, holder};
use crate::error::{CommandError, Exit};
use crate::graph::NodeId;
use crate::journal::Lock;
use crate::plan::{NodeName, Plan};
use crate::stack::{self, Stack};
use crate::steps::{self, Action, CloudAction, Consent, Scope, Services};

/// As `--to` calls it.
pub const WORD: &str = "ec2";

/// The host's name; it is one of the plan's from here on.
pub fn ask_for(at: &mut OnHost) -> Result<NodeName, CommandError> {
    if at.stack.plan.migrate.ec2.is_none() {
        return Err(CommandError::usage("the plan does not say what host of EC2 the database is to go to")
            .hint("add to it: [migrate.ec2] size = \"m7g.large\", and [migrate.ec2.disks.NAME] for each disk that it keeps data on"));
    }
    at.stack.take_in_database_host();
    Ok(Plan::database_host_name())
}

/// The plan says that it is made for a migration alone.
pub fn is_it(at: &OnHost, host: &NodeName) -> bool {
    *host == Plan::database_host_name() && at.stack.plan.migrate.ec2.is_some()
}

pub fn is_there(at: &OnHost, host: &NodeName) -> bool {
    stack::serving(&at.stack, &at.inventory, host).is_some()
}

/// Made as `infra up` makes hosts, and nothing else of the plan with it; then it is there to be entered. Asked for again, what
/// is missing of it.
pub async fn make(global: &Global, at: &OnHost, host: &NodeName) -> Result<OnHost, CommandError> {
    let mut stack = load(global, &at.stack.path)?;
    let cloud = cloud(&mut stack).await?;
    stack.take_in_database_host();
    let _lock = Lock::take(stack.local.dir(), &holder("migrate"))?;
    let situation = stack::assess(&stack, cloud.as_ref()).await?;
    let steps = steps::of_node(&situation.steps, &NodeId::host(host));
    let run = Run::of_migration(global, &stack, cloud, &situation.inventory);
    let made = run.steps(&steps).await?;
    if made == Exit::Done && of_lightsail(&stack) {
        let provider = Provider::connect(global, &stack).await?;
        let joined = provider.database.join_networks().await;
        provider.end().await;
        joined?;
    }
    match made {
        Exit::Done => on_host(global, Some(stack.path.clone()), None, "migrate").await,
        exit => Err(CommandError::new(exit, format!("host {host} is not whole")).hint("infra migrate resume goes on")),
    }
}

/// The bundle's host, which is in a network of Lightsail's own.
fn of_lightsail(stack: &Stack) -> bool {
    let host = stack.plan.bundle.as_ref().and_then(|bundle| stack.plan.hosts.get(&bundle.host));
    host.is_some_and(|host| host.provider == crate::plan::Provider::Lightsail)
}

/// It goes again; `keeps_data`: its disks stay, for `infra down --left-over`.
pub async fn remove(global: &Global, at: &OnHost, host: &NodeName, keeps_data: bool) -> Result<(), CommandError> {
    // Without the host in it: what is left of one that was taken out of the plan goes.
    let stack = load(global, &at.stack.path)?;
    let _lock = Lock::take(stack.local.dir(), &holder("migrate"))?;
    let mut with = load(global, &at.stack.path)?;
    with.take_in_database_host();
    let cloud = stack::clouds(&with).await;
    let survey = stack::survey(&stack, cloud.as_ref()).await?;
    let removal = steps::remove(&survey.graph, &survey.inventory, Scope::LeftOver, Services::EndWithHost);
    let mut steps = steps::of_node(&removal.steps, &NodeId::host(host));
    if keeps_data {
        steps.retain(|step| !matches!(step.action, Action::Cloud { action: CloudAction::DeleteDisk { .. }, .. }));
    }
    let consent = Consent { include_data: true, ..Consent::default() };
    let violations = steps::check(&steps, &survey.inventory, &consent);
    if !violations.is_empty() {
        return Err(stack::SituationError::Unsafe(violations).into());
    }
    let inventory = &survey.inventory;
    let run = Run::of_migration(global, &stack, cloud, inventory);
    match run.steps(&steps).await? {
        Exit::Done => Ok(()),
        exit => Err(CommandError::new(exit, format!("host {host} is not removed"))
            .hint("infra migrate abort --include-data goes on with it")),
    }
}
