//! A plan's managed database, brought to where it must be: observed, what is missing is done, and again, until nothing is.
//! Interrupted anywhere, the same call goes on from what it finds.

use tokio::sync::mpsc::UnboundedSender;

use super::load::Stack;
use super::observe::serving;
use crate::cloud::rds::AmazonRds;
use crate::cloud::{CloudError, Databases};
use crate::cost;
use crate::diff::Refusal;
use crate::executor::{Event, Policy, Reporter, StepError, apply_database};
use crate::graph;
use crate::inventory::{CloudKind, Database, DatabaseInventory, Inventory, ResourceName};
use crate::plan::{Engine, NodeName, PlanName, Provider};
use crate::steps::{self, DatabaseAction, DatabaseWish, StepId};

/// Each round does all that was missing; what a round changes may ask for one more (a reboot).
const ROUNDS: u32 = 5;
/// A name that no bundle has: the clients keep theirs.
const MASTER: &str = "infra_master";

#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("the plan does not say what the new database of {} is to be", .0.title())]
    NoWish(Engine),
    #[error("{0}: its size is not known")]
    UnknownClass(String),
    #[error("host {host} is no instance of Lightsail: infra does not know its network")]
    NoNetwork { host: NodeName },
    #[error("host {host} is in {vpc}, and infra makes databases in the default VPC")]
    OtherVpc { host: NodeName, vpc: String },
    #[error("cannot observe the database")]
    Observe(#[source] CloudError),
    #[error("{}", .0.message)]
    Refused(Refusal),
    #[error("cannot {what}")]
    Step { what: String, source: Box<StepError> },
    #[error("the database does not come to what it should be: {still} is still to do")]
    Unsettled { still: String },
    #[error("the database {name} has no {what}")]
    Incomplete { name: ResourceName, what: &'static str },
}

impl DatabaseError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoWish(Engine::Rds) => {
                Some("add to it: [migrate.rds] class = \"db.m7g.large\", storage_gb = 200".into())
            }
            Self::NoWish(Engine::Aurora) => Some("add to it: [migrate.aurora] min_acu = 0.5, max_acu = 8".into()),
            Self::UnknownClass(_) => Some("classes of m6g, m7g, m6i, r6g, r7g, r6i and t4g are known".into()),
            Self::NoNetwork { .. } | Self::OtherVpc { .. } => {
                Some("make the database yourself where the host reaches it, and give its URL: --to postgres://…".into())
            }
            Self::Observe(error) => error.hint(),
            Self::Refused(refusal) => Some(refusal.remedy.clone()),
            Self::Step { source, .. } => source.hint(),
            Self::Unsettled { .. } | Self::Incomplete { .. } => None,
        }
    }
}

/// What the plan's `[migrate.rds]` or `[migrate.aurora]` asks for, for a host as it is now.
pub fn wish(
    stack: &Stack,
    inventory: &Inventory,
    host: &NodeName,
    engine: Engine,
) -> Result<DatabaseWish, DatabaseError> {
    let plan = &stack.plan;
    let node = graph::database(plan).ok_or(DatabaseError::NoWish(engine))?;
    let size = node.sizes.get(&engine).cloned().ok_or(DatabaseError::NoWish(engine))?;
    let memory_gb = cost::memory_gb(&size).ok_or_else(|| DatabaseError::UnknownClass(size.to_string()))?;
    let no_network = || DatabaseError::NoNetwork { host: host.clone() };
    let of_a_cloud = plan.hosts.get(host).is_some_and(|spec| spec.provider != Provider::Ssh);
    let instance = serving(stack, inventory, host).filter(|_| of_a_cloud).ok_or_else(no_network)?;
    if let Some(vpc) = instance.ec2.as_ref().map(|ec2| &ec2.vpc)
        && !inventory.ec2.vpcs.iter().any(|known| known.is_default && known.id == *vpc)
    {
        return Err(DatabaseError::OtherVpc { host: host.clone(), vpc: vpc.clone() });
    }
    let private = instance.private_ip.as_ref().ok_or_else(no_network)?;
    Ok(DatabaseWish {
        plan: plan.name.clone(),
        size,
        memory_gb: memory_gb as u64,
        master: MASTER.to_owned(),
        database: plan.database.as_ref().map(|database| database.name.to_string()),
        port: node.port,
        from: vec![format!("{private}/32").parse().map_err(|_| no_network())?],
        peer: instance.cloud == CloudKind::Lightsail,
    })
}

/// What stays of a database that goes: its last state.
pub fn last_snapshot(plan: &PlanName, now: jiff::Timestamp) -> ResourceName {
    let name = steps::database_name(plan);
    ResourceName::new(format!("{name}-last-{}", now.strftime("%Y%m%d-%H%M%S")))
}

