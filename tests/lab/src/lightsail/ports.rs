//! Public ports: an instance's firewall.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call};
use super::error::ApiError;
use super::work::Work;
use crate::machines::{FirewallRule, Protocol};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    pub from_port: i32,
    pub to_port: i32,
    pub protocol: Protocol,
    pub cidrs: Vec<String>,
    pub ipv6_cidrs: Vec<String>,
    pub cidr_list_aliases: Vec<String>,
}

impl Port {
    /// A rule open to everyone.
    fn open(protocol: Protocol, port: i32) -> Self {
        Self {
            from_port: port,
            to_port: port,
            protocol,
            cidrs: vec!["0.0.0.0/0".into()],
            ipv6_cidrs: vec!["::/0".into()],
            cidr_list_aliases: Vec::new(),
        }
    }

    fn same_range(&self, other: &Self) -> bool {
        (self.from_port, self.to_port, self.protocol) == (other.from_port, other.to_port, other.protocol)
    }

    /// As GetInstances shows it.
    pub fn info(&self) -> Value {
        let everyone = self.cidrs.iter().any(|cidr| cidr == "0.0.0.0/0");
        let sources: Vec<&str> = self.cidrs.iter().chain(&self.ipv6_cidrs).map(String::as_str).collect();
        let from = if everyone { format!("Anywhere ({})", sources.join(" and ")) } else { "Custom".to_owned() };
        json!({
            "fromPort": self.from_port, "toPort": self.to_port, "protocol": self.protocol, "accessFrom": from,
            "accessType": "Public", "commonName": "", "accessDirection": "inbound", "cidrs": self.cidrs,
            "ipv6Cidrs": self.ipv6_cidrs, "cidrListAliases": self.cidr_list_aliases,
        })
    }

    /// As GetInstancePortStates shows it.
    fn state(&self) -> Value {
        let mut state = json!(self);
        state["state"] = json!("open");
        state
    }

    pub fn rule(&self) -> FirewallRule {
        let sources = self.cidrs.iter().chain(&self.ipv6_cidrs);
        FirewallRule {
            protocol: self.protocol,
            from_port: self.from_port,
            to_port: self.to_port,
            sources: sources.filter_map(|cidr| parse_cidr(cidr)).collect(),
        }
    }
}

/// What Lightsail opens for every new Linux instance.
pub fn of_new_instance() -> Vec<Port> {
    vec![Port::open(Protocol::Tcp, 22), Port::open(Protocol::Tcp, 80)]
}

/// A network, or an address alone.
fn parse_cidr(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().ok().map(|address: std::net::IpAddr| address.into()))
}

/// Reads a `PortInfo`. Without any source it is open to everyone.
fn read(info: &Value) -> Result<Port, ApiError> {
    let number = |member: &str| info.get(member).and_then(Value::as_i64).and_then(|number| i32::try_from(number).ok());
    let protocol: Protocol = serde_json::from_value(info.get("protocol").cloned().unwrap_or_default())
        .map_err(|_| ApiError::invalid("The request must contain the parameter protocol"))?;
    let texts = |member: &str| -> Vec<String> {
        let list = info.get(member).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(String::from).collect()
    };
    let mut port = Port {
        from_port: number("fromPort").unwrap_or(0),
        to_port: number("toPort").unwrap_or(if protocol == Protocol::All { 65535 } else { 0 }),
        protocol,
        cidrs: texts("cidrs"),
        ipv6_cidrs: texts("ipv6Cidrs"),
        cidr_list_aliases: texts("cidrListAliases"),
    };
    check(&port)?;
    if port.cidrs.is_empty() && port.ipv6_cidrs.is_empty() && port.cidr_list_aliases.is_empty() {
        let open = Port::open(protocol, 0);
        (port.cidrs, port.ipv6_cidrs) = (open.cidrs, open.ipv6_cidrs);
    }
    Ok(port)
}

fn check(port: &Port) -> Result<(), ApiError> {
    let with_ports = matches!(port.protocol, Protocol::Tcp | Protocol::Udp);
    if with_ports && (port.from_port < 0 || port.from_port > port.to_port) {
        return Err(ApiError::invalid(format!("The port range {}-{} is not valid", port.from_port, port.to_port)));
    }
    for (cidrs, is_right_kind) in [(&port.cidrs, is_v4 as fn(&IpNet) -> bool), (&port.ipv6_cidrs, is_v6)] {
        if let Some(wrong) = cidrs.iter().find(|cidr| !parse_cidr(cidr).is_some_and(|net| is_right_kind(&net))) {
            return Err(ApiError::invalid(format!("The CIDR block is not valid: {wrong}")));
        }
    }
    match port.cidr_list_aliases.iter().find(|alias| *alias != "lightsail-connect") {
        Some(wrong) => Err(ApiError::invalid(format!("The CIDR list alias is not valid: {wrong}"))),
        None => Ok(()),
    }
}

fn is_v4(net: &IpNet) -> bool {
    matches!(net, IpNet::V4(_))
}

fn is_v6(net: &IpNet) -> bool {
    matches!(net, IpNet::V6(_))
}

/// Replaces the whole list: what it does not name is closed.
pub fn put(call: &mut Call<'_>) -> Answer {
    let ports: Vec<Port> = call.input.list("portInfos").iter().map(read).collect::<Result<_, _>>()?;
    for (index, port) in ports.iter().enumerate() {
        if ports[..index].iter().any(|other| other.same_range(port)) {
            return Err(ApiError::invalid(format!("Duplicate port range: {}-{}", port.from_port, port.to_port)));
        }
    }
    change(call, "PutInstancePublicPorts", |open| *open = ports)
}

pub fn open(call: &mut Call<'_>) -> Answer {
    let port = read(call.input.get("portInfo").unwrap_or(&Value::Null))?;
    change(call, "OpenInstancePublicPorts", |open| {
        open.retain(|other| !other.same_range(&port));
        open.push(port);
    })
}

pub fn close(call: &mut Call<'_>) -> Answer {
    let port = read(call.input.get("portInfo").unwrap_or(&Value::Null))?;
    change(call, "CloseInstancePublicPorts", |open| open.retain(|other| !other.same_range(&port)))
}

fn change(call: &mut Call<'_>, operation: &str, edit: impl FnOnce(&mut Vec<Port>)) -> Answer {
    let name = call.input.text("instanceName")?.to_owned();
    let instance = call.region.instance_mut(&name)?;
    instance.check_settled()?;
    edit(&mut instance.ports);
    let copy = instance.clone();
    call.operation(operation, Work::Firewall { instance: name }, copy.subject())
}

pub fn states(call: &Call<'_>) -> Answer {
    let states: Vec<Value> = call.instance()?.ports.iter().map(Port::state).collect();
    Ok(json!({ "portStates": states }))
}
