//! Metrics that have values, at least as often as a threshold looks.

use super::{Context, Rule, Stated, stated};
use crate::plan::finding::Finding;
use crate::plan::measured::{Unmeasured, unmeasured};
use crate::plan::model::{Bundle, Provider};
use crate::plan::threshold::{Metric, Scope};

pub(super) const RULES: &[Rule] = &[measured, too_short, evaluation];

/// Lightsail evaluates its alarms over periods of this length.
const LIGHTSAIL_PERIOD: u64 = 300;

fn measured(cx: &Context<'_>) -> Vec<Finding> {
    let without = stated(cx).filter_map(|stated| {
        let lacking = lacking(cx, &stated)?;
        Some((stated, lacking))
    });
    without
        .map(|(stated, lacking)| {
            let who = match &stated.threshold.host {
                Some(host) => format!("`{host}` has no {}", lacking.lacks),
                None => format!("no host of this plan has {}", lacking.lacks),
            };
            let finding = match is_doubtful(&stated) {
                true => Finding::warning("no-metric", who),
                false => Finding::error("no-metric", who),
            };
            finding
                .at(cx.spans.value(&format!("{}.metric", stated.path)), "never gets data")
                .reason(lacking.reason)
                .remedy(lacking.remedy)
        })
        .collect()
}

/// A threshold for every host outlives its hosts' sizes: it waits for one that bursts. A managed database of a class that bursts
/// has an alarm of it.
fn is_doubtful(stated: &Stated<'_>) -> bool {
    stated.metric == Metric::CpuBurstPercent && stated.threshold.host.is_none()
}

/// What all the hosts lack that are meant; None where one has values, or where something that is written may turn out to have.
fn lacking(cx: &Context<'_>, stated: &Stated<'_>) -> Option<Unmeasured> {
    let is_elsewhere = |bundle: &Bundle| !cx.plan.hosts.contains_key(&bundle.host);
    let is_refused = cx.plan.bundle.as_ref().map_or(cx.spans.has("bundle"), is_elsewhere);
    if stated.metric.scope() == Scope::Bundle && is_refused {
        return None;
    }
    if is_doubtful(stated) && cx.plan.migrate.rds.as_ref().is_some_and(|rds| rds.class.as_ref().starts_with("db.t")) {
        return None;
    }
    let is_read = |name: &str| cx.plan.hosts.keys().any(|known| known.as_str() == name);
    if !cx.spans.children("hosts").all(is_read) || cx.spans.has_refused("hosts") {
        return None;
    }
    let named = stated.threshold.host.as_ref();
    let mut meant = cx.plan.hosts.iter().filter(|(name, _)| named.is_none_or(|named| named == *name));
    let first = meant.next().map(|(name, host)| unmeasured(cx.plan, name, host, stated.metric))??;
    let all = meant.all(|(name, host)| unmeasured(cx.plan, name, host, stated.metric).is_some());
    all.then_some(first)
}

/// One value decides, and the time that the plan says is never looked at.
fn too_short(cx: &Context<'_>) -> Vec<Finding> {
    let short = stated(cx).filter(|stated| stated.threshold.period < stated.metric.period());
    let said = short.filter(|stated| stated.threshold.period.as_secs() >= super::MINUTE.as_secs());
    said.map(|stated| {
        let threshold = stated.path.split('.').next().unwrap_or_default();
        let (time, metric, period) = (stated.threshold.period, stated.metric, stated.metric.period());
        Finding::warning("short-period", format!("`for` is {time}, and `{metric}` has a value every {period}"))
            .at(cx.spans.value(&format!("{threshold}.for")), "shorter than the metric's period")
            .also(cx.spans.value(&format!("{}.metric", stated.path)), format!("every {period}"))
            .reason("a single value trips it")
            .remedy(format!("write a multiple of {period}, like `\"15m\"`"))
    })
    .collect()
}

fn evaluation(cx: &Context<'_>) -> Vec<Finding> {
    let lightsail = cx.hosts_of(Provider::Lightsail).next().is_some();
    let uneven = stated(cx).filter(|stated| {
        let seconds = stated.threshold.period.as_secs();
        let is_alarm = stated.metric == Metric::CpuBurstPercent && !stated.threshold.is_combined();
        lightsail && is_alarm && seconds > LIGHTSAIL_PERIOD && seconds % LIGHTSAIL_PERIOD != 0
    });
    uneven
        .map(|stated| {
            Finding::warning("alarm-period", format!("Lightsail cannot watch for exactly {}", stated.threshold.period))
                .at(cx.spans.value(&format!("{}.for", stated.path)), "no multiple of 5m")
                .reason("its alarms count periods of 5 minutes; the time is rounded up")
        })
        .collect()
}
