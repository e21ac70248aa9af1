//! From what is there to what is still to do.

use ipnet::IpNet;

use super::action::{DatabaseAction, DatabaseChange, DatabaseSpec};
use super::alarms::unwatch;
use super::settings::{FAMILY, VERSION, for_load, for_service};
use crate::diff::Refusal;
use crate::graph::NodeId;
use crate::inventory::{
    Database, DatabaseInventory, DatabaseState, Ingress, Parameters, ResourceName, SecurityGroup, Subnet, Tags,
};
use crate::plan::{InstanceClass, PlanName, Port};

/// The node that a database's tags name.
pub const NODE: &str = "database";
/// RDS refuses more in one call.
const PARAMETERS_A_CALL: usize = 20;
/// RDS wants subnets in two zones at least.
const ZONES: usize = 2;

/// What is wanted of the provider.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseWish {
    pub plan: PlanName,
    pub class: InstanceClass,
    pub memory_gb: u64,
    pub storage_gb: u32,
    pub master: String,
    pub database: Option<String>,
    pub port: Port,
    /// The private addresses that may connect: the host's.
    pub from: Vec<IpNet>,
    /// The host is in Lightsail's network, which has to be joined with the database's.
    pub peer: bool,
}

/// The name of a plan's database, and of each group that it needs.
pub fn database_name(plan: &PlanName) -> ResourceName {
    ResourceName::new(format!("{plan}-db"))
}

/// What is missing until the database stands, ready to be loaded.
pub fn provision(wish: &DatabaseWish, found: &DatabaseInventory) -> Result<Vec<DatabaseAction>, Refusal> {
    let build = Build { wish, found, name: database_name(&wish.plan), tags: Tags::for_node(&wish.plan, NODE) };
    build.refuse_strangers()?;
    let mut actions = build.network()?;
    actions.extend(build.parameters(&for_load(wish.memory_gb)));
    actions.extend(build.database());
    Ok(actions)
}

/// The settings of the load are taken back, backups begin.
pub fn revert(plan: &PlanName, backup_days: u32, found: &DatabaseInventory) -> Vec<DatabaseAction> {
    let name = database_name(plan);
    let set = found.parameter_group.as_ref().map(|group| group.parameters.clone()).unwrap_or_default();
    let service = for_service();
    let names: Vec<_> = set.into_keys().filter(|name| !service.contains_key(name)).collect();
    let mut actions = vec![];
    if !names.is_empty() {
        actions.push(DatabaseAction::ResetParameters { group: name.clone(), names });
    }
    if found.instance.as_ref().is_some_and(|database| database.backup_days != backup_days) {
        let change = DatabaseChange { backup_days: Some(backup_days), ..Default::default() };
        actions.push(DatabaseAction::ChangeDatabase { name, change });
    }
    actions
}

/// A first backup of our own, unless it is there.
pub fn secure(plan: &PlanName, snapshot: &ResourceName, found: &DatabaseInventory) -> Vec<DatabaseAction> {
    let there = found.snapshots.iter().any(|s| s.name == *snapshot && s.complete);
    let action = || DatabaseAction::SnapshotDatabase {
        name: database_name(plan),
        snapshot: snapshot.clone(),
        tags: Tags::for_node(plan, NODE),
    };
    if there { vec![] } else { vec![action()] }
}

/// Everything that `provision` and `watch` made. The peering stays: others may use it.
pub fn remove(
    plan: &PlanName,
    final_snapshot: Option<ResourceName>,
    found: &DatabaseInventory,
) -> Result<Vec<DatabaseAction>, Refusal> {
    let name = database_name(plan);
    let mine = |tags: &Tags| tags.is_node(plan, NODE);
    let mut actions = vec![];
    if let Some(database) = &found.instance {
        if !mine(&database.tags) {
            return Err(stranger(&name, "database"));
        }
        if database.deletion_protection && database.state != DatabaseState::Deleting {
            let change = DatabaseChange { deletion_protection: Some(false), ..Default::default() };
            actions.push(DatabaseAction::ChangeDatabase { name: name.clone(), change });
        }
        actions.push(DatabaseAction::DeleteDatabase { name: name.clone(), final_snapshot });
    }
    if found.parameter_group.as_ref().is_some_and(|group| mine(&group.tags)) {
        actions.push(DatabaseAction::DeleteParameterGroup { name: name.clone() });
    }
    if found.subnet_group.as_ref().is_some_and(|group| mine(&group.tags)) {
        actions.push(DatabaseAction::DeleteSubnetGroup { name: name.clone() });
    }
    if found.security_group.as_ref().is_some_and(|group| mine(&group.tags)) {
        actions.push(DatabaseAction::DeleteSecurityGroup { name: name.clone() });
    }
    actions.extend(unwatch(&name, found, mine));
    Ok(actions)
}

struct Build<'a> {
    wish: &'a DatabaseWish,
    found: &'a DatabaseInventory,
    name: ResourceName,
    tags: Tags,
}

