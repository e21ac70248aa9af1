//! `infra status`: one screen.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use crate::graph::{Graph, HostKind, HostNode};
use crate::inventory::host_facts::{DiskFacts, MigrationFacts, ReleaseFacts, ServiceFacts};
use crate::inventory::{ContactStatus, DatabaseView, HostView, Instance, Inventory, ResourceName};

/// The JSON document of `infra status --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusView {
    pub plan: String,
    pub observed_at: String,
    pub hosts: Vec<HostStatus>,
    pub contact: Option<ContactView>,
    /// The managed database that a migration made.
    pub database: Option<ManagedView>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ManagedView {
    pub name: ResourceName,
    /// None: not observed, and `unseen` says why.
    pub state: Option<String>,
    pub size: Option<String>,
    pub version: Option<String>,
    pub backup_days: Option<u32>,
    pub unseen: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HostStatus {
    pub host: String,
    /// Cloud instances: usually one, two while a replacement is under way.
    pub instances: Vec<InstanceView>,
    pub address: Option<String>,
    /// The address stays with the host.
    pub address_is_static: bool,
    /// Why the host itself could not be observed.
    pub unseen: Option<String>,
    pub release: Option<ReleaseFacts>,
    pub services: Vec<ServiceFacts>,
    pub disks: Vec<DiskFacts>,
    pub memory_mb: Option<u64>,
    pub memory_available_mb: Option<u64>,
    pub load1: Option<f64>,
    pub uptime_seconds: Option<u64>,
    /// Who is changing the host right now.
    pub locked_by: Option<String>,
    /// Of its database, if one is not over.
    pub migration: Option<MigrationFacts>,
    pub alarms: Vec<AlarmView>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InstanceView {
    pub name: ResourceName,
    pub state: String,
    pub size: String,
    pub zone: String,
    /// Of 100; None: not known yet.
    pub burst_percent: Option<f64>,
    /// What the cloud has planned for it: a retirement, a reboot, an interruption of Spot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlarmView {
    pub name: ResourceName,
    pub metric: String,
    pub threshold: f64,
    pub state: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContactView {
    pub email: String,
    pub status: ContactStatus,
}

impl StatusView {
    pub fn of(graph: &Graph, inventory: &Inventory, bursts: &BTreeMap<ResourceName, f64>) -> Self {
        let contact = graph.contact.as_ref().and_then(|_| inventory.contacts.first());
        Self {
            plan: graph.plan.to_string(),
            observed_at: inventory.observed_at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            hosts: graph.hosts.iter().map(|h| host(graph, inventory, bursts, h)).collect(),
            contact: contact.map(|c| ContactView { email: c.email.clone(), status: c.status }),
            database: managed(graph, inventory),
        }
    }
}

fn host(graph: &Graph, inventory: &Inventory, bursts: &BTreeMap<ResourceName, f64>, node: &HostNode) -> HostStatus {
    let instances: Vec<&Instance> = inventory.instances_of(&graph.plan, node.id.as_str()).collect();
    let fixed = match &node.kind {
        HostKind::Cloud(cloud) => cloud.address.as_ref().and_then(|a| inventory.address(a)).map(|a| a.ip.clone()),
        HostKind::Existing(existing) => Some(existing.address.clone()),
    };
    let facts = inventory.facts(&node.name);
    let alarms = inventory.alarms.iter().filter(|a| instances.iter().any(|i| i.name == a.monitored));
    HostStatus {
        host: node.name.to_string(),
        address_is_static: fixed.is_some(),
        address: fixed.or_else(|| instances.first().and_then(|i| i.public_ip.clone())),
        instances: instances.iter().map(|i| instance(i, bursts)).collect(),
        unseen: match inventory.hosts.get(&node.name) {
            Some(HostView::Unseen(gap) | HostView::Mistaken(gap)) => Some(gap.0.clone()),
            _ => None,
        },
        release: facts.and_then(|f| f.current().cloned()),
        services: facts.map(|f| f.services.clone()).unwrap_or_default(),
        disks: facts.map(|f| f.disks.clone()).unwrap_or_default(),
        memory_mb: facts.and_then(|f| f.memory_mb),
        memory_available_mb: facts.and_then(|f| f.memory_available_mb),
        load1: facts.and_then(|f| f.load1),
        uptime_seconds: facts.and_then(|f| f.uptime_seconds),
        locked_by: facts.and_then(|f| f.lock.as_ref()).map(|l| format!("{} ({}) since {}", l.who, l.verb, l.since)),
        migration: facts.and_then(|f| f.migration.clone()),
        alarms: alarms
            .map(|a| AlarmView {
                name: a.name.clone(),
                metric: a.metric.clone(),
                threshold: a.threshold,
                state: a.state.clone(),
            })
            .collect(),
    }
}

fn managed(graph: &Graph, inventory: &Inventory) -> Option<ManagedView> {
    let name = graph.database.as_ref()?.name.clone();
    match &inventory.database {
        DatabaseView::Absent => None,
        DatabaseView::Unseen(gap) => Some(ManagedView {
            name,
            state: None,
            size: None,
            version: None,
            backup_days: None,
            unseen: Some(gap.0.clone()),
        }),
        DatabaseView::Seen(found) => found.database.as_ref().map(|database| ManagedView {
            name,
            state: Some(database.state.to_string()),
            size: Some(database.size.to_string()),
            version: Some(database.version.clone()),
            backup_days: Some(database.backup_days),
            unseen: None,
        }),
    }
}

fn instance(instance: &Instance, bursts: &BTreeMap<ResourceName, f64>) -> InstanceView {
    InstanceView {
        name: instance.name.clone(),
        state: format!("{:?}", instance.state).to_lowercase(),
        size: instance.size.clone(),
        zone: instance.zone.clone(),
        burst_percent: bursts.get(&instance.name).copied(),
        events: instance.ec2.as_ref().map(|ec2| ec2.events.clone()).unwrap_or_default(),
    }
}

pub fn status_text(view: &StatusView) -> String {
    let mut text = format!("{}  {}\n", view.plan, view.observed_at);
    for host in &view.hosts {
        host_text(&mut text, host);
    }
    if let Some(database) = &view.database {
        line(&mut text, format_args!("\n{}", managed_text(database)));
    }
    if let Some(contact) = &view.contact {
        let status = match contact.status {
            ContactStatus::Valid => "verified",
            ContactStatus::Pending => "NOT VERIFIED: alarms reach nobody until the link in Amazon's mail is followed",
            ContactStatus::Invalid => "INVALID: alarms reach nobody",
        };
        line(&mut text, format_args!("alarms go to {}: {status}", contact.email));
    }
    text
}

/// Writing to a String cannot fail.
fn line(text: &mut String, args: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(args);
    text.push('\n');
}

fn host_text(text: &mut String, host: &HostStatus) {
    let address = host.address.as_deref().unwrap_or("no address");
    let fixed = if host.address_is_static { " (static)" } else { "" };
    line(text, format_args!("\nhost {}  {address}{fixed}", host.host));
    if host.instances.is_empty() && host.unseen.is_none() && host.services.is_empty() {
        line(text, format_args!("  does not exist yet"));
    }
    for i in &host.instances {
        let burst = i.burst_percent.map_or("burst unknown".into(), |b| format!("burst {b:.0} %"));
        line(text, format_args!("  instance {}  {}  {} in {}  {burst}", i.name, i.state, i.size, i.zone));
        i.events.iter().for_each(|event| line(text, format_args!("  AWS PLANS {event}")));
    }
    if let Some(unseen) = &host.unseen {
        line(text, format_args!("  NOT OBSERVED: {unseen}"));
    }
    if let (Some(total), Some(free)) = (host.memory_mb, host.memory_available_mb) {
        let load = host.load1.map(|l| format!("  load {l}")).unwrap_or_default();
        line(text, format_args!("  memory   {} of {total} MB used{load}", total.saturating_sub(free)));
    }
    for disk in &host.disks {
        line(text, format_args!("  disk     {}", disk_text(disk)));
    }
    if let Some(release) = &host.release {
        line(text, format_args!("  release  {} of {} by {}", release.number, release.created_at, release.by));
    }
    for service in &host.services {
        line(text, format_args!("  service  {}", service_text(service)));
    }
    for alarm in &host.alarms {
        line(text, format_args!("  alarm    {}  {} at {}  {}", alarm.name, alarm.metric, alarm.threshold, alarm.state));
    }
    if let Some(migration) = &host.migration {
        line(text, format_args!("  migration {}: {}", migration.id, migration.what));
    }
    if let Some(holder) = &host.locked_by {
        line(text, format_args!("  locked   by {holder}"));
    }
}

fn managed_text(database: &ManagedView) -> String {
    let name = &database.name;
    if let Some(why) = &database.unseen {
        return format!("database {name}  NOT OBSERVED: {why}");
    }
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    let days = database.backup_days.unwrap_or_default();
    let backups = if days == 0 { "NO BACKUPS".to_owned() } else { format!("backups kept {days} days") };
    let (state, size, version) = (part(&database.state), part(&database.size), part(&database.version));
    format!("database {name}  {state}  {size}  PostgreSQL {version}  {backups}")
}

fn disk_text(disk: &DiskFacts) -> String {
    let gb = |bytes: u64| {
        let tenths = bytes / (1 << 30) * 10 + bytes % (1 << 30) * 10 / (1 << 30);
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match (&disk.device, disk.used_bytes, disk.fs_bytes) {
        (Some(device), Some(used), Some(size)) if size > 0 => {
            let percent = used * 100 / size;
            let queue = disk.queue_depth.map(|q| format!("  queue depth {q}")).unwrap_or_default();
            format!(
                "{}  {} of {} GB used ({percent} %)  {device} at {}{queue}",
                disk.disk,
                gb(used),
                gb(size),
                disk.mount
            )
        }
        _ => format!("{}  NOT MOUNTED at {}", disk.disk, disk.mount),
    }
}

fn service_text(service: &ServiceFacts) -> String {
    let health = service.health.as_deref().unwrap_or("no health check");
    let restarts = service.restarts.filter(|n| *n > 0).map(|n| format!("  {n} restarts")).unwrap_or_default();
    let memory = service.memory_bytes.map(|b| format!("  {} MB", b >> 20)).unwrap_or_default();
    if service.is_done() {
        return format!("{}  done  {}", service.service, service.image);
    }
    format!("{}  {}, {health}{restarts}{memory}  {}", service.service, service.state, service.image)
}
