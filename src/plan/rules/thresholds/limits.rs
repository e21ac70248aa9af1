//! Limits that can be reached, and are not always past, in an order that makes sense.

use super::{Context, Rule, Stated, stated, thresholds};
use crate::plan::finding::Finding;

pub(super) const RULES: &[Rule] = &[some_limit, order, range, direction, always];

impl Stated<'_> {
    fn limits(&self) -> impl Iterator<Item = (String, f64)> + use<> {
        let limits = [("warn", self.warn), ("migrate", self.migrate)];
        let path = self.path.clone();
        limits.into_iter().filter_map(move |(key, limit)| Some((format!("{path}.{key}"), limit?)))
    }
}

fn some_limit(cx: &Context<'_>) -> Vec<Finding> {
    // A metric that is refused has limits too.
    let singles = thresholds(cx).map(|(path, _)| path).filter(|path| cx.spans.has(&format!("{path}.metric")));
    let combined = stated(cx).filter(|stated| stated.threshold.metric.is_none()).map(|stated| stated.path);
    let without = singles.chain(combined).filter(|path| {
        let lists = ["warn", "migrate", "all", "any"];
        !lists.iter().any(|key| cx.spans.has(&format!("{path}.{key}")))
    });
    without
        .map(|path| {
            Finding::error("no-limit", "a threshold has neither `warn` nor `migrate`")
                .at(cx.spans.key(&path), "never trips")
                .remedy("add `warn = …`, `migrate = …`, or both")
        })
        .collect()
}

fn order(cx: &Context<'_>) -> Vec<Finding> {
    let wrong = stated(cx).filter_map(|stated| {
        let (warn, migrate) = stated.warn.zip(stated.migrate)?;
        let path = &stated.path;
        if cx.spans.has_refused(&format!("{path}.below")) {
            return None;
        }
        let (ordered, relation) = if stated.below { (migrate < warn, "above") } else { (warn < migrate, "below") };
        if ordered {
            return None;
        }
        let finding = Finding::error("limit-order", format!("`warn` ({warn}) is not {relation} `migrate` ({migrate})"))
            .at(cx.spans.value(&format!("{path}.warn")), "trips too late")
            .also(cx.spans.value(&format!("{path}.migrate")), "trips first")
            .reason(if stated.below { "with `below = true`, the value falls" } else { "the value rises" });
        Some(finding.remedy("swap them, or change `below`"))
    });
    wrong.collect()
}

/// A limit of 101 percent never trips.
fn range(cx: &Context<'_>) -> Vec<Finding> {
    let limits = stated(cx).flat_map(|stated| {
        let (metric, below) = (stated.metric, stated.below);
        stated.limits().map(move |(path, limit)| (path, metric, below, limit))
    });
    limits
        .filter_map(|(path, metric, below, limit)| {
            let (most, unit) = if metric.is_percent() { (100.0, "0–100 percent") } else { (f64::MAX, "0 or more") };
            let outside = !(0.0..=most).contains(&limit);
            let end = if below == (limit < 0.0) { "never" } else { "always" };
            let finding = Finding::error("out-of-range", format!("a limit of {limit} is out of range"));
            outside.then(|| {
                let reason = format!("the metric is {unit}: the threshold {end} trips");
                finding.at(cx.spans.value(&path), "out of range").reason(reason)
            })
        })
        .collect()
}

/// A load is bad when it is high, an allowance when it is low.
fn direction(cx: &Context<'_>) -> Vec<Finding> {
    let turned = stated(cx).filter(|stated| stated.metric.bad_below().is_some_and(|bad| bad != stated.below));
    turned
        .map(|stated| {
            let (reason, remedy) = if stated.below {
                ("low values of a load are good", "remove `below = true`")
            } else {
                ("the burst capacity is what is left: it is bad when it is low", "add `below = true`")
            };
            Finding::warning("limit-direction", "the threshold trips when all is well")
                .at(cx.spans.value(&format!("{}.metric", stated.path)), "the other way round?")
                .reason(reason)
                .remedy(remedy)
        })
        .collect()
}

/// Every value is at least 0, and every percentage at most 100. The other direction is another finding.
fn always(cx: &Context<'_>) -> Vec<Finding> {
    let right = stated(cx).filter(|stated| stated.metric.bad_below().is_none_or(|bad| bad == stated.below));
    let limits = right.flat_map(|stated| {
        let (end, word) = if stated.below { (100.0, "at most") } else { (0.0, "at least") };
        let has_end = !stated.below || stated.metric.is_percent();
        let limits = stated.limits().filter(move |(_, limit)| has_end && *limit == end);
        limits.map(move |(path, limit)| (path, format!("every value is {word} {limit}")))
    });
    limits
        .map(|(path, reason)| {
            Finding::error("always-trips", "the threshold trips from the beginning, and for ever")
                .at(cx.spans.value(&path), "always past it")
                .reason(reason)
                .remedy("write a limit that values are on both sides of")
        })
        .collect()
}
