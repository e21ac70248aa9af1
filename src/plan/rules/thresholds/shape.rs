//! A threshold has one metric, or several that count together.

use super::{Context, Rule, Stated, of, thresholds};
use crate::plan::finding::Finding;
use crate::plan::threshold::{Combination, Threshold};

pub(super) const RULES: &[Rule] = &[some_metric, one_kind, not_empty, no_metric_twice, all_reach];

/// Keys of a single metric.
const OF_ONE: [&str; 4] = ["metric", "below", "warn", "migrate"];

fn some_metric(cx: &Context<'_>) -> Vec<Finding> {
    let kinds = ["metric", "all", "any"];
    let without = thresholds(cx).filter(|(path, _)| !kinds.iter().any(|key| cx.spans.has(&format!("{path}.{key}"))));
    without
        .map(|(path, _)| {
            Finding::error("missing-key", "an element of `thresholds` has no `metric`")
                .at(cx.spans.key(&path), "`metric` is missing")
                .reason("it says what is measured")
                .remedy("add `metric = …`, or `all = [ … ]` or `any = [ … ]` of several")
        })
        .collect()
}

fn one_kind(cx: &Context<'_>) -> Vec<Finding> {
    let mixed = thresholds(cx).filter_map(|(path, _)| {
        let has = |key: &&str| cx.spans.has(&format!("{path}.{key}"));
        let list = ["all", "any"].into_iter().find(has)?;
        let other = OF_ONE.into_iter().chain(["any"]).filter(|key| *key != list).find(has)?;
        let finding = Finding::error("mixed-conditions", format!("a threshold has `{list}` and `{other}`"))
            .at(cx.spans.key(&format!("{path}.{other}")), "which of them counts?")
            .also(cx.spans.key(&format!("{path}.{list}")), "beside this");
        Some(finding.remedy(format!("write `{other}` into an element of `{list}`, or into a threshold of its own")))
    });
    mixed.collect()
}

fn not_empty(cx: &Context<'_>) -> Vec<Finding> {
    let lists = thresholds(cx).flat_map(|(path, threshold)| {
        [("all", threshold.all.is_empty()), ("any", threshold.any.is_empty())]
            .map(|(key, is_empty)| (format!("{path}.{key}"), is_empty))
    });
    let empty = lists.filter(|(path, is_empty)| *is_empty && cx.spans.has(path) && !cx.spans.has_refused(path));
    empty
        .map(|(path, _)| {
            Finding::error("no-limit", "a threshold of no conditions")
                .at(cx.spans.value(&path), "never trips")
                .remedy("write conditions, like `{ metric = \"disk.queue_depth\", migrate = 20 }`")
        })
        .collect()
}

fn no_metric_twice(cx: &Context<'_>) -> Vec<Finding> {
    thresholds(cx).flat_map(|(path, threshold)| twice(cx, threshold, &of(&path, threshold))).collect()
}

/// In one direction the milder limit counts for nothing; in two there may be no value that is past both.
fn twice(cx: &Context<'_>, threshold: &Threshold, conditions: &[Stated<'_>]) -> Vec<Finding> {
    let again = conditions.iter().enumerate().filter_map(|(index, second)| {
        let first = conditions[..index].iter().find(|first| first.metric == second.metric)?;
        let finding = if first.below == second.below {
            Finding::error("duplicate", format!("`{}` is named twice", second.metric)).remedy("remove one of them")
        } else if threshold.combination() == Combination::All && excludes(first, second) {
            Finding::error("never-trips", format!("no value of `{}` is past both limits", second.metric))
                .remedy("write `any`, or limits that leave values between them")
        } else {
            return None;
        };
        let metric = |stated: &Stated<'_>| cx.spans.value(&format!("{}.metric", stated.path));
        Some(finding.at(metric(second), "again here").also(metric(first), "first here"))
    });
    again.collect()
}

/// At least this and at most that: whether nothing is both, by the mildest limits that they have.
fn excludes(first: &Stated<'_>, second: &Stated<'_>) -> bool {
    let (above, below) = if first.below { (second, first) } else { (first, second) };
    let mildest = |stated: &Stated<'_>| stated.warn.or(stated.migrate);
    mildest(above).zip(mildest(below)).is_some_and(|(above, below)| above > below)
}

/// One condition without `migrate` keeps all of them out of that zone.
fn all_reach(cx: &Context<'_>) -> Vec<Finding> {
    let stuck = thresholds(cx).filter(|(_, threshold)| threshold.combination() == Combination::All);
    let stuck = stuck.filter_map(|(path, threshold)| {
        let conditions = of(&path, threshold);
        let with = conditions.iter().find(|stated| stated.migrate.is_some())?;
        let written = |stated: &Stated<'_>| cx.spans.has(&format!("{}.migrate", stated.path));
        let without = conditions.iter().find(|stated| stated.warn.is_some() && !written(stated))?;
        let finding = Finding::error("never-trips", "the migrate zone of this threshold is never reached")
            .at(cx.spans.key(&without.path), "has no `migrate`")
            .also(cx.spans.value(&format!("{}.migrate", with.path)), "never counts")
            .reason("all conditions must be past their limits at the same time");
        Some(finding.remedy("give every condition `migrate`, or none"))
    });
    stuck.collect()
}
