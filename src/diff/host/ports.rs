//! The firewall: what opens, what closes, and whether that shuts the operator out.

use std::net::IpAddr;

use super::{Lockout, PortsDiff};
use crate::diff::ec2::Ec2Diff;
use crate::graph::{CloudHost, HostNode};
use crate::inventory::{Inventory, OpenPort, ResourceName, RuleProtocol, TAG_USER_DATA};

/// What Lightsail opens to everyone on a new Linux instance.
const PORTS_OF_NEW: [i32; 2] = [22, 80];

pub(super) fn ports(
    host: &HostNode,
    cloud: &CloudHost,
    inventory: &Inventory,
    target: &ResourceName,
    ec2: Option<&Ec2Diff>,
) -> PortsDiff {
    let open = inventory.instance(target).map(|i| sorted(&i.ports));
    let wanted = sorted(&cloud.ports);
    if let Some(ec2) = ec2 {
        if ec2.firewall.is_kept() {
            return PortsDiff::Keep;
        }
        let operator = inventory.facts(&host.name).and_then(|f| f.operator_address);
        let lockout = open.and_then(|open| lockout(&open, &wanted, operator));
        return PortsDiff::Put { opens: describe(&ec2.firewall.open), closes: describe(&ec2.firewall.close), lockout };
    }
    let Some(open) = open else {
        return PortsDiff::Put { opens: describe(&wanted), closes: vec![], lockout: None };
    };
    if open == wanted {
        return PortsDiff::Keep;
    }
    let (before, after) = (describe(&open), describe(&wanted));
    let opens = after.iter().filter(|r| !before.contains(r)).cloned().collect();
    let closes = before.iter().filter(|r| !after.contains(r)).cloned().collect();
    let operator = inventory.facts(&host.name).and_then(|f| f.operator_address);
    let lockout = lockout(&open, &wanted, operator).filter(|_| !is_untouched(inventory, target, &open));
    PortsDiff::Put { opens, closes, lockout }
}

/// infra made the instance and was interrupted before it set the firewall: it is open as the provider opens a new one,
/// and nobody depends on that.
fn is_untouched(inventory: &Inventory, target: &ResourceName, open: &[OpenPort]) -> bool {
    let made_here = inventory.instance(target).is_some_and(|i| i.tags.get(TAG_USER_DATA).is_some());
    let everyone = |p: &OpenPort| p.from.iter().all(|net| net.prefix_len() == 0);
    let single = |p: &OpenPort| PORTS_OF_NEW.iter().any(|port| (p.range.from, p.range.to) == (*port, *port));
    let as_new = |p: &OpenPort| p.protocol == RuleProtocol::Tcp && everyone(p) && single(p);
    made_here && open.len() == PORTS_OF_NEW.len() && open.iter().all(as_new)
}

fn lockout(open: &[OpenPort], wanted: &[OpenPort], operator: Option<IpAddr>) -> Option<Lockout> {
    let admits = |ports: &[OpenPort], ip: IpAddr| ssh_rules(ports).any(|p| p.from.iter().any(|n| n.contains(&ip)));
    match operator {
        Some(ip) => (admits(open, ip) && !admits(wanted, ip)).then_some(Lockout { operator }),
        None => {
            let covered = |net: &ipnet::IpNet| ssh_rules(wanted).any(|p| p.from.iter().any(|w| w.contains(net)));
            let shrinks = ssh_rules(open).any(|p| !p.from.iter().all(covered));
            shrinks.then_some(Lockout { operator: None })
        }
    }
}

fn ssh_rules(ports: &[OpenPort]) -> impl Iterator<Item = &OpenPort> {
    ports.iter().filter(|p| p.admits_ssh())
}

fn sorted(ports: &[OpenPort]) -> Vec<OpenPort> {
    let mut ports = ports.to_vec();
    ports.sort();
    ports
}

fn describe(ports: &[OpenPort]) -> Vec<String> {
    let one = |p: &OpenPort| {
        let sources = p.from.iter().map(ToString::to_string).chain(p.aliases.iter().cloned());
        sources.map(|source| format!("{} from {source}", p.what())).collect::<Vec<_>>()
    };
    ports.iter().flat_map(one).collect()
}
