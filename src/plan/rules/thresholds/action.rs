//! What is to be done can be done here.

use super::{Context, Rule, Threshold, thresholds};
use crate::plan::finding::Finding;
use crate::plan::model::Provider;
use crate::plan::threshold::Action;

pub(super) const RULES: &[Rule] = &[possible];

fn possible(cx: &Context<'_>) -> Vec<Finding> {
    let impossible = thresholds(cx).filter_map(|(path, threshold)| {
        let action = threshold.action?;
        let (lacks, remedy) = obstacle(cx, threshold, action)?;
        let finding = Finding::error("no-action", format!("`{action}` cannot be done here"))
            .at(cx.spans.value(&format!("{path}.action")), "never done");
        Some(finding.reason(lacks).remedy(remedy))
    });
    impossible.collect()
}

fn obstacle(cx: &Context<'_>, threshold: &Threshold, action: Action) -> Option<(&'static str, &'static str)> {
    match action {
        Action::Notify | Action::Recommend => None,
        Action::Restart | Action::Prune | Action::Evict | Action::Route => {
            (!cx.spans.has("bundle")).then_some(("it is done to services, and the plan has none", "add `[bundle]`"))
        }
        Action::Migrate => (!cx.spans.has("database"))
            .then_some(("the plan does not say which service holds the database", "add `[database]`")),
        Action::Resize => {
            let mut meant = cx.plan.hosts.iter().filter(|(name, _)| cx.plan.is_meant(threshold, name)).peekable();
            let own = meant.peek().is_some() && meant.all(|(_, host)| host.provider == Provider::Ssh);
            own.then_some(("a server of your own gets no other size by infra", "write `\"recommend\"`"))
        }
    }
}
