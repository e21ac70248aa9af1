//! SDK types to the inventory's and back. What the API leaves out becomes the neutral value.

use aws_sdk_lightsail::types as sdk;
use ipnet::IpNet;
use jiff::Timestamp;

use crate::cloud::api::OperationState;
use crate::inventory::{
    Address, Alarm, CloudKind, Comparison, Contact, ContactStatus, Disk, Instance, InstanceState, KeyPair, OpenPort,
    ResourceName, RuleProtocol, RuleRange, Size, Snapshot, Tags,
};

fn tags(tags: Option<&Vec<sdk::Tag>>) -> Tags {
    let pairs = tags.into_iter().flatten();
    Tags(pairs.filter_map(|t| Some((t.key.clone()?, t.value.clone().unwrap_or_default()))).collect())
}

pub(super) fn sdk_tags(tags: &Tags) -> Vec<sdk::Tag> {
    tags.0.iter().map(|(key, value)| sdk::Tag::builder().key(key).value(value).build()).collect()
}

fn name(name: &Option<String>) -> ResourceName {
    ResourceName::new(name.clone().unwrap_or_default())
}

fn zone(location: Option<&sdk::ResourceLocation>) -> String {
    location.and_then(|l| l.availability_zone.clone()).unwrap_or_default()
}

fn time(at: Option<&aws_smithy_types::DateTime>) -> Option<Timestamp> {
    Timestamp::from_millisecond(at?.to_millis().ok()?).ok()
}

pub(super) fn instance_state(state: Option<&sdk::InstanceState>) -> InstanceState {
    match state.and_then(|s| s.name.as_deref()) {
        Some("pending") => InstanceState::Pending,
        Some("running") => InstanceState::Running,
        Some("stopping") => InstanceState::Stopping,
        Some("stopped") => InstanceState::Stopped,
        Some("shutting-down" | "terminated") => InstanceState::Gone,
        _ => InstanceState::Unknown,
    }
}

pub(super) fn instance(i: &sdk::Instance) -> Instance {
    let ports = i.networking.as_ref().and_then(|n| n.ports.as_ref());
    Instance {
        cloud: CloudKind::Lightsail,
        name: name(&i.name),
        tags: tags(i.tags.as_ref()),
        zone: zone(i.location.as_ref()),
        state: instance_state(i.state.as_ref()),
        size: i.bundle_id.clone().unwrap_or_default(),
        image: i.blueprint_id.clone().unwrap_or_default(),
        user: i.username.clone().unwrap_or_default(),
        key_pair: i.ssh_key_name.clone().map(ResourceName::new),
        public_ip: i.public_ip_address.clone(),
        private_ip: i.private_ip_address.clone(),
        ports: ports.into_iter().flatten().filter_map(open_port).collect(),
        created_at: time(i.created_at.as_ref()),
        ec2: None,
    }
}

fn open_port(port: &sdk::InstancePortInfo) -> Option<OpenPort> {
    if port.access_direction == Some(sdk::AccessDirection::Outbound) {
        return None;
    }
    let cidrs = port.cidrs.iter().flatten().chain(port.ipv6_cidrs.iter().flatten());
    Some(OpenPort {
        range: RuleRange { from: port.from_port, to: port.to_port },
        protocol: match port.protocol.as_ref() {
            Some(sdk::NetworkProtocol::Tcp) => RuleProtocol::Tcp,
            Some(sdk::NetworkProtocol::Udp) => RuleProtocol::Udp,
            Some(sdk::NetworkProtocol::All) => RuleProtocol::All,
            Some(sdk::NetworkProtocol::Icmp) => RuleProtocol::Icmp,
            Some(sdk::NetworkProtocol::Icmpv6) => RuleProtocol::Icmpv6,
            other => RuleProtocol::Other(other.map_or("unknown", |protocol| protocol.as_str()).to_owned()),
        },
        from: cidrs.filter_map(|c| c.parse::<IpNet>().ok()).collect(),
        aliases: port.cidr_list_aliases.iter().flatten().cloned().collect(),
    })
}

pub(super) fn port_info(port: &OpenPort) -> sdk::PortInfo {
    let (v4, v6): (Vec<_>, Vec<_>) = port.from.iter().partition(|n| matches!(n, IpNet::V4(_)));
    let text = |nets: Vec<&IpNet>| nets.into_iter().map(ToString::to_string).collect::<Vec<_>>();
    sdk::PortInfo::builder()
        .from_port(port.range.from)
        .to_port(port.range.to)
        .protocol(sdk::NetworkProtocol::from(port.protocol.to_string().as_str()))
        .set_cidrs(Some(text(v4)))
        .set_ipv6_cidrs(Some(text(v6)))
        .set_cidr_list_aliases(Some(port.aliases.iter().cloned().collect()))
        .build()
}

pub(super) fn disk(d: &sdk::Disk) -> Disk {
    Disk {
        cloud: CloudKind::Lightsail,
        name: name(&d.name),
        tags: tags(d.tags.as_ref()),
        zone: zone(d.location.as_ref()),
        size_gb: d.size_in_gb.and_then(|s| u32::try_from(s).ok()).unwrap_or(0),
        attached_to: d.attached_to.clone().filter(|_| d.is_attached != Some(false)).map(ResourceName::new),
        path: d.path.clone(),
        // In use and not attached: it is on its way to an instance, or from one.
        ready: match d.state {
            Some(sdk::DiskState::Available) => true,
            Some(sdk::DiskState::InUse) => d.is_attached != Some(false),
            _ => false,
        },
        volume: None,
        modification: None,
    }
}

