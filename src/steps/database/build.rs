//! From what is there to what is still to do.

use ipnet::IpNet;

use super::action::{DatabaseAction, DatabaseChange, DatabaseSpec};
use super::alarms::unwatch;
use super::mend::set_parameters;
use crate::diff::{Refusal, stranger};
use crate::graph::settings::{VERSION, family, for_load, is_for_service};
use crate::graph::{DATABASE, Names, NodeId};
use crate::inventory::{
    Database, DatabaseInventory, DatabaseState, Ingress, Parameters, ResourceName, SecurityGroup, Subnet, Tags,
};
use crate::plan::{Engine, ManagedSize, PlanName, Port};

/// RDS wants subnets in two zones at least.
const ZONES: usize = 2;

/// What is wanted of the provider.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseWish {
    pub plan: PlanName,
    pub size: ManagedSize,
    pub memory_gb: u64,
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
    Names(plan).database()
}

/// What is missing until the database stands, ready to be loaded.
pub fn provision(wish: &DatabaseWish, found: &DatabaseInventory) -> Result<Vec<DatabaseAction>, Refusal> {
    let build = Build { wish, found, name: database_name(&wish.plan), tags: Tags::for_node(&wish.plan, DATABASE) };
    build.refuse_strangers()?;
    let mut actions = build.network()?;
    actions.extend(build.parameters(&for_load(&wish.size, wish.memory_gb)));
    actions.extend(build.database());
    Ok(actions)
}

/// The settings of the load are taken back, backups begin.
pub fn revert(plan: &PlanName, backup_days: u32, found: &DatabaseInventory) -> Vec<DatabaseAction> {
    let Some(database) = &found.database else { return vec![] };
    let (name, engine) = (database_name(plan), database.engine());
    let set = found.parameter_groups.get(&engine).map(|group| group.parameters.clone()).unwrap_or_default();
    let names: Vec<_> = set.into_keys().filter(|name| !is_for_service(name)).collect();
    let mut actions = vec![];
    if !names.is_empty() {
        actions.push(DatabaseAction::ResetParameters { group: name.clone(), engine, names });
    }
    if database.backup_days != backup_days {
        let change = DatabaseChange { backup_days: Some(backup_days), ..Default::default() };
        actions.push(DatabaseAction::ChangeDatabase { name, engine, change });
    }
    actions
}

/// A first backup of our own, unless it is there.
pub fn secure(plan: &PlanName, snapshot: &ResourceName, found: &DatabaseInventory) -> Vec<DatabaseAction> {
    let there = found.snapshots.iter().any(|s| s.name == *snapshot && s.complete);
    let missing = found.database.iter().filter(|_| !there).map(|database| DatabaseAction::SnapshotDatabase {
        name: database_name(plan),
        engine: database.engine(),
        snapshot: snapshot.clone(),
        tags: Tags::for_node(plan, DATABASE),
    });
    missing.collect()
}

