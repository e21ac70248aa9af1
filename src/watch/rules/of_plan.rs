//! A plan's thresholds as rules: one for each host and, where a disk is measured, for each of its disks.

use super::limit::{Limit, Patience};
use super::measurement::{Series, Subject};
use super::rule::{Condition, Rule};
use crate::plan::{self, Action, Host, Metric, NodeName, Plan, Scope, Span, Threshold};

/// A storm that pauses for less is one storm, and one message.
const COOLDOWN: Span = Span::from_secs(30 * 60);

/// The rules of a plan without errors, in its order. A threshold for one host goes before one for all; what a host does not have is no
/// rule of it.
pub fn rules_of(plan: &Plan) -> Vec<Rule> {
    plan.thresholds.iter().flat_map(|threshold| of_threshold(plan, threshold)).collect()
}

fn of_threshold(plan: &Plan, threshold: &Threshold) -> Vec<Rule> {
    let metrics: Vec<_> = threshold.conditions().iter().map(|condition| condition.metric).collect();
    let is_measured = |(name, host): &(&NodeName, &Host)| {
        let has = |metric: &Metric| plan::unmeasured(plan, name, host, *metric).is_none();
        !metrics.is_empty() && plan.is_meant(threshold, name) && metrics.iter().all(has)
    };
    let hosts = plan.hosts.iter().filter(is_measured);
    hosts
        .flat_map(|(name, host)| disks(name, host, &metrics).into_iter().map(move |disk| rule(threshold, name, &disk)))
        .collect()
}

/// One subject for each rule of a host: its disks that have all that is measured of disks, or the host itself.
fn disks(name: &NodeName, host: &Host, metrics: &[Metric]) -> Vec<Subject> {
    if metrics.iter().all(|metric| metric.scope() != Scope::Disk) {
        return vec![Subject::Host(name.clone())];
    }
    // The system disk is gp3 on EC2, and has no type elsewhere.
    let of_burst = metrics.contains(&Metric::DiskBurstPercent);
    let system = (!of_burst).then(|| Subject::SystemDisk(name.clone()));
    let named = host.disks.iter().filter(|(_, disk)| !of_burst || plan::bursts(disk.kind));
    named.map(|(disk, _)| Subject::Disk(name.clone(), disk.clone())).chain(system).collect()
}

fn rule(threshold: &Threshold, host: &NodeName, disk: &Subject) -> Rule {
    let conditions: Vec<_> = threshold.conditions().iter().map(|stated| condition(stated, host, disk)).collect();
    let period = conditions.iter().map(|condition| condition.series.period()).max();
    let default = if threshold.reaches_migrate() { Action::Migrate } else { Action::Notify };
    Rule {
        combination: threshold.combination(),
        patience: Patience::of(threshold.period, period.expect("it has conditions")),
        cooldown: COOLDOWN,
        action: threshold.action.unwrap_or(default),
        conditions,
    }
}

fn condition(stated: &plan::Condition, host: &NodeName, disk: &Subject) -> Condition {
    let subject = match stated.metric.scope() {
        Scope::Host => Subject::Host(host.clone()),
        Scope::Disk => disk.clone(),
        Scope::Bundle => Subject::Bundle,
    };
    let limit = |enter| Limit::of(stated.metric, stated.below, enter);
    Condition {
        series: Series { metric: stated.metric, subject },
        below: stated.below,
        warning: stated.warn.map(limit),
        migrate: stated.migrate.map(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<Rule> {
        let checked = plan::parse("plan.toml", text.as_bytes());
        rules_of(checked.unwrap_or_else(|findings| panic!("{}", findings.render(false, 100))).plan())
    }

    fn said(rules: &[Rule]) -> Vec<String> {
        let period = |rule: &Rule| rule.period().as_secs() / 60;
        let said = |rule: &Rule| {
            let patience = rule.patience;
            let (m, n, period) = (patience.at_least, patience.of, period(rule));
            format!("{}: {m} of {n} × {period} min, {}", rule.id(), rule.action)
        };
        rules.iter().map(said).collect()
    }

    #[test]
    fn the_danger_zone_of_phase_1() {
        let rules = rules(plan::template("phase1").unwrap());
        assert_eq!(
            said(&rules),
            [
                "disk.queue_depth of vault/pgdata: 12 of 15 × 1 min, migrate",
                "disk.queue_depth of vault/: 12 of 15 × 1 min, migrate",
                "cpu.burst_percent of vault: 3 of 3 × 5 min, migrate",
                "disk.queue_depth of vault/pgdata and cpu.burst_percent of vault: 3 of 3 × 5 min, migrate",
                "disk.queue_depth of vault/ and cpu.burst_percent of vault: 3 of 3 × 5 min, migrate",
                "disk.used_percent of vault/pgdata: 4 of 5 × 1 min, prune",
                "disk.used_percent of vault/: 4 of 5 × 1 min, prune",
            ]
        );
        let queue = &rules[0].conditions[0];
        assert_eq!(queue.warning, Some(Limit { enter: 10.0, leave: 8.0 }));
        assert_eq!(queue.migrate, Some(Limit { enter: 20.0, leave: 16.0 }));
    }

    #[test]
    fn the_triggers_of_the_single_vm() {
        let rules = rules(plan::template("phoenix-single-vm").unwrap());
        assert_eq!(
            said(&rules),
            [
                "cpu.percent of vm: 12 of 15 × 1 min, migrate",
                "memory.percent of vm: 12 of 15 × 1 min, migrate",
                "api.p95_ms of bundle: 12 of 15 × 1 min, migrate",
                "agents.count of bundle: 12 of 15 × 1 min, migrate",
                "rows.per_second of bundle: 12 of 15 × 1 min, recommend",
            ]
        );
    }

    #[test]
    fn a_threshold_of_a_host_goes_before_one_of_all_and_what_is_not_measured_is_no_rule() {
        let hosts = "name = \"x\"\n[hosts.a]\nprovider = \"ssh\"\naddress = \"a\"\n[hosts.b]\nprovider = \"ssh\"\naddress = \"b\"\n";
        let threshold = |more: &str| format!("[[thresholds]]\nmetric = \"cpu.percent\"\nfor = \"5m\"\n{more}\n");
        let both = format!("{hosts}{}{}", threshold("warn = 80"), threshold("warn = 90\nhost = \"b\""));
        let rules = rules(&both);
        let limits: Vec<_> =
            rules.iter().map(|rule| (rule.id().to_string(), rule.conditions[0].warning.unwrap().enter)).collect();
        assert_eq!(limits, [("cpu.percent of a".to_owned(), 80.0), ("cpu.percent of b".to_owned(), 90.0)]);
    }
}
