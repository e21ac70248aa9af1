//! The plan against its compose file: the services that it names exist and are what it takes them for.
//! Reading the compose file is for others; here are only its facts.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Findings};
use super::names::ServiceName;
use super::parse::Checked;
use super::rules::nearest;

/// What a plan refers to in a compose file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BundleFacts {
    pub services: BTreeMap<String, ServiceFacts>,
    /// Names that the file interpolates, as in `${NAME}`.
    pub variables: BTreeSet<String>,
}

/// What matters of one service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceFacts {
    /// Whether it has a `build` section.
    pub has_build: bool,
    /// Its `image`, as written.
    pub image: Option<String>,
}

/// Checks every reference from the plan into the compose file; what was found in the plan alone comes with it.
pub fn check_bundle(checked: &Checked, facts: &BundleFacts) -> Findings {
    let rules = [unknown_services, unbuilt_services, unused_variables, clients_that_stay];
    let found = rules.iter().flat_map(|rule| rule(checked, facts));
    let findings = checked.warnings.iter().cloned().chain(found).collect();
    Findings::new(checked.warnings.file(), checked.warnings.text(), findings)
}

/// Every service that the plan names, with the path of the name.
fn named(checked: &Checked) -> impl Iterator<Item = (String, &ServiceName)> {
    let bundle = checked.plan.bundle.iter().flat_map(|bundle| bundle.push.iter().enumerate());
    let push = bundle.map(|(index, service)| (format!("bundle.push[{index}]"), service));
    let database = checked.plan.database.iter();
    push.chain(database.flat_map(|database| {
        let clients = database.clients.iter().enumerate();
        let clients = clients.map(|(index, service)| (format!("database.clients[{index}]"), service));
        std::iter::once(("database.service".to_owned(), &database.service)).chain(clients)
    }))
}

fn unknown_services(checked: &Checked, facts: &BundleFacts) -> Vec<Finding> {
    let known: Vec<&str> = facts.services.keys().map(String::as_str).collect();
    let unknown = named(checked).filter(|(_, service)| !facts.services.contains_key(service.as_str()));
    unknown
        .map(|(path, service)| {
            let finding = Finding::error("unknown-service", format!("the compose file has no service `{service}`"))
                .at(checked.spans.value(&path), "not in the compose file")
                .reason(format!("it has {}", known.join(", ")));
            match nearest(service.as_str(), &known) {
                Some(meant) => finding.remedy(format!("did you mean `\"{meant}\"`?")),
                None => finding.remedy("add the service to compose.yaml, or remove its name here"),
            }
        })
        .collect()
}

fn unbuilt_services(checked: &Checked, facts: &BundleFacts) -> Vec<Finding> {
    let pushed = named(checked).filter(|(path, _)| path.starts_with("bundle.push"));
    let unbuilt =
        pushed.filter(|(_, service)| facts.services.get(service.as_str()).is_some_and(|facts| !facts.has_build));
    unbuilt
        .map(|(path, service)| {
            Finding::error("no-build", format!("`{service}` has no `build` in the compose file"))
                .at(checked.spans.value(&path), "nothing to build")
                .reason("`push` names the services whose images are built here and sent to the host")
                .remedy("add `build` to the service, or remove it from `push`: the host pulls its image")
        })
        .collect()
}

/// A compose file leads its clients to a database that was moved by this one at least.
pub const DATABASE_HOST: &str = "INFRA_DB_HOST";

fn clients_that_stay(checked: &Checked, facts: &BundleFacts) -> Vec<Finding> {
    let clients = checked.plan.database.iter().any(|database| !database.clients.is_empty());
    if !clients || facts.variables.contains(DATABASE_HOST) {
        return vec![];
    }
    let finding = Finding::warning("clients-stay", format!("the compose file does not use `{DATABASE_HOST}`"))
        .at(checked.spans.key("database.clients"), "cannot be led to another database")
        .reason("`infra migrate` points clients by variables, and is refused without")
        .remedy(format!(
            "write `${{{DATABASE_HOST}:-{}}}` where they have the database's host, see docs/plan.md",
            service(checked)
        ));
    vec![finding]
}

fn service(checked: &Checked) -> &str {
    checked.plan.database.as_ref().map_or("", |database| database.service.as_str())
}

fn unused_variables(checked: &Checked, facts: &BundleFacts) -> Vec<Finding> {
    let vars = checked.plan.bundle.iter().flat_map(|bundle| bundle.vars.keys());
    let known: Vec<&str> = facts.variables.iter().map(String::as_str).collect();
    vars.filter(|var| !facts.variables.contains(var.as_str()))
        .map(|var| {
            let finding = Finding::warning("unused-variable", format!("the compose file does not use `{var}`"))
                .at(checked.spans.key(&format!("bundle.vars.{var}")), "has no effect");
            match nearest(var.as_str(), &known) {
                Some(meant) => finding.remedy(format!("did you mean `{meant}`?")),
                None => finding.remedy(format!("remove it, or write `${{{var}}}` in compose.yaml")),
            }
        })
        .collect()
}
