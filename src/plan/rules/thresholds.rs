//! Limits that can trip, in an order that makes sense, on something that is measured.

use super::{Context, Rule};
use crate::plan::finding::Finding;
use crate::plan::model::{Metric, Provider, Threshold};
use crate::plan::units::Span;

pub(super) const RULES: &[Rule] =
    &[some_limit, order, range, direction, period, evaluation, host_exists, measured, distinct];

const DAY: Span = Span::from_secs(86_400);
const MINUTE: Span = Span::from_secs(60);

/// Lightsail evaluates its alarms over periods of this length.
const LIGHTSAIL_PERIOD: u64 = 300;

fn thresholds<'a>(cx: &Context<'a>) -> impl Iterator<Item = (String, &'a Threshold)> + use<'a> {
    cx.plan.thresholds.iter().enumerate().map(|(index, threshold)| (format!("thresholds[{index}]"), threshold))
}

fn some_limit(cx: &Context<'_>) -> Vec<Finding> {
    let without = thresholds(cx)
        .filter(|(path, _)| !cx.spans.has(&format!("{path}.warn")) && !cx.spans.has(&format!("{path}.migrate")));
    without
        .map(|(path, _)| {
            Finding::error("no-limit", "a threshold has neither `warn` nor `migrate`")
                .at(cx.spans.key(&path), "never trips")
                .remedy("add `warn = …`, `migrate = …`, or both")
        })
        .collect()
}

fn order(cx: &Context<'_>) -> Vec<Finding> {
    let wrong = thresholds(cx).filter_map(|(path, threshold)| {
        let (warn, migrate) = threshold.warn.zip(threshold.migrate)?;
        if cx.spans.has_refused(&format!("{path}.below")) {
            return None;
        }
        let (ordered, relation) = if threshold.below { (migrate < warn, "above") } else { (warn < migrate, "below") };
        if ordered {
            return None;
        }
        let finding = Finding::error("limit-order", format!("`warn` ({warn}) is not {relation} `migrate` ({migrate})"))
            .at(cx.spans.value(&format!("{path}.warn")), "trips too late")
            .also(cx.spans.value(&format!("{path}.migrate")), "trips first")
            .reason(if threshold.below { "with `below = true`, the value falls" } else { "the value rises" });
        Some(finding.remedy("swap them, or change `below`"))
    });
    wrong.collect()
}

fn range(cx: &Context<'_>) -> Vec<Finding> {
    let limits = thresholds(cx).flat_map(|(path, threshold)| {
        let limits = [("warn", threshold.warn), ("migrate", threshold.migrate)];
        limits.into_iter().filter_map(move |(key, limit)| Some((format!("{path}.{key}"), threshold.metric, limit?)))
    });
    limits
        .filter_map(|(path, metric, limit)| {
            let (most, unit) = if is_percent(metric) { (100.0, "0–100 percent") } else { (f64::MAX, "0 or more") };
            let outside = !(0.0..=most).contains(&limit);
            let finding = Finding::error("out-of-range", format!("a limit of {limit} is out of range"));
            outside.then(|| finding.at(cx.spans.value(&path), "out of range").reason(format!("the metric is {unit}")))
        })
        .collect()
}

fn is_percent(metric: Metric) -> bool {
    match metric {
        Metric::DiskUsedPercent | Metric::CpuBurstPercent | Metric::CpuPercent | Metric::MemoryPercent => true,
        Metric::DiskQueueDepth => false,
    }
}

/// A load is bad when it is high, an allowance when it is low.
fn direction(cx: &Context<'_>) -> Vec<Finding> {
    let turned =
        thresholds(cx).filter(|(_, threshold)| threshold.below != (threshold.metric == Metric::CpuBurstPercent));
    turned
        .map(|(path, threshold)| {
            let (reason, remedy) = if threshold.below {
                ("low values of a load are good", "remove `below = true`")
            } else {
                ("the burst capacity is what is left: it is bad when it is low", "add `below = true`")
            };
            Finding::warning("limit-direction", "the threshold trips when all is well")
                .at(cx.spans.value(&format!("{path}.metric")), "the other way round?")
                .reason(reason)
                .remedy(remedy)
        })
        .collect()
}

fn period(cx: &Context<'_>) -> Vec<Finding> {
    let absurd = thresholds(cx).filter(|(_, threshold)| !(MINUTE..=DAY).contains(&threshold.period));
    absurd
        .map(|(path, threshold)| {
            Finding::error("out-of-range", format!("`for` is {}", threshold.period))
                .at(cx.spans.value(&format!("{path}.for")), "out of range")
                .reason(format!("values are taken every minute, and alarms look back {DAY} at most"))
                .remedy("write a time from `\"1m\"` to `\"1d\"`, like `\"15m\"`")
        })
        .collect()
}

fn evaluation(cx: &Context<'_>) -> Vec<Finding> {
    let lightsail = cx.hosts_of(Provider::Lightsail).next().is_some();
    let uneven = thresholds(cx).filter(|(_, threshold)| {
        let seconds = threshold.period.as_secs();
        lightsail && threshold.metric == Metric::CpuBurstPercent && seconds % LIGHTSAIL_PERIOD != 0
    });
    uneven
        .map(|(path, threshold)| {
            Finding::warning("alarm-period", format!("Lightsail cannot watch for exactly {}", threshold.period))
                .at(cx.spans.value(&format!("{path}.for")), "no multiple of 5m")
                .reason("its alarms count periods of 5 minutes; the time is rounded up")
        })
        .collect()
}

fn host_exists(cx: &Context<'_>) -> Vec<Finding> {
    let named = thresholds(cx).filter_map(|(path, threshold)| Some((path, threshold.host.as_ref()?)));
    named.filter_map(|(path, host)| cx.dangling_host(&format!("{path}.host"), host)).collect()
}

fn measured(cx: &Context<'_>) -> Vec<Finding> {
    let burst = thresholds(cx).filter(|(_, threshold)| threshold.metric == Metric::CpuBurstPercent);
    let unmeasured = burst.filter_map(|(path, threshold)| {
        let host = threshold.host.as_ref()?;
        let server = cx.plan.hosts.get(host).filter(|host| host.provider == Provider::Ssh);
        server.map(|_| (path, host))
    });
    unmeasured
        .map(|(path, host)| {
            Finding::error("no-metric", format!("`{host}` has no burst capacity"))
                .at(cx.spans.value(&format!("{path}.metric")), "never gets data")
                .also(cx.spans.value(&format!("{path}.host")), "a server of your own")
                .reason("only hosts in the cloud save up CPU time")
                .remedy("use `\"cpu.percent\"`")
        })
        .collect()
}

fn distinct(cx: &Context<'_>) -> Vec<Finding> {
    let all: Vec<_> = thresholds(cx).collect();
    let again = all.iter().enumerate().filter_map(|(index, (path, second))| {
        let same = |first: &Threshold| first.metric == second.metric && first.host == second.host;
        let (first, _) = all[..index].iter().find(|(_, first)| same(first))?;
        let finding = Finding::error("duplicate-threshold", "two thresholds for the same metric and host")
            .at(cx.spans.value(&format!("{path}.metric")), "again here")
            .also(cx.spans.value(&format!("{first}.metric")), "first here")
            .remedy("write both limits into one");
        Some(finding)
    });
    again.collect()
}