pub(super) fn snapshot(s: &sdk::DiskSnapshot) -> Snapshot {
    Snapshot {
        cloud: CloudKind::Lightsail,
        name: name(&s.name),
        tags: tags(s.tags.as_ref()),
        from_disk: s.from_disk_name.clone().map(ResourceName::new),
        size_gb: s.size_in_gb.and_then(|s| u32::try_from(s).ok()).unwrap_or(0),
        complete: s.state == Some(sdk::DiskSnapshotState::Completed),
        created_at: time(s.created_at.as_ref()),
    }
}

pub(super) fn address(a: &sdk::StaticIp) -> Address {
    Address {
        cloud: CloudKind::Lightsail,
        name: name(&a.name),
        ip: a.ip_address.clone().unwrap_or_default(),
        attached_to: a.attached_to.clone().filter(|_| a.is_attached != Some(false)).map(ResourceName::new),
    }
}

pub(super) fn key_pair(k: &sdk::KeyPair) -> KeyPair {
    let fingerprint = k.fingerprint.clone().unwrap_or_default();
    KeyPair { cloud: CloudKind::Lightsail, name: name(&k.name), fingerprint }
}

/// E-mail contacts only: infra uses no other.
pub(super) fn contact(c: &sdk::ContactMethod) -> Option<Contact> {
    (c.protocol == Some(sdk::ContactProtocol::Email)).then(|| Contact {
        email: c.contact_endpoint.clone().unwrap_or_default(),
        status: match c.status {
            Some(sdk::ContactMethodStatus::Valid) => ContactStatus::Valid,
            Some(sdk::ContactMethodStatus::Invalid) => ContactStatus::Invalid,
            _ => ContactStatus::Pending,
        },
        tags: tags(c.tags.as_ref()),
    })
}

pub(super) fn alarm(a: &sdk::Alarm) -> Alarm {
    let monitored = a.monitored_resource_info.as_ref();
    Alarm {
        name: name(&a.name),
        monitored: ResourceName::new(monitored.and_then(|m| m.name.clone()).unwrap_or_default()),
        metric: a.metric_name.as_ref().map(|m| m.as_str().to_owned()).unwrap_or_default(),
        comparison: match a.comparison_operator {
            Some(sdk::ComparisonOperator::GreaterThanOrEqualToThreshold) => Comparison::AtLeast,
            Some(sdk::ComparisonOperator::LessThanOrEqualToThreshold) => Comparison::AtMost,
            Some(sdk::ComparisonOperator::LessThanThreshold) => Comparison::Below,
            _ => Comparison::Above,
        },
        threshold: a.threshold.unwrap_or_default(),
        evaluation_periods: a.evaluation_periods.and_then(|p| u32::try_from(p).ok()).unwrap_or(0),
        notifies_email: a.contact_protocols.iter().flatten().any(|p| *p == sdk::ContactProtocol::Email),
        state: a.state.as_ref().map(|s| s.as_str().to_owned()).unwrap_or_default(),
        tags: tags(a.tags.as_ref()),
    }
}

pub(super) fn comparison(comparison: Comparison) -> sdk::ComparisonOperator {
    match comparison {
        Comparison::AtLeast => sdk::ComparisonOperator::GreaterThanOrEqualToThreshold,
        Comparison::Above => sdk::ComparisonOperator::GreaterThanThreshold,
        Comparison::Below => sdk::ComparisonOperator::LessThanThreshold,
        Comparison::AtMost => sdk::ComparisonOperator::LessThanOrEqualToThreshold,
    }
}

/// Linux bundles only.
pub(super) fn size(b: &sdk::Bundle) -> Option<Size> {
    let linux = b.supported_platforms.iter().flatten().any(|p| *p == sdk::InstancePlatform::LinuxUnix);
    let number = |n: Option<i32>| n.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let size = Size {
        id: b.bundle_id.clone()?,
        price: f64::from(b.price.unwrap_or_default()),
        vcpu: number(b.cpu_count),
        memory_gb: f64::from(b.ram_size_in_gb.unwrap_or_default()),
        disk_gb: number(b.disk_size_in_gb),
        active: b.is_active.unwrap_or(false),
    };
    linux.then_some(size)
}

pub(super) fn operation_state(operation: &sdk::Operation) -> OperationState {
    use sdk::OperationStatus::{Completed, Failed, Succeeded};
    match &operation.status {
        Some(Failed) => OperationState::Failed {
            code: operation.error_code.clone().unwrap_or_else(|| "Failed".into()),
            details: operation.error_details.clone().unwrap_or_else(|| "no details were given".into()),
        },
        Some(Completed | Succeeded) => OperationState::Done,
        _ => OperationState::Running,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `aws lightsail put-instance-public-ports` makes them.
    #[test]
    fn rules_of_every_protocol_are_seen() {
        let rule = |protocol: &str, from, to| {
            let builder = sdk::InstancePortInfo::builder().protocol(protocol.into()).from_port(from).to_port(to);
            open_port(&builder.cidrs("0.0.0.0/0").build()).map(|port| port.what())
        };
        let seen = [
            ("tcp", 443, 443),
            ("udp", 1, 9),
            ("all", 0, 65535),
            ("icmp", 8, -1),
            ("icmp", -1, -1),
            ("icmpv6", 128, 0),
        ]
        .map(|(protocol, from, to)| rule(protocol, from, to).unwrap_or_default());
        assert_eq!(seen, ["443/tcp", "1-9/udp", "all protocols", "icmp type 8", "icmp", "icmpv6 type 128 code 0"]);
        assert_eq!(rule("sctp", 1, 1).as_deref(), Some("1/sctp"), "one that is not known is open all the same");
    }
}