/// The provider of a plan's region, and where its work is told.
pub struct ManagedDatabase<'a> {
    pub rds: AmazonRds,
    pub stack: &'a Stack,
    pub policy: Policy,
    pub events: UnboundedSender<Event>,
}

impl<'a> ManagedDatabase<'a> {
    /// None: the plan names no region.
    pub async fn connect(stack: &'a Stack, events: UnboundedSender<Event>) -> Option<Self> {
        let region = stack.plan.region.as_ref()?;
        Some(Self { rds: AmazonRds::connect(region.as_ref()).await, stack, policy: Policy::default(), events })
    }

    pub async fn observe(&self) -> Result<DatabaseInventory, DatabaseError> {
        self.rds.observe(&self.stack.plan.name).await.map_err(DatabaseError::Observe)
    }

    /// The database stands, empty, with the settings of the load, open to the host alone.
    pub async fn provide(&self, wish: &DatabaseWish) -> Result<Database, DatabaseError> {
        let found = self.settle(|found| steps::provision(wish, found)).await?;
        let missing = DatabaseError::Incomplete { name: steps::database_name(&wish.plan), what: "instance" };
        found.database.ok_or(missing)
    }

    /// Lightsail's network and the default VPC are one.
    pub async fn join_networks(&self) -> Result<(), DatabaseError> {
        let missing =
            |found: &DatabaseInventory| Ok(if found.peered { vec![] } else { vec![DatabaseAction::PeerNetworks] });
        self.settle(missing).await.map(drop)
    }

    /// The settings of the load are taken back; the provider's own backups begin.
    pub async fn revert(&self) -> Result<(), DatabaseError> {
        let Some(node) = graph::database(&self.stack.plan) else { return Ok(()) };
        self.settle(|found| Ok(steps::revert(&node.plan, node.backup_days, found))).await.map(drop)
    }

    /// A first backup; its name.
    pub async fn back_up(&self, migration: &str) -> Result<ResourceName, DatabaseError> {
        let plan = &self.stack.plan.name;
        let snapshot = ResourceName::new(format!("{}-first-{migration}", steps::database_name(plan)));
        self.settle(|found| Ok(steps::secure(plan, &snapshot, found))).await?;
        Ok(snapshot)
    }

    /// Its alarms are set as the plan's thresholds say, and whom the plan names is told.
    pub async fn watch(&self) -> Result<(), DatabaseError> {
        let Some(node) = graph::database(&self.stack.plan) else { return Ok(()) };
        self.settle(|found| steps::watch(&node, found)).await.map(drop)
    }

    /// Everything that was made for it goes; a final snapshot stays, if one is wanted.
    pub async fn remove(&self, final_snapshot: Option<ResourceName>) -> Result<(), DatabaseError> {
        let plan = &self.stack.plan.name;
        self.settle(|found| steps::remove_database(plan, final_snapshot.clone(), found)).await.map(drop)
    }

    async fn settle(
        &self,
        missing: impl Fn(&DatabaseInventory) -> Result<Vec<DatabaseAction>, Refusal>,
    ) -> Result<DatabaseInventory, DatabaseError> {
        for _ in 0..ROUNDS {
            let found = self.observe().await?;
            let actions = missing(&found).map_err(DatabaseError::Refused)?;
            if actions.is_empty() {
                return Ok(found);
            }
            for action in &actions {
                self.apply(action).await?;
            }
        }
        let left = missing(&self.observe().await?).map_err(DatabaseError::Refused)?;
        let still = left.iter().map(steps::describe_database).collect::<Vec<_>>().join(", ");
        Err(DatabaseError::Unsettled { still })
    }

    async fn apply(&self, action: &DatabaseAction) -> Result<(), DatabaseError> {
        let (what, step) = (steps::describe_database(action), StepId(format!("database/{}", name_of(action))));
        let reporter = Reporter { step: step.clone(), to: self.events.clone() };
        reporter.send(Event::StepStarted { step: step.clone(), what: what.clone() });
        let began = tokio::time::Instant::now();
        match apply_database(&self.rds, action, &self.policy, &reporter).await {
            Ok(()) => {
                let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                reporter.send(Event::StepDone { step, ms });
                Ok(())
            }
            Err(error) => {
                reporter.send(Event::StepFailed { step, error: crate::error::chain(&error), hint: error.hint() });
                Err(DatabaseError::Step { what, source: Box::new(error) })
            }
        }
    }
}

/// The call's own name, as JSON tells it: `create_database`.
fn name_of(action: &DatabaseAction) -> String {
    let value = serde_json::to_value(action).unwrap_or_default();
    value.get("call").and_then(serde_json::Value::as_str).unwrap_or("change").to_owned()
}
