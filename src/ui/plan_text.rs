//! A plan's changes as text: one line a change, then the steps in order, then the bill.

use std::fmt::Write;

use serde::Serialize;

use super::lines::plural;
use crate::cost::{Estimate, Line, Monthly, PricesUsed, Traffic};
use crate::diff::{Change, LeftOver, Verb};
use crate::steps::{Removal, Step, StepId, describe, interrupts};

/// What `infra plan` says; its JSON form is `--json`'s document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanView {
    pub plan: String,
    pub region: Option<String>,
    pub nothing_to_do: bool,
    pub changes: Vec<Change>,
    pub steps: Vec<StepView>,
    pub cost: Estimate,
    pub left_over: Vec<LeftOver>,
    /// What a person will be asked.
    pub questions: Vec<String>,
    /// What could not be seen, and other things to know.
    pub notes: Vec<String>,
    /// Findings that do not forbid going on. In text they stand above all else, with their places.
    pub warnings: serde_json::Value,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepView {
    pub id: StepId,
    pub what: String,
    pub interrupts: Option<&'static str>,
    pub needs: Vec<StepId>,
}

impl From<&Step> for StepView {
    fn from(step: &Step) -> Self {
        Self {
            id: step.id.clone(),
            what: describe(&step.action),
            interrupts: interrupts(&step.action),
            needs: step.needs.clone(),
        }
    }
}

