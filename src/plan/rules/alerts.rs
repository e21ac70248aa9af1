//! Who is told.

use super::{Context, Rule};
use crate::plan::finding::Finding;
use crate::plan::model::Provider;

pub(super) const RULES: &[Rule] = &[one_address_on_lightsail, distinct_addresses, somebody_is_told];

fn one_address_on_lightsail(cx: &Context<'_>) -> Vec<Finding> {
    let addresses = cx.plan.alerts.email.len();
    let Some((_, host, _)) = cx.hosts_of(Provider::Lightsail).next().filter(|_| addresses > 1) else {
        return Vec::new();
    };
    let finding = Finding::error("one-contact", format!("{addresses} e-mail addresses, and Lightsail takes one"))
        .at(cx.spans.value("alerts.email[1]"), "one too many")
        .reason(format!("`{host}` is on Lightsail, which has one e-mail contact a region"));
    vec![finding.remedy("write one address, of a mailing list if several people are told")]
}

fn distinct_addresses(cx: &Context<'_>) -> Vec<Finding> {
    cx.repeated("alerts.email", &cx.plan.alerts.email)
}

fn somebody_is_told(cx: &Context<'_>) -> Vec<Finding> {
    if cx.plan.thresholds.is_empty() || !cx.plan.alerts.email.is_empty() || cx.spans.has_refused("alerts.email") {
        return Vec::new();
    }
    let finding = Finding::warning("nobody-told", "there are thresholds, and nobody is told when they trip")
        .at(cx.spans.key("thresholds[0]"), "trips in silence");
    vec![finding.remedy("add `[alerts]` with `email = [\"ops@example.com\"]`")]
}
