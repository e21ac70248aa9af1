//! What a plan may say and nobody acts on yet: said at the top of every `plan` and `up`, or refused. A key leaves this file
//! with the change that builds it.

use super::finding::{Finding, Findings};
use super::model::{Host, Provider};
use super::parse::Checked;
use super::threshold::{Action, Metric, Scope, Threshold};

/// Everything in the plan that has no effect, or only another than it says.
pub fn check_built(checked: &Checked) -> Findings {
    let rules = [backups, thresholds, actions];
    let findings = rules.iter().flat_map(|rule| rule(checked)).collect();
    Findings::new(checked.warnings.file(), checked.warnings.text(), findings)
}

fn backups(checked: &Checked) -> Vec<Finding> {
    if checked.plan.backup.is_none() {
        return vec![];
    }
    let finding = Finding::warning("not-built", "infra makes no backups yet: nothing is done with `[backup]`")
        .at(checked.spans.key("backup"), "not built yet")
        .reason("only `keep` has an effect, on the days that a managed database keeps its own backups (at most 35)");
    vec![finding.remedy("until then, make backups of the database yourself")]
}

/// Lightsail has alarms for its instances' processors; EC2's, and what else happens on a host, nobody watches yet.
fn thresholds(checked: &Checked) -> Vec<Finding> {
    let thresholds = checked.plan.thresholds.iter().enumerate();
    thresholds.filter_map(|(index, threshold)| unwatched(checked, index, threshold)).collect()
}

fn unwatched(checked: &Checked, index: usize, threshold: &Threshold) -> Option<Finding> {
    let path = format!("thresholds[{index}]");
    let Some(metric) = threshold.metric else {
        let key = if threshold.all.is_empty() { "any" } else { "all" };
        let message = "nothing watches several metrics together yet: the threshold does not trip";
        let finding =
            Finding::warning("not-built", message).at(checked.spans.key(&format!("{path}.{key}")), "not built yet");
        return Some(finding.reason("the alarms that there are know one metric each"));
    };
    let at = checked.spans.value(&format!("{path}.metric"));
    if metric.scope() == Scope::Bundle {
        let message = "nothing asks the bundle's services for this yet: the threshold does not trip";
        let finding = Finding::warning("not-built", message).at(at, "not built yet");
        return Some(finding.reason("no cloud measures it; let the services' own /metrics feed your monitoring"));
    }
    let cpu = matches!(metric, Metric::CpuBurstPercent | Metric::CpuPercent);
    let watched = |host: &Host| cpu && host.provider == Provider::Lightsail;
    let meant = checked.plan.hosts.iter().filter(|(name, _)| checked.plan.is_meant(threshold, name));
    let without: Vec<&str> = meant.filter(|(_, host)| !watched(host)).map(|(name, _)| name.as_str()).collect();
    if without.is_empty() {
        return None;
    }
    let ec2 = checked.plan.hosts.values().any(|host| host.provider == Provider::Ec2);
    let reason = if (cpu || metric == Metric::DiskBurstPercent) && ec2 {
        "infra sets no alarms of EC2 yet; `aws cloudwatch put-metric-alarm` does"
    } else if cpu {
        "a server that infra did not make has no alarms"
    } else if ec2 {
        "no cloud measures this of a host; after `infra migrate` it is an alarm of the managed database, where that has the metric"
    } else {
        "Lightsail has no such metric; after `infra migrate` it is an alarm of the managed database, where that has the metric"
    };
    let message = format!("nothing watches this on {} yet: the threshold does not trip", without.join(", "));
    Some(Finding::warning("not-built", message).at(at, "not built yet").reason(reason))
}

/// Alarms tell somebody, and that is all that comes of a threshold.
fn actions(checked: &Checked) -> Vec<Finding> {
    let thresholds = checked.plan.thresholds.iter().enumerate();
    let idle = thresholds.filter(|(_, threshold)| threshold.action.is_some_and(|action| action != Action::Notify));
    idle.map(|(index, _)| {
        let at = checked.spans.value(&format!("thresholds[{index}].action"));
        let finding = Finding::warning("not-built", "nothing is done or recommended when a threshold trips yet")
            .at(at, "not built yet");
        finding.reason("whoever is told has to do it")
    })
    .collect()
}
