//! The fully specified calls about a managed database. They hold no secret: the provider makes the password.

use serde::{Deserialize, Serialize};

use crate::diff::ALARM_SECONDS;
use crate::inventory::{CloudKind, Comparison, DatabaseAlarm, Ingress, Parameters, ResourceName, Tags};
use crate::plan::{Email, Engine, Gigabytes, InstanceClass, ManagedSize, MigrateAurora, Port};

/// A call that changes something about a database or what it needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum DatabaseAction {
    /// Join Lightsail's network with the account's default VPC.
    PeerNetworks,
    CreateSecurityGroup {
        name: ResourceName,
        network: String,
        tags: Tags,
    },
    Allow {
        group: ResourceName,
        ingress: Ingress,
    },
    /// The private address that the instance has by then.
    AllowInstance {
        group: ResourceName,
        at: CloudKind,
        instance: ResourceName,
        port: Port,
    },
    Forbid {
        group: ResourceName,
        ingress: Ingress,
    },
    CreateSubnetGroup {
        name: ResourceName,
        subnets: Vec<String>,
        tags: Tags,
    },
    CreateParameterGroup {
        name: ResourceName,
        engine: Engine,
        family: String,
        tags: Tags,
    },
    SetParameters {
        group: ResourceName,
        engine: Engine,
        parameters: Parameters,
    },
    /// Back to the family's values.
    ResetParameters {
        group: ResourceName,
        engine: Engine,
        names: Vec<String>,
    },
    /// Of Aurora, the cluster: storage and an address that nobody answers at yet.
    CreateDatabase(DatabaseSpec),
    /// The instance that serves an Aurora cluster.
    CreateMember {
        cluster: ResourceName,
        tags: Tags,
    },
    ChangeDatabase {
        name: ResourceName,
        engine: Engine,
        change: DatabaseChange,
    },
    RebootDatabase {
        name: ResourceName,
        engine: Engine,
    },
    SnapshotDatabase {
        name: ResourceName,
        engine: Engine,
        snapshot: ResourceName,
        tags: Tags,
    },
    DeleteMember {
        cluster: ResourceName,
    },
    /// With its automated backups. None: no final snapshot.
    DeleteDatabase {
        name: ResourceName,
        engine: Engine,
        final_snapshot: Option<ResourceName>,
    },
    DeleteParameterGroup {
        name: ResourceName,
        engine: Engine,
    },
    DeleteSubnetGroup {
        name: ResourceName,
    },
    DeleteSecurityGroup {
        name: ResourceName,
    },
    /// What alarms are sent to.
    PutTopic {
        name: ResourceName,
        tags: Tags,
    },
    Subscribe {
        topic: ResourceName,
        email: Email,
    },
    /// None: nobody is told.
    PutAlarm {
        alarm: DatabaseAlarm,
        /// What CloudWatch knows the database by.
        instance: ResourceName,
        topic: Option<ResourceName>,
        tags: Tags,
    },
    DeleteAlarms {
        names: Vec<ResourceName>,
    },
    /// With its subscriptions.
    DeleteTopic {
        name: ResourceName,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatabaseSpec {
    pub name: ResourceName,
    pub size: ManagedSize,
    /// Major version: the provider's newest minor one.
    pub version: String,
    pub master: String,
    /// The database that it comes with besides `postgres`.
    pub database: Option<String>,
    pub security_group: ResourceName,
    pub subnet_group: ResourceName,
    pub parameter_group: ResourceName,
    /// 0 for none: a load would only slow down. Aurora has 1 at least, and none of the slowing.
    pub backup_days: u32,
    pub tags: Tags,
}

/// What may change of a database that is there, all at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseChange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter_group: Option<ResourceName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<InstanceClass>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_gb: Option<Gigabytes>,
    /// Of a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<MigrateAurora>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
}

