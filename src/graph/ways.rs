//! The two ways between the bundle's host and one that holds its database: the clients' to that, and its server's back while a
//! migration runs. Where a host's firewall is for its private address too, as EC2's, they are rules of it, for the other's
//! private address alone. Lightsail's firewall is for public addresses.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::nodes::{Graph, HostKind, NodeId};
use crate::inventory::{DatabaseView, Inventory, OpenPort};
use crate::plan::{NodeName, Plan, Port, PortRange, Protocol, Provider};

/// Where PostgreSQL is published.
pub const POSTGRES: u16 = 5432;
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
    keep(graph, plan, inventory);
    for holder in holders(plan, inventory) {
        let ways = [(&holder, bundle, POSTGRES), (bundle, &holder, RELAY)];
        for (host, from, port) in ways {
            if is_ec2(plan, host) {
                for from in private(plan, inventory, from) {
                    let_in(graph, host, Who::Net(from), port);
                }
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

/// Of two while one is replaced: whichever of them serves.
fn private(plan: &Plan, inventory: &Inventory, host: &NodeName) -> Vec<IpNet> {
    let node = NodeId::host(host);
    let addresses =
        inventory.instances_of(&plan.name, node.as_str()).filter_map(|instance| instance.private_ip.as_ref());
    addresses.filter_map(|address| address.parse::<std::net::IpAddr>().ok()).map(IpNet::from).collect()
}

/// What cannot be seen now may hold the database all the same: the ways that are open stay.
fn keep(graph: &mut Graph, plan: &Plan, inventory: &Inventory) {
    let unseen = inventory.hosts.values().any(|view| view.facts().is_none())
        || matches!(inventory.database, DatabaseView::Unseen(_));
    if !unseen {
        return;
    }
    for host in plan.hosts.keys().filter(|host| is_ec2(plan, host)) {
        let node = NodeId::host(host).child("ports");
        let own = inventory.ec2.firewalls.iter().find(|own| own.tags.is_node(&plan.name, node.as_str()));
        for open in own.into_iter().flat_map(|own| &own.ports) {
            let ways = [POSTGRES, RELAY].into_iter().filter(|way| is_way(open, *way));
            for way in ways {
                let nets = open.from.iter().copied().map(Who::Net);
                let groups = open.aliases.iter().cloned().map(Who::Group);
                nets.chain(groups).for_each(|from| let_in(graph, host, from, way));
            }
        }
    }
}

/// A rule for this port alone.
pub fn is_way(open: &OpenPort, port: u16) -> bool {
    open.protocol == Protocol::Tcp.into() && (open.range.from, open.range.to) == (i32::from(port), i32::from(port))
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::graph::fixture;
    use crate::inventory::{Firewall, Gap, HostView, ResourceName, TAG_NODE, TAG_PLAN, Tags};

    fn way(port: u16, from: &str) -> OpenPort {
        let range = PortRange::single(Port::new(port).unwrap()).into();
        let from = [from.parse().unwrap()].into();
        OpenPort { range, protocol: Protocol::Tcp.into(), from, aliases: BTreeSet::new() }
    }

    /// A group in which the clients' way to the database, one of infra's own and one of a stranger's making are open.
    fn inventory(view: Option<HostView>) -> Inventory {
        let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let firewall = Firewall {
            name: ResourceName::new("vault-box"),
            id: "sg-1".into(),
            tags: Tags([tag(TAG_PLAN, "vault"), tag(TAG_NODE, "hosts.box.ports")].into()),
            vpc: "vpc-1".into(),
            ports: vec![way(POSTGRES, "10.0.0.7/32"), way(RELAY, "10.0.0.8/32"), way(9000, "10.0.0.9/32")],
        };
        let mut inventory = Inventory::empty(Timestamp::UNIX_EPOCH);
        inventory.ec2.firewalls.push(firewall);
        inventory.hosts.extend(view.map(|view| (NodeName::parse("box").unwrap(), view)));
        inventory
    }

    fn opened(inventory: &Inventory) -> Vec<OpenPort> {
        let text = fixture::ec2_plan(&[]);
        let checked = crate::plan::parse("plan.toml", text.as_bytes());
        let checked = checked.unwrap_or_else(|findings| panic!("{}", findings.render(false, 100)));
        let mut graph = fixture::graph(&text, "release-1");
        open(&mut graph, checked.plan(), inventory);
        let HostKind::Cloud(cloud) = &graph.hosts[0].kind else { panic!("it is of the cloud") };
        cloud
            .ports
            .iter()
            .filter(|open| [POSTGRES, RELAY, 9000].iter().any(|port| is_way(open, *port)))
            .cloned()
            .collect()
    }

    #[test]
    fn ways_stay_open_as_long_as_a_host_cannot_be_seen() {
        let unseen = Some(HostView::Unseen(Gap("it does not answer".into())));
        assert_eq!(opened(&inventory(unseen)), [way(POSTGRES, "10.0.0.7/32"), way(RELAY, "10.0.0.8/32")]);
        assert_eq!(opened(&inventory(None)), [], "nothing holds a database there, and everything was seen");
    }
}
