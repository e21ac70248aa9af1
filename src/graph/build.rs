//! Plan to graph.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::names::Names;
use super::nodes::{
    AlarmNode, CloudHost, CloudHostKind, DatabaseNode, DiskNode, Ec2Settings, Existing, Graph, HostKind, HostNode,
    KeyPairNode, NodeId, ProfileNode, ReleaseNode, sources,
};
use super::profile::policy;
use crate::inventory::{CloudKind, Comparison, OpenPort, ResourceName, VolumeSpec};
use crate::plan::{Disk, Engine, Host, Metric, NodeName, Plan, Port, PortRule, Provider, Threshold, VolumeType};

/// Lightsail evaluates its alarms on periods of five minutes.
const ALARM_PERIOD_SECONDS: u64 = 300;
/// The port that PostgreSQL listens on.
const POSTGRES: u16 = 5432;
/// The node that a managed database's tags name.
pub const DATABASE: &str = "database";
/// RDS's own default.
const BACKUP_DAYS: u64 = 7;
/// RDS keeps backups no longer.
const MOST_BACKUP_DAYS: u64 = 35;
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// What the plan refers to and the caller has read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inputs {
    /// The operator's public key in OpenSSH's one-line form.
    pub public_key: String,
    /// infra's own first-boot script.
    pub host_script: String,
    /// The users' own scripts, by host.
    pub user_scripts: BTreeMap<NodeName, String>,
    /// Hash of everything that makes a release.
    pub release_hash: Option<String>,
}