pub fn plan_text(view: &PlanView) -> String {
    let mut text = String::new();
    let region = view.region.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
    let counts = counts(&view.changes);
    line(&mut text, &format!("{}{region}: {counts}", view.plan));
    let changed: Vec<_> = view.changes.iter().filter(|c| c.verb != Verb::Keep).collect();
    if !changed.is_empty() {
        text.push('\n');
    }
    let width = changed.iter().map(|c| c.node.as_str().len()).max().unwrap_or(0);
    for change in changed {
        change_lines(&mut text, change, width);
    }
    steps(&mut text, &view.steps);
    cost(&mut text, &view.cost);
    left_over(&mut text, &view.left_over);
    for note in view.notes.iter().chain(&view.cost.notes) {
        line(&mut text, &format!("\nNote: {note}"));
    }
    for question in &view.questions {
        line(&mut text, &format!("\nTo confirm: {question}"));
    }
    text
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn counts(changes: &[Change]) -> String {
    let count = |verb| changes.iter().filter(|c| c.verb == verb).count();
    let parts = [
        (count(Verb::Create), "to create"),
        (count(Verb::Update), "to update"),
        (count(Verb::Replace), "to replace"),
        (count(Verb::Delete), "to delete"),
    ];
    let said: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let kept = count(Verb::Keep);
    if said.is_empty() {
        return format!("nothing to do, {kept} {} as planned", plural(kept, "resource"));
    }
    let kept = if kept > 0 { format!(", {kept} unchanged") } else { String::new() };
    format!("{}{kept}", said.join(", "))
}

fn change_lines(text: &mut String, change: &Change, width: usize) {
    line(text, &format!("  {} {:width$}  {}", change.verb.sign(), change.node.as_str(), change.what));
    let indent = " ".repeat(width + 6);
    if let Some(why) = &change.why {
        line(text, &format!("{indent}why: {why}"));
    }
    if let Some(interrupts) = &change.interrupts {
        line(text, &format!("{indent}interrupts: {interrupts}"));
    }
}

fn steps(text: &mut String, steps: &[StepView]) {
    if steps.is_empty() {
        return;
    }
    line(text, "\nSteps, side by side where they do not wait for each other:");
    let order = in_order(steps);
    let number = |id: &StepId| order.iter().position(|s| &s.id == id).map_or(0, |n| n + 1);
    for (index, step) in order.iter().enumerate() {
        let mut row = format!("  {:>2}. {}", index + 1, step.what);
        let mut needs: Vec<_> = step.needs.iter().map(number).collect();
        needs.sort_unstable();
        if !needs.is_empty() {
            let needs: Vec<_> = needs.iter().map(ToString::to_string).collect();
            let _ = write!(row, "  (after {})", needs.join(", "));
        }
        if let Some(interrupts) = step.interrupts {
            let _ = write!(row, "  ! {interrupts}");
        }
        line(text, &row);
    }
}

/// An order in which every step follows what it waits for; ties in the order given.
fn in_order(steps: &[StepView]) -> Vec<&StepView> {
    let mut order: Vec<&StepView> = vec![];
    while order.len() < steps.len() {
        let placed = |id: &StepId| order.iter().any(|s| &s.id == id);
        let next = steps.iter().find(|s| !placed(&s.id) && s.needs.iter().all(placed));
        match next {
            Some(step) => order.push(step),
            None => break,
        }
    }
    order
}

fn cost(text: &mut String, cost: &Estimate) {
    if cost.lines.is_empty() {
        return;
    }
    line(text, "\nCost a month:");
    for row in &cost.lines {
        let most = row.most.map(|most| format!(", up to {most}")).unwrap_or_default();
        line(text, &format!("  {:>9}  {} {}{most}", amount(row), row.node, row.what));
    }
    line(text, &format!("  {:>9}  {}", cost.after.to_string(), total(cost)));
    if let Some(Traffic { free_gb, per_100_gb, first_tb }) = cost.traffic {
        let traffic =
            format!("to the internet {free_gb} GB are free, then {per_100_gb} for each 100 GB ({first_tb} for 1 TB)");
        line(text, &format!("             beside it: {traffic}"));
    }
    for used in &cost.prices {
        line(text, &format!("             prices: {}", used_in_words(used)));
    }
}

fn total(cost: &Estimate) -> String {
    let known = if cost.lines.iter().any(|line| line.after.is_none()) { "in all that is known" } else { "in all" };
    let most = cost.most.map(|most| format!(", up to {most}")).unwrap_or_default();
    match cost.before == cost.after && known == "in all" && most.is_empty() {
        true => "as before".into(),
        false => format!("{known}{most}, now {}", cost.before),
    }
}

fn used_in_words(used: &PricesUsed) -> String {
    let PricesUsed { of, from, read, age_days, .. } = used;
    match age_days {
        0 => format!("{of} of today ({from})"),
        1 => format!("{of} of {read} ({from}), 1 day old"),
        _ => format!("{of} of {read} ({from}), {age_days} days old"),
    }
}

fn amount(line: &Line) -> String {
    line.after.map_or_else(|| "unknown".into(), |m: Monthly| m.to_string())
}

fn left_over(text: &mut String, left: &[LeftOver]) {
    if left.is_empty() {
        return;
    }
    line(text, "\nLeft over: nothing in the plan needs it any more, and it is billed:");
    for item in left {
        let size = item.size_gb.map(|gb| format!(" ({gb} GB)")).unwrap_or_default();
        line(text, &format!("  {} {}{size}", item.kind.noun(), item.name));
    }
    line(text, "  remove them with: infra down --left-over --include-data");
}

pub fn removal_text(plan: &str, removal: &Removal) -> String {
    let mut text = String::new();
    if removal.steps.is_empty() {
        line(&mut text, &format!("{plan}: nothing to remove"));
    } else {
        line(&mut text, &format!("{plan}: goes"));
        let views: Vec<_> = removal.steps.iter().map(StepView::from).collect();
        for step in in_order(&views) {
            line(&mut text, &format!("  - {}", step.what));
        }
    }
    if !removal.stays.is_empty() {
        line(&mut text, "stays");
        for item in &removal.stays {
            line(&mut text, &format!("    {item}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::NodeId;

    fn bill(before: f64, after: Option<f64>, most: Option<f64>) -> Line {
        let [before, after, most] = [Some(before), after, most].map(|amount| amount.map(Monthly));
        Line { node: NodeId::new("hosts.box"), what: "instance t3.medium".into(), before, after, most }
    }

    fn estimate(lines: Vec<Line>) -> Estimate {
        let sum = |part: fn(&Line) -> Option<Monthly>| lines.iter().filter_map(part).sum();
        let most = lines.iter().any(|line| line.most.is_some()).then(|| sum(|line| line.most.or(line.after)));
        let (before, after) = (sum(|line| line.before), sum(|line| line.after));
        Estimate { lines, before, after, most, traffic: None, prices: vec![], notes: vec![] }
    }

    fn told(estimate: &Estimate) -> String {
        let mut text = String::new();
        cost(&mut text, estimate);
        text
    }

    #[test]
    fn a_bill_that_depends_on_use_is_a_range() {
        let traffic = Traffic { free_gb: 100, per_100_gb: Monthly(9.0), first_tb: Monthly(83.16) };
        let prices = ["2026-11-01T08:00:00Z", "2026-11-02T08:00:00Z", "2026-11-30T08:00:00Z"].map(|now| {
            let read = "2026-11-01".parse().expect("a date");
            PricesUsed::new("AmazonEC2", "AWS Price List", read, now.parse().expect("a moment"))
        });
        let lines = vec![bill(0.0, Some(30.37), Some(88.77)), bill(0.0, Some(8.0), None)];
        let estimate = Estimate { traffic: Some(traffic), prices: prices.into(), ..estimate(lines) };
        insta::assert_snapshot!(told(&estimate), @r"
        Cost a month:
             $30.37  hosts.box instance t3.medium, up to $88.77
              $8.00  hosts.box instance t3.medium
             $38.37  in all, up to $96.77, now $0.00
                     beside it: to the internet 100 GB are free, then $9.00 for each 100 GB ($83.16 for 1 TB)
                     prices: AmazonEC2 of today (AWS Price List)
                     prices: AmazonEC2 of 2026-11-01 (AWS Price List), 1 day old
                     prices: AmazonEC2 of 2026-11-01 (AWS Price List), 29 days old
        ");
    }

    #[test]
    fn what_is_not_known_is_in_no_sum() {
        let total = |lines| told(&estimate(lines)).lines().last().map(str::to_owned).unwrap_or_default();
        assert_eq!(total(vec![bill(8.0, Some(8.0), None)]), "      $8.00  as before");
        let lines = vec![bill(8.0, Some(8.0), None), bill(0.0, None, None)];
        assert_eq!(total(lines), "      $8.00  in all that is known, now $8.00");
    }
}
