//! The two ways between the bundle's host and one that holds its database: the clients' to that, and its server's back while a
//! migration runs. Where a host's firewall is for its private address too, as EC2's, they are rules of it, for the other's
//! private address alone. Lightsail's firewall is for public addresses.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::nodes::{Graph, HostKind, NodeId};
use crate::inventory::{Inventory, OpenPort};
use crate::plan::{NodeName, Plan, Port, PortRange, Protocol, Provider};

/// Where PostgreSQL is published.
const POSTGRES: u16 = 5432;
/// Where the bundle's host lets the new server through to the old database.
pub const RELAY: u16 = 15432;

/// Opens what is to be open between hosts that are there. One that is still to be made has no address yet.
pub fn open(graph: &mut Graph, plan: &Plan, inventory: &Inventory) {
    let Some(bundle) = plan.bundle.as_ref().map(|bundle| &bundle.host) else { return };
    // A managed database's server has addresses that change: its security group is let in.
    let managed = inventory.database.seen().and_then(|found| found.security_group.as_ref());
    if let Some(group) = managed.filter(|_| is_ec2(plan, bundle)) {
        let_in(graph, bundle, Who::Group(group.id.clone()), RELAY);
    }
    for holder in holders(plan, inventory) {
        let ways = [(&holder, bundle, POSTGRES), (bundle, &holder, RELAY)];
        for (host, from, port) in ways {
            if is_ec2(plan, host)
                && let Some(from) = private(plan, inventory, from)
            {
                let_in(graph, host, Who::Net(from), port);
            }
        }
    }
}

/// Hosts that hold the database, or are there for nothing else.
fn holders(plan: &Plan, inventory: &Inventory) -> Vec<NodeName> {
    let made_for_it = plan.database_host().map(|(name, _)| name);
    let holds = |name: &&NodeName| {
        made_for_it.as_ref() == Some(*name) || inventory.facts(name).is_some_and(|facts| facts.holds_database.is_some())
    };
    plan.hosts.keys().filter(holds).cloned().collect()
}

fn is_ec2(plan: &Plan, host: &NodeName) -> bool {
    plan.hosts.get(host).is_some_and(|host| host.provider == Provider::Ec2)
}

fn private(plan: &Plan, inventory: &Inventory, host: &NodeName) -> Option<IpNet> {
    let node = NodeId::host(host);
    let address = inventory.instances_of(&plan.name, node.as_str()).find_map(|instance| instance.private_ip.clone())?;
    address.parse::<std::net::IpAddr>().ok().map(IpNet::from)
}

enum Who {
    Net(IpNet),
    /// Whatever is in a security group.
    Group(String),
}

fn let_in(graph: &mut Graph, host: &NodeName, from: Who, port: u16) {
    let node = graph.hosts.iter_mut().find(|node| node.name == *host);
    let Some(HostKind::Cloud(cloud)) = node.map(|node| &mut node.kind) else { return };
    let range = PortRange::single(Port::new(port).expect("it is no zero"));
    let (range, protocol) = (range.into(), Protocol::Tcp.into());
    let open = match cloud.ports.iter().position(|open| open.range == range && open.protocol == protocol) {
        Some(place) => &mut cloud.ports[place],
        None => {
            cloud.ports.push(OpenPort { range, protocol, from: BTreeSet::new(), aliases: BTreeSet::new() });
            cloud.ports.last_mut().expect("it was put there")
        }
    };
    match from {
        Who::Net(net) => open.from.insert(net),
        Who::Group(group) => open.aliases.insert(group),
    };
}
