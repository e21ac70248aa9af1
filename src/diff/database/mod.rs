//! The managed database that a migration made: what differs from the plan since. It is made and removed by the verbs that
//! say so, and while it is loaded its settings are the migration's: until its clients use it, only who may connect counts.

mod alarms;
mod lines;

use std::collections::BTreeSet;

use ipnet::IpNet;

pub use alarms::{ALARM_SECONDS, AlarmsDiff, alarm_names, alarms, topic_name};

use super::{HostDiff, Refusal};
use crate::cost;
use crate::graph::settings::{for_load, for_service};
use crate::graph::{DATABASE, DatabaseNode, Graph, NodeId};
use crate::inventory::{
    CloudKind, Database, DatabaseInventory, DatabaseState, Ingress, Inventory, Parameters, ResourceName,
};
use crate::plan::{Engine, ManagedSize};

#[derive(Debug, Clone, PartialEq)]
pub enum DatabaseDiff {
    /// The plan names none, or none was made yet.
    None,
    /// It is there, and is left as it is.
    Left {
        name: ResourceName,
        why: String,
    },
    Compared(Box<DatabaseChanges>),
}

/// What differs. Nothing of it destroys data.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseChanges {
    pub name: ResourceName,
    pub engine: Engine,
    /// What CloudWatch knows it by.
    pub instance: ResourceName,
    /// Where its clients' host is.
    pub at: CloudKind,
    /// Lightsail's network is no longer joined with the database's.
    pub join: bool,
    pub let_in: Vec<Ingress>,
    /// An instance that is still to be made: its address is not known before.
    pub let_in_new: Option<ResourceName>,
    pub shut_out: Vec<Ingress>,
    /// From and to.
    pub size: Option<(ManagedSize, ManagedSize)>,
    pub set: Parameters,
    /// Parameters of the load that were never taken back.
    pub reset: Vec<String>,
    /// Set by somebody else, and left.
    pub by_hand: Parameters,
    /// Days, from and to.
    pub backups: Option<(u32, u32)>,
    pub protect: bool,
    /// It has a public address.
    pub hide: bool,
    /// Parameters wait for it.
    pub restart: bool,
    pub alarms: AlarmsDiff,
}

impl DatabaseDiff {
    pub fn is_kept(&self) -> bool {
        match self {
            Self::None | Self::Left { .. } => true,
            Self::Compared(changes) => changes.is_kept(),
        }
    }
}

impl DatabaseChanges {
    fn of(node: &DatabaseNode, database: &Database) -> Self {
        Self {
            name: node.name.clone(),
            engine: database.engine(),
            instance: database.instance().clone(),
            at: CloudKind::Lightsail,
            join: false,
            let_in: vec![],
            let_in_new: None,
            shut_out: vec![],
            size: None,
            set: Parameters::new(),
            reset: vec![],
            by_hand: Parameters::new(),
            backups: None,
            protect: false,
            hide: false,
            restart: false,
            alarms: AlarmsDiff::default(),
        }
    }

    pub fn is_kept(&self) -> bool {
        !self.changes_access() && !self.changes_instance() && self.alarms.is_kept()
    }

    fn changes_access(&self) -> bool {
        self.join || !self.let_in.is_empty() || self.let_in_new.is_some() || !self.shut_out.is_empty()
    }

    fn changes_instance(&self) -> bool {
        self.modifies() || self.restart || !self.set.is_empty() || !self.reset.is_empty()
    }

    /// What one call changes.
    pub fn modifies(&self) -> bool {
        self.size.is_some() || self.backups.is_some() || self.protect || self.hide
    }

    /// Connections break for a while. Storage and capacity change in place.
    pub fn interrupts(&self) -> bool {
        self.restart || self.changes_class()
    }

    fn changes_class(&self) -> bool {
        match &self.size {
            Some((ManagedSize::Rds(from), ManagedSize::Rds(to))) => from.class != to.class,
            _ => false,
        }
    }
}

pub(super) fn diff(graph: &Graph, inventory: &Inventory, hosts: &[HostDiff]) -> Result<DatabaseDiff, Refusal> {
    let (Some(node), Some(found)) = (&graph.database, inventory.database.seen()) else { return Ok(DatabaseDiff::None) };
    let Some(database) = &found.database else { return Ok(DatabaseDiff::None) };
    if let Some(why) = left(node, database) {
        return Ok(DatabaseDiff::Left { name: node.name.clone(), why });
    }
    let mut changes = DatabaseChanges::of(node, database);
    if let Some(host) = hosts.iter().find(|host| host.host == node.host) {
        access(&mut changes, node, found, inventory, host);
    }
    if serves(inventory, node) {
        settings(&mut changes, node, found, database)?;
        changes.alarms = alarms(node, found)?;
    }
    Ok(DatabaseDiff::Compared(Box::new(changes)))
}