/// Everything that `provision` and `watch` made. The peering stays: others may use it.
pub fn remove(
    plan: &PlanName,
    final_snapshot: Option<ResourceName>,
    found: &DatabaseInventory,
) -> Result<Vec<DatabaseAction>, Refusal> {
    let name = database_name(plan);
    let mine = |tags: &Tags| tags.is_node(plan, DATABASE);
    let mut actions = vec![];
    if let Some(database) = &found.database {
        if !mine(&database.tags) {
            return Err(stranger(&name, "database"));
        }
        let engine = database.engine();
        if database.deletion_protection && database.state != DatabaseState::Deleting {
            let change = DatabaseChange { deletion_protection: Some(false), ..Default::default() };
            actions.push(DatabaseAction::ChangeDatabase { name: name.clone(), engine, change });
        }
        if database.member.is_some() {
            actions.push(DatabaseAction::DeleteMember { cluster: name.clone() });
        }
        actions.push(DatabaseAction::DeleteDatabase { name: name.clone(), engine, final_snapshot });
    }
    let groups = found.parameter_groups.iter().filter(|(_, group)| mine(&group.tags));
    actions
        .extend(groups.map(|(engine, _)| DatabaseAction::DeleteParameterGroup { name: name.clone(), engine: *engine }));
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
    fn engine(&self) -> Engine {
        self.wish.size.engine()
    }

    /// What has our name but not our tags is somebody else's, and what is of another kind is of another migration.
    fn refuse_strangers(&self) -> Result<(), Refusal> {
        let found = self.found;
        let tags = [
            ("security group", found.security_group.as_ref().map(|group| &group.tags)),
            ("subnet group", found.subnet_group.as_ref().map(|group| &group.tags)),
            ("parameter group", found.parameter_groups.get(&self.engine()).map(|group| &group.tags)),
            ("database", found.database.as_ref().map(|database| &database.tags)),
        ];
        let strange = |tags: &Option<&Tags>| tags.is_some_and(|tags| !tags.is_node(&self.wish.plan, DATABASE));
        if let Some((kind, _)) = tags.iter().find(|(_, tags)| strange(tags)) {
            return Err(stranger(&self.name, kind));
        }
        match &found.database {
            Some(database) if database.engine() != self.engine() => Err(refusal(
                format!("there is a database {} of {} already", self.name, database.engine().title()),
                format!(
                    "migrate to it, with --to {}; or remove it, with infra down or infra migrate abort --include-data",
                    database.engine()
                ),
            )),
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
        let engine = self.engine();
        let group = self.found.parameter_groups.get(&engine);
        if group.is_none() {
            let (name, tags) = (self.name.clone(), self.tags.clone());
            actions.push(DatabaseAction::CreateParameterGroup { name, engine, family: family(engine), tags });
        }
        let there = group.map(|group| &group.parameters);
        let differs =
            |name: &str, value: &str| there.and_then(|there| there.get(name)).is_none_or(|found| found != value);
        let missing: Vec<_> = wanted.iter().filter(|(name, value)| differs(name, value)).collect();
        let missing = missing.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        actions.extend(set_parameters(&self.name, engine, &missing));
        actions
    }

    fn database(&self) -> Vec<DatabaseAction> {
        let is_busy = |state: &DatabaseState| matches!(state, DatabaseState::Busy(_));
        let mut actions = vec![];
        // Asked for again, what is on its way is found and waited for.
        if self.found.database.as_ref().is_none_or(|database| is_busy(&database.state)) {
            actions.push(DatabaseAction::CreateDatabase(self.spec()));
        }
        let member = self.found.database.as_ref().and_then(|database| database.member.as_ref());
        if self.engine() == Engine::Aurora && member.is_none_or(|member| is_busy(&member.state)) {
            actions.push(DatabaseAction::CreateMember { cluster: self.name.clone(), tags: self.tags.clone() });
        }
        // Made before its parameters were complete.
        let waits = |database: &Database| !database.parameters_in_effect;
        if actions.is_empty() && self.found.database.as_ref().is_some_and(waits) {
            actions.push(DatabaseAction::RebootDatabase { name: self.name.clone(), engine: self.engine() });
        }
        actions
    }

    fn spec(&self) -> DatabaseSpec {
        let name = || self.name.clone();
        DatabaseSpec {
            name: name(),
            size: self.wish.size.clone(),
            version: VERSION.into(),
            master: self.wish.master.clone(),
            database: self.wish.database.clone(),
            security_group: name(),
            subnet_group: name(),
            parameter_group: name(),
            backup_days: match self.engine() {
                Engine::Rds => 0,
                Engine::Aurora => 1,
            },
            tags: self.tags.clone(),
        }
    }
}

fn refusal(message: String, remedy: String) -> Refusal {
    Refusal { node: NodeId::new(DATABASE), message, remedy }
}
