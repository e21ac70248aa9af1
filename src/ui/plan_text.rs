//! A plan's changes as text: one line a change, then the steps in order, then the bill.

use std::fmt::Write;

use serde::Serialize;

use super::lines::plural;
use crate::cost::{Estimate, Line, Monthly};
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
    for note in &view.notes {
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
        line(text, &format!("  {:>9}  {} {}", amount(row), row.node, row.what));
    }
    if cost.before == cost.after {
        line(text, &format!("  {:>9}  as before", cost.after.to_string()));
    } else {
        line(text, &format!("  {:>9}  in all, now {}", cost.after.to_string(), cost.before));
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