fn left(node: &DatabaseNode, database: &Database) -> Option<String> {
    if !database.tags.is_node(&node.plan, node.id.as_str()) {
        return Some("infra did not make it for this plan".into());
    }
    match &database.state {
        DatabaseState::Available | DatabaseState::Busy(_) => None,
        DatabaseState::Deleting => Some("it is being deleted".into()),
        DatabaseState::Stopped => {
            Some(format!("it is stopped: aws rds start-db-instance --db-instance-identifier {}", database.instance()))
        }
        DatabaseState::Broken(state) => Some(format!("it is {state}: its events in the RDS console say why")),
    }
}

/// Until the clients use it, it may be empty, or in the middle of being loaded. A host that says nothing may be so, too.
fn serves(inventory: &Inventory, node: &DatabaseNode) -> bool {
    inventory.facts(&node.host).is_some_and(|facts| facts.database_elsewhere)
}

/// The host's address and no other: one that it had before may be somebody else's by now.
fn access(
    changes: &mut DatabaseChanges,
    node: &DatabaseNode,
    found: &DatabaseInventory,
    inventory: &Inventory,
    host: &HostDiff,
) {
    let Some(target) = host.target() else { return };
    let address = inventory.instance(target).and_then(|instance| instance.private_ip.as_ref()?.parse().ok());
    let wanted: BTreeSet<_> =
        address.map(|ip: std::net::IpAddr| Ingress { port: node.port, from: IpNet::from(ip) }).into_iter().collect();
    let there = found.security_group.as_ref().map(|group| group.ingress.clone()).unwrap_or_default();
    // EC2's hosts are in the database's network.
    changes.at = if host.ec2.is_some() { CloudKind::Ec2 } else { CloudKind::Lightsail };
    changes.join = changes.at == CloudKind::Lightsail && !found.peered;
    changes.let_in_new = wanted.is_empty().then(|| target.clone());
    changes.let_in = wanted.difference(&there).copied().collect();
    changes.shut_out = there.difference(&wanted).copied().collect();
}

fn settings(
    changes: &mut DatabaseChanges,
    node: &DatabaseNode,
    found: &DatabaseInventory,
    database: &Database,
) -> Result<(), Refusal> {
    changes.backups = (database.backup_days != node.backup_days).then_some((database.backup_days, node.backup_days));
    changes.protect = !database.deletion_protection;
    changes.hide = database.public && database.engine() == Engine::Rds;
    let Some(size) = node.sizes.get(&database.engine()) else { return Ok(()) };
    if let Some(refusal) = shrinks(&node.name, &database.size, size) {
        return Err(refusal);
    }
    changes.size = (database.size != *size).then(|| (database.size.clone(), size.clone()));
    let there = found.parameter_groups.get(&database.engine()).map(|group| group.parameters.clone());
    parameters(changes, size, there.unwrap_or_default());
    changes.restart = !database.parameters_in_effect;
    Ok(())
}

fn shrinks(name: &ResourceName, from: &ManagedSize, to: &ManagedSize) -> Option<Refusal> {
    let (ManagedSize::Rds(from), ManagedSize::Rds(to)) = (from, to) else { return None };
    (to.storage_gb.0 < from.storage_gb.0).then(|| Refusal {
        node: NodeId::new(DATABASE),
        message: format!(
            "the database {name} has {} of storage, which RDS does not shrink to {}",
            from.storage_gb, to.storage_gb
        ),
        remedy: format!("set storage_gb to {} at least; a smaller one is another database", from.storage_gb.0),
    })
}

/// Only what infra sets itself is compared: who tunes a database by hand has no key of the plan for it.
fn parameters(changes: &mut DatabaseChanges, size: &ManagedSize, there: Parameters) {
    let wanted = for_service(size);
    let memory = cost::memory_gb(size).map(|gb| gb as u64);
    let load = memory.map(|memory| for_load(size, memory)).unwrap_or_default();
    changes.set = wanted.iter().filter(|(name, value)| there.get(*name) != Some(value)).map(owned).collect();
    for (name, value) in there.into_iter().filter(|(name, _)| !wanted.contains_key(name)) {
        if load.get(&name) == Some(&value) {
            changes.reset.push(name);
        } else {
            changes.by_hand.insert(name, value);
        }
    }
}

fn owned((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}

pub fn stranger(name: &ResourceName, kind: &str) -> Refusal {
    Refusal {
        node: NodeId::new(DATABASE),
        message: format!("there is a {kind} {name} that infra did not make for this plan"),
        remedy: format!(
            "rename or remove it, or give the plan another name; to have infra take it over, tag it infra:node={DATABASE} \
             and infra:plan with the plan's name"
        ),
    }
}
