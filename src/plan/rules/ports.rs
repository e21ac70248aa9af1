//! The firewall: who may connect where.

use super::{Context, Rule};
use crate::plan::finding::Finding;
use crate::plan::model::{Host, PortRule, Protocol, Provider};

pub(super) const RULES: &[Rule] =
    &[somebody, distinct_sources, distinct_ports, ssh_is_open, ssh_to_everyone, databases];

const SSH: u16 = 22;

/// Ports of databases, which are never open to everyone: behind them is one password and all data.
const DATABASES: [(u16, &str); 4] = [(3306, "MySQL"), (5432, "PostgreSQL"), (6379, "Redis"), (27017, "MongoDB")];

/// Every rule of a host with its path.
fn rules<'a>(path: &str, host: &'a Host) -> impl Iterator<Item = (String, &'a PortRule)> + use<'a> {
    let path = path.to_owned();
    host.ports.iter().enumerate().map(move |(index, rule)| (format!("{path}.ports[{index}]"), rule))
}

fn all<'a>(cx: &Context<'a>) -> impl Iterator<Item = (String, &'a PortRule)> + use<'a> {
    cx.hosts().flat_map(|(path, _, host)| rules(&path, host).collect::<Vec<_>>())
}

fn somebody(cx: &Context<'_>) -> Vec<Finding> {
    let empty = all(cx).filter(|(path, rule)| rule.from.is_empty() && !cx.spans.has_refused(&format!("{path}.from")));
    empty
        .map(|(path, rule)| {
            Finding::error("no-source", format!("port {} is open to nobody", rule.port))
                .at(cx.spans.value(&format!("{path}.from")), "empty")
                .reason("what is not named is closed already")
                .remedy("name who may connect, like `[\"203.0.113.0/24\"]`, or remove the rule")
        })
        .collect()
}

fn distinct_sources(cx: &Context<'_>) -> Vec<Finding> {
    all(cx).flat_map(|(path, rule)| cx.repeated(&format!("{path}.from"), &rule.from)).collect()
}

fn distinct_ports(cx: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, _, host) in cx.hosts() {
        let rules: Vec<_> = rules(&path, host).collect();
        for (index, (path, rule)) in rules.iter().enumerate() {
            let overlaps = |first: &PortRule| first.protocol == rule.protocol && first.port.overlaps(&rule.port);
            let first = rules[..index].iter().find(|(_, first)| overlaps(first));
            findings.extend(first.map(|(first, other)| {
                let (code, message) = match other.port == rule.port {
                    true => ("duplicate-port", format!("port {} has two rules", rule.port)),
                    false => ("overlapping-ports", format!("the ports {} and {} overlap", other.port, rule.port)),
                };
                Finding::error(code, message)
                    .at(cx.spans.value(&format!("{path}.port")), "again here")
                    .also(cx.spans.value(&format!("{first}.port")), "first here")
                    .reason("one of the two rules would decide, and the plan does not say which")
                    .remedy("write one rule with all its sources")
            }));
        }
    }
    findings
}

fn opens(rule: &PortRule, port: u16) -> bool {
    rule.protocol == Protocol::Tcp && rule.port.contains(port)
}

fn ssh_is_open(cx: &Context<'_>) -> Vec<Finding> {
    // That of `[migrate.ec2]` has its rules from the bundle's host; rules/database_host.rs sees to it that there is a way in.
    let written = cx.hosts().filter(|(path, ..)| path.starts_with("hosts."));
    let closed = written.filter(|(path, _, host)| {
        host.provider != Provider::Ssh
            && !host.ports.iter().any(|rule| opens(rule, SSH))
            && !cx.spans.has_refused(&format!("{path}.ports"))
    });
    closed
        .map(|(path, name, _)| {
            Finding::warning("ssh-closed", format!("`{name}` does not open port 22"))
                .at(cx.spans.key(&format!("{path}.ports")), "no rule for SSH")
                .reason("infra prepares hosts and deploys to them over SSH; the firewall closes what is not named")
                .remedy("add `{ port = 22, from = [\"YOUR.ADDRESS/32\"] }`")
        })
        .collect()
}

fn ssh_to_everyone(cx: &Context<'_>) -> Vec<Finding> {
    let open = to_everyone(cx).filter(|(_, _, rule)| opens(rule, SSH));
    open.map(|(_, source, _)| {
        Finding::warning("ssh-open", "port 22 is open to everyone")
            .at(cx.spans.value(&source), "everyone")
            .reason("every address in the internet may try keys and the next flaw of sshd")
            .remedy("name the addresses from which you work, like `[\"198.51.100.7/32\"]`")
    })
    .collect()
}

fn databases(cx: &Context<'_>) -> Vec<Finding> {
    let exposed = to_everyone(cx).flat_map(|(_, source, rule)| {
        let found = DATABASES.into_iter().filter(move |(port, _)| opens(rule, *port));
        found.map(move |(port, name)| (source.clone(), port, name))
    });
    exposed
        .map(|(source, port, name)| {
            Finding::error("database-open", format!("port {port} ({name}) is open to everyone"))
                .at(cx.spans.value(&source), "everyone")
                .reason("a database is never exposed: one password would stand between the internet and all data")
                .remedy("remove the rule; services of the bundle reach the database without it")
        })
        .collect()
}

/// Rules with their path and the path of their first source that is everyone.
fn to_everyone<'a>(cx: &Context<'a>) -> impl Iterator<Item = (String, String, &'a PortRule)> + use<'a> {
    all(cx).filter_map(|(path, rule)| {
        let index = rule.from.iter().position(crate::plan::units::Source::is_everyone)?;
        Some((path.clone(), format!("{path}.from[{index}]"), rule))
    })
}
