//! Looks at security groups and addresses.

use aws_sdk_ec2::types as sdk;

use super::{done, instance};
use crate::cloud::api::{CloudError, Probe};
use crate::cloud::ec2::Ec2;
use crate::cloud::ec2::convert::{is_for, tags};
use crate::cloud::ec2::errors::taken;
use crate::cloud::ec2::firewall;
use crate::inventory::{OpenPort, ResourceName, Tags};
use crate::steps::CloudAction;

pub(super) async fn firewall(ec2: &Ec2, action: &CloudAction) -> Result<Probe, CloudError> {
    let (CloudAction::CreateFirewall { name, .. }
    | CloudAction::OpenPorts { firewall: name, .. }
    | CloudAction::ClosePorts { firewall: name, .. }
    | CloudAction::DeleteFirewall { name }) = action
    else {
        return Err(super::not_of_ec2(action));
    };
    let found = ec2.firewall(name).await?;
    Ok(done(match (action, &found) {
        (CloudAction::CreateFirewall { tags, .. }, Some(found)) => ours(name, found.tags(), tags)?,
        (CloudAction::OpenPorts { ports, .. }, Some(found)) => has(found, ports) == ports.len(),
        (CloudAction::ClosePorts { ports, .. }, Some(found)) => has(found, ports) == 0,
        (CloudAction::ClosePorts { .. } | CloudAction::DeleteFirewall { .. }, None) => true,
        _ => false,
    }))
}

fn ours(name: &ResourceName, found: &[sdk::Tag], wanted: &Tags) -> Result<bool, CloudError> {
    if is_for(&tags(found), wanted) { Ok(true) } else { Err(taken(name)) }
}

/// How many of the rules are there; each may name several sources.
fn has(group: &sdk::SecurityGroup, ports: &[OpenPort]) -> usize {
    let there = firewall::firewall(group).map(|found| found.ports).unwrap_or_default();
    let lets_in = |port: &&OpenPort| {
        let same = |rule: &&OpenPort| rule.range == port.range && rule.protocol == port.protocol;
        let rules: Vec<_> = there.iter().filter(same).collect();
        port.from.iter().all(|net| rules.iter().any(|rule| rule.from.contains(net)))
            && port.aliases.iter().all(|alias| rules.iter().any(|rule| rule.aliases.contains(alias)))
    };
    ports.iter().filter(lets_in).count()
}

pub(super) async fn address(ec2: &Ec2, action: &CloudAction) -> Result<Probe, CloudError> {
    let (CloudAction::AllocateAddress { name, .. }
    | CloudAction::AttachAddress { name, .. }
    | CloudAction::DetachAddress { name }
    | CloudAction::ReleaseAddress { name }) = action
    else {
        return Err(super::not_of_ec2(action));
    };
    let found = ec2.address(name).await?;
    let holder = found.as_ref().and_then(|found| found.instance_id()).filter(|id| !id.is_empty());
    Ok(match (action, &found) {
        (CloudAction::AllocateAddress { .. }, Some(_)) => Probe::Done,
        (CloudAction::ReleaseAddress { .. } | CloudAction::DetachAddress { .. }, None) => Probe::Done,
        (CloudAction::DetachAddress { .. }, Some(found)) => done(found.association_id().is_none()),
        (CloudAction::AttachAddress { instance: wanted, .. }, Some(_)) => match ec2.instance(wanted).await? {
            Some(wanted) if holder.is_some() && wanted.instance_id() == holder => Probe::Done,
            Some(wanted) => instance::settled(&wanted),
            None => Probe::Absent,
        },
        _ => Probe::Absent,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::inventory::{RuleProtocol, RuleRange};

    fn port(number: i32, nets: &[&str]) -> OpenPort {
        OpenPort {
            range: RuleRange { from: number, to: number },
            protocol: RuleProtocol::Tcp,
            from: nets.iter().map(|net| net.parse().unwrap()).collect(),
            aliases: BTreeSet::new(),
        }
    }

    #[test]
    fn rules_are_counted_however_they_are_grouped() {
        let open = [port(22, &["10.0.0.0/8"]), port(443, &["0.0.0.0/0"]), port(443, &["::/0"])];
        let permissions = firewall::permissions(&open);
        let group = sdk::SecurityGroup::builder().group_id("sg-1").set_ip_permissions(Some(permissions)).build();
        assert_eq!(has(&group, &open), 3);
        assert_eq!(has(&group, &[port(443, &["0.0.0.0/0", "::/0"])]), 1, "two sources in one");
        assert_eq!(has(&group, &[port(22, &["0.0.0.0/0"]), port(23, &["10.0.0.0/8"])]), 0);
        assert_eq!(has(&group, &[port(22, &["10.0.0.0/8", "::/0"])]), 0, "one source of it is missing");
    }
}
