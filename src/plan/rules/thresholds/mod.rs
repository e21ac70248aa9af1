//! Thresholds that can trip, on something that is measured, and of which something comes.

mod action;
mod limits;
mod measured;
mod shape;

use super::{Context, Rule};
use crate::plan::finding::Finding;
use crate::plan::threshold::{Metric, Threshold};
use crate::plan::units::Span;

pub(super) const RULES: [&[Rule]; 5] =
    [shape::RULES, limits::RULES, measured::RULES, action::RULES, &[period, host_exists, distinct]];

const DAY: Span = Span::from_secs(86_400);
const MINUTE: Span = Span::from_secs(60);

/// A condition where it stands: in a threshold itself, or in its `all` or `any`.
struct Stated<'a> {
    path: String,
    threshold: &'a Threshold,
    metric: Metric,
    below: bool,
    warn: Option<f64>,
    migrate: Option<f64>,
}

fn thresholds<'a>(cx: &Context<'a>) -> impl Iterator<Item = (String, &'a Threshold)> + use<'a> {
    cx.plan.thresholds.iter().enumerate().map(|(index, threshold)| (format!("thresholds[{index}]"), threshold))
}

/// Every condition of every threshold.
fn stated<'a>(cx: &Context<'a>) -> impl Iterator<Item = Stated<'a>> + use<'a> {
    thresholds(cx).flat_map(|(path, threshold)| of(&path, threshold))
}

/// The conditions of one threshold.
fn of<'a>(path: &str, threshold: &'a Threshold) -> Vec<Stated<'a>> {
    let (singles, all) = (usize::from(threshold.metric.is_some()), threshold.all.len());
    let paths = std::iter::repeat_n(path.to_owned(), singles)
        .chain((0..all).map(|index| format!("{path}.all[{index}]")))
        .chain((0..threshold.any.len()).map(|index| format!("{path}.any[{index}]")));
    let conditions = paths.zip(threshold.conditions()).map(|(path, condition)| Stated {
        path,
        threshold,
        metric: condition.metric,
        below: condition.below,
        warn: condition.warn,
        migrate: condition.migrate,
    });
    conditions.collect()
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

fn host_exists(cx: &Context<'_>) -> Vec<Finding> {
    let named = thresholds(cx).filter_map(|(path, threshold)| Some((path, threshold.host.as_ref()?)));
    named.filter_map(|(path, host)| cx.dangling_host(&format!("{path}.host"), host)).collect()
}

fn distinct(cx: &Context<'_>) -> Vec<Finding> {
    let all: Vec<_> = thresholds(cx).filter(|(_, threshold)| !threshold.conditions().is_empty()).collect();
    let again = all.iter().enumerate().filter_map(|(index, (path, second))| {
        let same = |first: &Threshold| first.measures_same(second) && first.host == second.host;
        let (first, _) = all[..index].iter().find(|(_, first)| same(first))?;
        let finding = Finding::error("duplicate-threshold", "two thresholds for the same metric and host")
            .at(cx.spans.value(&format!("{path}.metric")), "again here")
            .also(cx.spans.value(&format!("{first}.metric")), "first here")
            .remedy("write both limits into one");
        Some(finding)
    });
    again.collect()
}