/// The script that runs at first boot, and the hash of its user's part: only that one asks for a new host when it
/// changes, or every new version of infra would replace every host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserData {
    pub script: String,
    pub own_hash: String,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GraphError {
    #[error("two resources would both be named {name}: {first} and {second}")]
    NameTwice { name: ResourceName, first: NodeId, second: NodeId },
    #[error("hosts.{host}: {field} is missing")]
    FieldMissing { host: NodeName, field: &'static str },
}

pub fn build(plan: &Plan, inputs: &Inputs) -> Result<Graph, GraphError> {
    let names = Names(&plan.name);
    let hosts = plan.hosts.iter().map(|(name, host)| host_node(plan, &names, name, host, inputs));
    let hosts = hosts.collect::<Result<Vec<_>, _>>()?;
    let comes_from = |cloud| hosts.iter().any(|h| matches!(&h.kind, HostKind::Cloud(host) if host.cloud() == cloud));
    let key_pairs = [CloudKind::Lightsail, CloudKind::Ec2].into_iter().filter(|cloud| comes_from(*cloud));
    let key_pairs = key_pairs.map(|cloud| key_pair(&names, cloud, inputs)).collect();
    let region = plan.region.as_ref().filter(|_| comes_from(CloudKind::Ec2));
    let profile = region.map(|region| ProfileNode {
        id: NodeId::new("profile"),
        name: names.profile(region),
        policy: policy(&plan.name, region),
    });
    let release = plan.bundle.as_ref().map(|bundle| ReleaseNode {
        host: bundle.host.clone(),
        hash: inputs.release_hash.clone().unwrap_or_default(),
        push: bundle.push.clone(),
        health_timeout: bundle.health_timeout,
    });
    // The one contact of Lightsail, for its alarms.
    let contact = comes_from(CloudKind::Lightsail).then(|| plan.alerts.email.first().cloned()).flatten();
    let (name, region, database) = (plan.name.clone(), plan.region.clone(), database(plan));
    let graph = Graph { plan: name, region, key_pairs, profile, hosts, contact, release, database };
    names_are_distinct(&graph)?;
    Ok(graph)
}

/// None where the plan names no kind, or no host that could be its client.
pub fn database(plan: &Plan) -> Option<DatabaseNode> {
    let sizes: BTreeMap<_, _> =
        Engine::ALL.into_iter().filter_map(|engine| Some((engine, plan.migrate.managed(engine)?))).collect();
    let host = plan.bundle.as_ref().map(|bundle| bundle.host.clone()).filter(|_| !sizes.is_empty())?;
    let kept =
        plan.backup.as_ref().map_or(BACKUP_DAYS, |backup| backup.keep.duration().as_secs().div_ceil(DAY_SECONDS));
    let meant = |threshold: &&Threshold| plan.is_meant(threshold, &host);
    Some(DatabaseNode {
        plan: plan.name.clone(),
        id: NodeId::new(DATABASE),
        name: Names(&plan.name).database(),
        sizes,
        port: Port::new(POSTGRES).expect("it is no zero"),
        backup_days: u32::try_from(kept.clamp(1, MOST_BACKUP_DAYS)).expect("it is at most 35"),
        emails: plan.alerts.email.clone(),
        thresholds: plan.thresholds.iter().filter(meant).cloned().collect(),
        host,
    })
}

fn host_node(
    plan: &Plan,
    names: &Names<'_>,
    name: &NodeName,
    host: &Host,
    inputs: &Inputs,
) -> Result<HostNode, GraphError> {
    let id = NodeId::host(name);
    let kind = match host.provider {
        Provider::Lightsail | Provider::Ec2 => HostKind::Cloud(cloud_host(plan, names, name, host, inputs)?),
        Provider::Ssh => HostKind::Existing(Existing {
            address: host
                .address
                .as_ref()
                .map(ToString::to_string)
                .ok_or(GraphError::FieldMissing { host: name.clone(), field: "address" })?,
        }),
    };
    let disks: Vec<_> = host
        .disks
        .iter()
        .map(|(disk, spec)| DiskNode {
            name: disk.clone(),
            id: id.child("disks").child(disk.as_str()),
            base: names.disk(name, disk),
            size_gb: spec.size_gb.0,
            mount: spec.mount.clone(),
            volume: (host.provider == Provider::Ec2).then(|| volume(spec)),
        })
        .collect();
    Ok(HostNode { name: name.clone(), id, kind, disks })
}

fn key_pair(names: &Names<'_>, cloud: CloudKind, inputs: &Inputs) -> KeyPairNode {
    let id = match cloud {
        CloudKind::Lightsail => NodeId::new("key_pair"),
        CloudKind::Ec2 => NodeId::new("key_pair.ec2"),
    };
    KeyPairNode { cloud, id, name: names.key_pair(), public_key: inputs.public_key.clone() }
}

/// What the plan leaves out is what EC2 makes of it.
fn volume(disk: &Disk) -> VolumeSpec {
    let kind = disk.kind.unwrap_or(VolumeType::Gp3);
    match kind {
        VolumeType::Gp3 => VolumeSpec {
            kind,
            iops: disk.iops.or(VolumeSpec::GP3.iops),
            throughput: disk.throughput.or(VolumeSpec::GP3.throughput),
        },
        VolumeType::Io1 | VolumeType::Io2 => VolumeSpec { kind, iops: disk.iops, throughput: None },
        VolumeType::Gp2 | VolumeType::St1 | VolumeType::Sc1 => VolumeSpec { kind, iops: None, throughput: None },
    }
}

fn cloud_host(
    plan: &Plan,
    names: &Names<'_>,
    name: &NodeName,
    host: &Host,
    inputs: &Inputs,
) -> Result<CloudHost, GraphError> {
    let missing = |field| GraphError::FieldMissing { host: name.clone(), field };
    let zone = match (&host.zone, &plan.region) {
        (Some(zone), _) => zone.to_string(),
        (None, Some(region)) => format!("{region}a"),
        (None, None) => return Err(missing("zone")),
    };
    Ok(CloudHost {
        base: names.instance(name),
        zone,
        size: host.size.as_ref().ok_or_else(|| missing("size"))?.to_string(),
        image: host.image.as_ref().ok_or_else(|| missing("image"))?.to_string(),
        user_data: user_data(inputs, name),
        key_pair: names.key_pair(),
        ports: ports(&host.ports),
        address: host.static_ip.then(|| names.address(name)),
        // Those of EC2 are CloudWatch's, which are not built yet: plan/unbuilt.rs says so.
        alarms: match host.provider {
            Provider::Lightsail => {
                let meant = plan.thresholds.iter().filter(|threshold| plan.is_meant(threshold, name));
                meant.flat_map(|threshold| alarms(names, name, threshold)).collect()
            }
            Provider::Ec2 | Provider::Ssh => vec![],
        },
        kind: match (host.provider, &plan.region) {
            (Provider::Ec2, Some(region)) => CloudHostKind::Ec2(Ec2Settings {
                vpc: host.vpc.clone(),
                subnet: host.subnet.clone(),
                zone_given: host.zone.is_some(),
                firewall: names.firewall(name),
                profile: names.profile(region),
                root_gb: host.root_gb.unwrap_or(Host::ROOT).0,
                credits: host.credits,
            }),
            (Provider::Ec2, None) => return Err(missing("region")),
            _ => CloudHostKind::Lightsail,
        },
    })
}

fn user_data(inputs: &Inputs, host: &NodeName) -> UserData {
    match inputs.user_scripts.get(host) {
        None => UserData { script: inputs.host_script.clone(), own_hash: "none".into() },
        Some(own) => UserData {
            script: format!("{}\n# the plan's own first-boot script\n(\n{own}\n)\n", inputs.host_script),
            own_hash: hex::encode(&Sha256::digest(own)[..6]),
        },
    }
}

/// Rules on the same ports are one rule to the provider.
fn ports(rules: &[PortRule]) -> Vec<OpenPort> {
    let mut merged: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for rule in rules {
        let nets = sources(rule.from.iter().map(|s| s.net()));
        merged.entry((rule.port, rule.protocol)).or_default().extend(nets);
    }
    merged
        .into_iter()
        .map(|((range, protocol), from)| OpenPort {
            range: range.into(),
            protocol: protocol.into(),
            from,
            aliases: BTreeSet::new(),
        })
        .collect()
}

/// The alarms that Lightsail itself can keep for a threshold. It has no metric for disks, memory or services, and combines none: those
/// are evaluated on the host.
fn alarms(names: &Names<'_>, host: &NodeName, threshold: &Threshold) -> Vec<AlarmNode> {
    let (metric, short) = match threshold.metric {
        Some(Metric::CpuBurstPercent) => ("BurstCapacityPercentage", "burst"),
        Some(Metric::CpuPercent) => ("CPUUtilization", "cpu"),
        _ => return vec![],
    };
    let comparison = if threshold.below { Comparison::AtMost } else { Comparison::AtLeast };
    let periods = threshold.period.as_secs().div_ceil(ALARM_PERIOD_SECONDS).max(1);
    let levels = [("warn", threshold.warn), ("migrate", threshold.migrate)];
    let alarm = |(level, limit): (&str, Option<f64>)| {
        Some(AlarmNode {
            id: NodeId::host(host).child("alarms").child(&format!("{short}-{level}")),
            name: names.alarm(host, short, level),
            metric: metric.into(),
            comparison,
            threshold: limit?,
            evaluation_periods: u32::try_from(periods).unwrap_or(u32::MAX),
        })
    };
    levels.into_iter().filter_map(alarm).collect()
}

/// Host `a` with a disk `b` and a host `a-b` would want the same name.
fn names_are_distinct(graph: &Graph) -> Result<(), GraphError> {
    let mut seen: BTreeMap<ResourceName, NodeId> = BTreeMap::new();
    for (name, id) in all_names(graph) {
        if let Some(first) = seen.insert(name.clone(), id.clone()) {
            return Err(GraphError::NameTwice { name, first, second: id });
        }
    }
    Ok(())
}

fn all_names(graph: &Graph) -> Vec<(ResourceName, NodeId)> {
    let mut names: Vec<_> = graph.key_pairs.iter().take(1).map(|k| (k.name.clone(), k.id.clone())).collect();
    for (host, cloud) in graph.cloud_hosts() {
        names.push((cloud.base.clone(), host.id.clone()));
        names.extend(cloud.address.iter().map(|a| (a.clone(), host.id.child("address"))));
        names.extend(host.disks.iter().map(|d| (d.base.clone(), d.id.clone())));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{edited, graph};

    /// Two alarms of one name would be one that changes with every run.
    #[test]
    fn a_threshold_of_a_host_goes_before_one_of_all() {
        let own =
            "[[thresholds]]\nmetric = \"cpu.burst_percent\"\nbelow = true\nwarn = 30\nfor = \"15m\"\nhost = \"box\"\n";
        let plan = edited(&[("[[thresholds]]", &format!("{own}\n[[thresholds]]"))]);
        let graph = graph(&plan, "r");
        let alarms: Vec<_> = graph.cloud_hosts().flat_map(|(_, cloud)| &cloud.alarms).collect();
        assert_eq!(alarms.iter().map(|alarm| alarm.threshold).collect::<Vec<_>>(), [30.0]);
    }
}