impl Build<'_> {
    /// What has our name but not our tags is somebody else's.
    fn refuse_strangers(&self) -> Result<(), Refusal> {
        let found = self.found;
        let tags = [
            ("security group", found.security_group.as_ref().map(|group| &group.tags)),
            ("subnet group", found.subnet_group.as_ref().map(|group| &group.tags)),
            ("parameter group", found.parameter_group.as_ref().map(|group| &group.tags)),
            ("database", found.instance.as_ref().map(|database| &database.tags)),
        ];
        let strange = |tags: &Option<&Tags>| tags.is_some_and(|tags| !tags.is_node(&self.wish.plan, NODE));
        if let Some((kind, _)) = tags.iter().find(|(_, tags)| strange(tags)) {
            return Err(stranger(&self.name, kind));
        }
        match &found.instance {
            Some(Database { state: DatabaseState::Broken(state), .. }) => Err(refusal(
                format!("the database {} is in the state {state}", self.name),
                "look at its events in the RDS console; `infra migrate abort` removes it".into(),
            )),
            _ => Ok(()),
        }
    }

    fn network(&self) -> Result<Vec<DatabaseAction>, Refusal> {
        let mut actions = vec![];
        if self.wish.peer && !self.found.peered {
            actions.push(DatabaseAction::PeerNetworks);
        }
        if self.found.security_group.is_none() {
            let network = self.found.network.id.clone();
            let (name, tags) = (self.name.clone(), self.tags.clone());
            actions.push(DatabaseAction::CreateSecurityGroup { name, network, tags });
        }
        actions.extend(self.ingress());
        if self.found.subnet_group.is_none() {
            let (name, tags) = (self.name.clone(), self.tags.clone());
            actions.push(DatabaseAction::CreateSubnetGroup { name, subnets: self.subnets()?, tags });
        }
        Ok(actions)
    }

    /// The host's address and no other: one that it had before may be somebody else's by now.
    fn ingress(&self) -> Vec<DatabaseAction> {
        let wanted = self.wish.from.iter().map(|from| Ingress { port: self.wish.port, from: *from });
        let wanted: std::collections::BTreeSet<_> = wanted.collect();
        let there = self.found.security_group.as_ref().map(|SecurityGroup { ingress, .. }| ingress.clone());
        let there = there.unwrap_or_default();
        let group = || self.name.clone();
        let allow =
            wanted.difference(&there).map(|ingress| DatabaseAction::Allow { group: group(), ingress: *ingress });
        let forbid =
            there.difference(&wanted).map(|ingress| DatabaseAction::Forbid { group: group(), ingress: *ingress });
        allow.chain(forbid).collect()
    }

    fn subnets(&self) -> Result<Vec<String>, Refusal> {
        let subnets = &self.found.network.subnets;
        let zones: std::collections::BTreeSet<_> = subnets.iter().map(|Subnet { zone, .. }| zone).collect();
        if zones.len() < ZONES {
            return Err(refusal(
                format!("the default VPC has subnets in {} zone, RDS needs {ZONES}", zones.len()),
                "create default subnets in other zones: aws ec2 create-default-subnet --availability-zone ZONE".into(),
            ));
        }
        Ok(subnets.iter().map(|subnet| subnet.id.clone()).collect())
    }

    fn parameters(&self, wanted: &Parameters) -> Vec<DatabaseAction> {
        let mut actions = vec![];
        if self.found.parameter_group.is_none() {
            let (name, tags) = (self.name.clone(), self.tags.clone());
            actions.push(DatabaseAction::CreateParameterGroup { name, family: FAMILY.into(), tags });
        }
        let there = self.found.parameter_group.as_ref().map(|group| &group.parameters);
        let differs =
            |name: &str, value: &str| there.and_then(|there| there.get(name)).is_none_or(|found| found != value);
        let missing: Vec<_> = wanted.iter().filter(|(name, value)| differs(name, value)).collect();
        actions.extend(missing.chunks(PARAMETERS_A_CALL).map(|some| DatabaseAction::SetParameters {
            group: self.name.clone(),
            parameters: some.iter().map(|(name, value)| ((*name).clone(), (*value).clone())).collect(),
        }));
        actions
    }

    fn database(&self) -> Vec<DatabaseAction> {
        let name = self.name.clone();
        match &self.found.instance {
            None => vec![DatabaseAction::CreateDatabase(self.spec())],
            // Asked for again, it is found on its way and waited for.
            Some(database) if matches!(database.state, DatabaseState::Busy(_)) => {
                vec![DatabaseAction::CreateDatabase(self.spec())]
            }
            // Made before its parameters were complete.
            Some(database) if !database.parameters_in_effect => vec![DatabaseAction::RebootDatabase { name }],
            Some(_) => vec![],
        }
    }

    fn spec(&self) -> DatabaseSpec {
        let name = || self.name.clone();
        DatabaseSpec {
            name: name(),
            class: self.wish.class.clone(),
            storage_gb: self.wish.storage_gb,
            version: VERSION.into(),
            master: self.wish.master.clone(),
            database: self.wish.database.clone(),
            security_group: name(),
            subnet_group: name(),
            parameter_group: name(),
            backup_days: 0,
            tags: self.tags.clone(),
        }
    }
}

pub(super) fn stranger(name: &ResourceName, kind: &str) -> Refusal {
    refusal(
        format!("there is a {kind} {name} that infra did not make for this plan"),
        format!(
            "rename or remove it, or give the plan another name; to have infra take it over, tag it infra:node={NODE} and infra:plan with the plan's name"
        ),
    )
}

fn refusal(message: String, remedy: String) -> Refusal {
    Refusal { node: NodeId::new(NODE), message, remedy }
}
