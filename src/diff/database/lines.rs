//! What differs of a managed database, line by line, each with its reason.

use super::{DatabaseChanges, DatabaseDiff};
use crate::diff::change::{Change, Verb};
use crate::graph::{DATABASE, NodeId};

const RESTARTS: &str = "the database's connections, for some minutes";

impl DatabaseDiff {
    pub(in crate::diff) fn lines(&self) -> Vec<Change> {
        let keep = |name: &str| vec![Change::new(&NodeId::new(DATABASE), Verb::Keep, name)];
        match self {
            Self::None => vec![],
            Self::Left { name, .. } => keep(name.as_str()),
            Self::Compared(changes) if changes.is_kept() => keep(changes.name.as_str()),
            Self::Compared(changes) => {
                [changes.access_lines(), changes.instance_lines(), changes.alarm_lines()].concat()
            }
        }
    }
}

fn update(what: impl Into<String>, why: impl Into<String>) -> Change {
    Change::new(&NodeId::new(DATABASE), Verb::Update, what).because(why)
}

impl DatabaseChanges {
    fn access_lines(&self) -> Vec<Change> {
        let mut lines = vec![];
        if self.join {
            lines.push(update(
                "join Lightsail's network with the database's",
                "they are not joined any more: the clients do not reach the database",
            ));
        }
        lines.extend(self.let_in.iter().map(|ingress| {
            let what = format!("let {} in to port {}", ingress.from, ingress.port);
            update(what, "it is the address of the clients' host")
        }));
        lines.extend(self.let_in_new.iter().map(|instance| update(format!("let {instance} in"), "it is new")));
        lines.extend(self.shut_out.iter().map(|ingress| {
            let what = format!("no longer let {} in to port {}", ingress.from, ingress.port);
            update(what, "it is not the address of the clients' host")
        }));
        lines
    }

    fn instance_lines(&self) -> Vec<Change> {
        let mut lines = vec![];
        if let Some((from, to)) = &self.size {
            let line = update(to.to_string(), format!("it is {from}"));
            lines.push(if self.changes_class() { line.interrupting(RESTARTS) } else { line });
        }
        if !self.set.is_empty() {
            let set: Vec<_> = self.set.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            lines.push(update(format!("parameters {}", set.join(", ")), "they were changed, or never set"));
        }
        if !self.reset.is_empty() {
            let what = format!("parameters {} as by default", self.reset.join(", "));
            lines.push(update(what, "they are those of a migration's load"));
        }
        if let Some((from, to)) = self.backups {
            lines.push(update(format!("backups kept {to} days"), format!("they are kept {from}")));
        }
        if self.protect {
            lines.push(update("protection from deletion", "it is off"));
        }
        if self.hide {
            lines.push(update("no public address", "it has one"));
        }
        if self.restart {
            lines.push(update("restart", "parameters wait for it").interrupting(RESTARTS));
        }
        lines
    }

    fn alarm_lines(&self) -> Vec<Change> {
        let alarms = &self.alarms;
        let put = alarms.put.iter().map(|alarm| {
            let what = format!("alarm {}: {} at {}", alarm.name, alarm.metric, alarm.threshold);
            update(what, "it is missing, or is set otherwise")
        });
        let gone = alarms.delete.iter().map(|name| {
            Change::new(&NodeId::new(DATABASE), Verb::Delete, format!("alarm {name}"))
                .because("its threshold is not in the plan any more")
        });
        let told = alarms.subscribe.iter().map(|email| {
            update(format!("alarms tell {email}"), "it was not asked yet: the link in Amazon's mail has to be followed")
        });
        put.chain(gone).chain(told).collect()
    }
}