/// In a few words, for people.
pub fn describe(action: &DatabaseAction) -> String {
    use DatabaseAction as A;
    match action {
        A::PeerNetworks => "join Lightsail's network with the default VPC".into(),
        A::CreateSecurityGroup { name, .. } => format!("create security group {name}"),
        A::Allow { group, ingress } => format!("let {} in to port {} by {group}", ingress.from, ingress.port),
        A::AllowInstance { group, instance, port, .. } => format!("let {instance} in to port {port} by {group}"),
        A::Forbid { group, ingress } => {
            format!("no longer let {} in to port {} by {group}", ingress.from, ingress.port)
        }
        A::CreateSubnetGroup { name, .. } => format!("create subnet group {name}"),
        A::CreateParameterGroup { name, .. } => format!("create parameter group {name}"),
        A::SetParameters { group, parameters, .. } => format!("set {} in {group}", listed(parameters)),
        A::ResetParameters { group, names, .. } => format!("reset {} in {group}", names.join(", ")),
        A::CreateDatabase(spec) => format!("create {} {} ({})", noun(spec.size.engine()), spec.name, spec.size),
        A::CreateMember { cluster, .. } => format!("create instance {} of {cluster}", member_name(cluster)),
        A::ChangeDatabase { name, change, .. } => format!("change database {name}: {}", changes(change)),
        A::RebootDatabase { name, .. } => format!("reboot database {name}"),
        A::SnapshotDatabase { name, snapshot, .. } => format!("snapshot database {name} as {snapshot}"),
        A::DeleteMember { cluster } => format!("delete instance {} of {cluster}", member_name(cluster)),
        A::DeleteDatabase { name, engine, final_snapshot: Some(snapshot) } => {
            format!("delete {} {name}, keeping a final snapshot {snapshot}", noun(*engine))
        }
        A::DeleteDatabase { name, engine, final_snapshot: None } => {
            format!("delete {} {name} for good", noun(*engine))
        }
        A::DeleteParameterGroup { name, .. } => format!("delete parameter group {name}"),
        A::DeleteSubnetGroup { name } => format!("delete subnet group {name}"),
        A::DeleteSecurityGroup { name } => format!("delete security group {name}"),
        A::PutTopic { name, .. } => format!("create topic {name}"),
        A::Subscribe { topic, email } => format!("tell {email} by {topic}: it is asked by mail to confirm"),
        A::PutAlarm { alarm, .. } => format!("set alarm {}: {}", alarm.name, condition(alarm)),
        A::DeleteAlarms { names } => {
            format!("delete alarms {}", names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        A::DeleteTopic { name } => format!("delete topic {name}"),
    }
}

/// What the call interrupts, if anything.
pub fn interrupts(action: &DatabaseAction) -> Option<&'static str> {
    match action {
        DatabaseAction::RebootDatabase { .. } => Some("connections to the database break"),
        DatabaseAction::ChangeDatabase { change, .. } if change.class.is_some() => {
            Some("the database restarts: some minutes")
        }
        _ => None,
    }
}

/// The name of a cluster's only instance.
pub fn member_name(cluster: &ResourceName) -> ResourceName {
    ResourceName::new(format!("{cluster}-1"))
}

fn noun(engine: Engine) -> &'static str {
    match engine {
        Engine::Rds => "database",
        Engine::Aurora => "Aurora cluster",
    }
}

fn condition(alarm: &DatabaseAlarm) -> String {
    let sign = match alarm.comparison {
        Comparison::AtLeast => "≥",
        Comparison::Above => ">",
        Comparison::Below => "<",
        Comparison::AtMost => "≤",
    };
    let minutes = u64::from(alarm.periods) * ALARM_SECONDS / 60;
    format!("{} {sign} {} for {minutes} min", alarm.metric, alarm.threshold)
}

fn listed(parameters: &Parameters) -> String {
    parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
}

fn changes(change: &DatabaseChange) -> String {
    let backups = change.backup_days.map(|days| format!("backups kept {days} days"));
    let protection =
        change.deletion_protection.map(|on| format!("deletion protection {}", if on { "on" } else { "off" }));
    let group = change.parameter_group.as_ref().map(|group| format!("parameter group {group}"));
    let class = change.class.as_ref().map(ToString::to_string);
    let storage = change.storage_gb.map(|storage| format!("{storage} of storage"));
    let capacity = change.capacity.clone().map(|capacity| ManagedSize::Aurora(capacity).to_string());
    let public = change.public.map(|on| format!("{} public address", if on { "a" } else { "no" }));
    [class, storage, capacity, backups, protection, public, group].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
