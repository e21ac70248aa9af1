//! How the fields of a plan must go together: one small function a rule, each of which returns all that breaks it.
//! Rules see what could be typed. A rule about absence asks the spans, which know what was written and refused.

mod alerts;
mod backup;
mod bundle;
mod database_host;
mod disks;
mod hosts;
mod managed;
mod mounts;
mod ports;
mod sizes;
mod thresholds;

use super::finding::Finding;
use super::model::{Host, Plan, Provider};
use super::names::NodeName;
use super::spans::Spans;

/// What a rule looks at.
pub(super) struct Context<'a> {
    pub plan: &'a Plan,
    pub spans: &'a Spans,
    /// That of `[migrate.ec2]`, without what is another host's.
    database_host: Option<&'a (NodeName, Host)>,
}

type Rule = fn(&Context<'_>) -> Vec<Finding>;

/// Runs all rules.
pub(super) fn check(plan: &Plan, spans: &Spans) -> Vec<Finding> {
    let database_host = plan.database_host().map(|(name, host)| (name, Host { ports: vec![], ..host }));
    let context = Context { plan, spans, database_host: database_host.as_ref() };
    let groups: [&[Rule]; 10] = [
        hosts::RULES,
        sizes::RULES,
        disks::RULES,
        mounts::RULES,
        ports::RULES,
        bundle::RULES,
        alerts::RULES,
        backup::RULES,
        managed::RULES,
        database_host::RULES,
    ];
    groups.into_iter().chain(thresholds::RULES).flatten().flat_map(|rule| rule(&context)).collect()
}

impl<'a> Context<'a> {
    /// Every host with its path, the one that a migration may ask for among them.
    fn hosts(&self) -> impl Iterator<Item = (String, &'a NodeName, &'a Host)> + use<'a> {
        let planned = self.plan.hosts.iter().map(|(name, host)| (format!("hosts.{name}"), name, host));
        planned.chain(self.database_host.map(|(name, host)| ("migrate.ec2".to_owned(), name, host)))
    }

    /// The hosts of one provider.
    fn hosts_of(&self, provider: Provider) -> impl Iterator<Item = (String, &'a NodeName, &'a Host)> + use<'a> {
        self.hosts().filter(move |(_, _, host)| host.provider == provider)
    }

    /// A finding when a host is named that the plan does not write down.
    fn dangling_host(&self, path: &str, name: &NodeName) -> Option<Finding> {
        if self.spans.has(&format!("hosts.{name}")) || self.spans.has_refused("hosts") {
            return None;
        }
        let known: Vec<&str> = self.plan.hosts.keys().map(NodeName::as_str).collect();
        let finding = Finding::error("unknown-host", format!("there is no host `{name}`"))
            .at(self.spans.value(path), "not in this plan")
            .remedy(match nearest(name.as_str(), &known) {
                Some(host) => format!("did you mean `\"{host}\"`?"),
                None => format!("add `[hosts.{name}]`"),
            });
        Some(if known.is_empty() { finding } else { finding.reason(format!("the hosts are {}", known.join(", "))) })
    }

    /// Elements of a list that stand in it a second time.
    fn repeated<T: Ord + std::fmt::Display>(&self, path: &str, items: &[T]) -> Vec<Finding> {
        let first = |index: usize| items[..index].iter().position(|item| *item == items[index]);
        let again = (0..items.len()).filter_map(|index| Some((index, first(index)?)));
        again
            .map(|(index, first)| {
                Finding::error("duplicate", format!("`{}` is named twice", items[index]))
                    .at(self.spans.value(&format!("{path}[{index}]")), "again here")
                    .also(self.spans.value(&format!("{path}[{first}]")), "first here")
                    .remedy("remove one of them")
            })
            .collect()
    }
}

/// The known name that is most like it, if any is.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |word: &str| strsim::jaro_winkler(name, word);
    known.iter().copied().filter(|word| likeness(word) >= 0.75).max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}
