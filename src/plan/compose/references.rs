//! The plan against its compose file: the services that it names exist and are what it takes them for.

use super::file::{ComposeFile, Service};
use super::rules::Presence;
use crate::plan::finding::{Finding, Findings};
use crate::plan::names::ServiceName;
use crate::plan::parse::Checked;
use crate::plan::rules::nearest;

/// Checks every reference from the plan into the compose file.
pub fn check_bundle(checked: &Checked, compose: &ComposeFile, presence: &dyn Fn(&str) -> Presence) -> Findings {
    let rules =
        [unknown_services, unbuilt_services, unused_variables, unknown_profiles, inactive_services, clients_that_stay];
    let mut findings: Vec<Finding> = rules.iter().flat_map(|rule| rule(checked, compose)).collect();
    findings.extend(overrides(checked, presence));
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

fn unknown_services(checked: &Checked, compose: &ComposeFile) -> Vec<Finding> {
    let known: Vec<&str> = compose.services().keys().map(String::as_str).collect();
    let unknown = named(checked).filter(|(_, service)| !compose.services().contains_key(service.as_str()));
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

fn unbuilt_services(checked: &Checked, compose: &ComposeFile) -> Vec<Finding> {
    let pushed = named(checked).filter(|(path, _)| path.starts_with("bundle.push"));
    let unbuilt = pushed
        .filter(|(_, service)| compose.services().get(service.as_str()).is_some_and(|service| !service.has_build()));
    unbuilt
        .map(|(path, service)| {
            Finding::error("no-build", format!("`{service}` has no `build` in the compose file"))
                .at(checked.spans.value(&path), "nothing to build")
                .reason("`push` names the services whose images are built here and sent to the host")
                .remedy("add `build` to the service, or remove it from `push`: the host pulls its image")
        })
        .collect()
}

/// A compose file leads its clients to a database that was moved by this variable at least, or by the file that has all of it
/// in one URL.
const DATABASE_HOST: &str = "INFRA_DB_HOST";
const URL_FILE: &str = "/url.env";
const URL: &str = "DATABASE_URL";

impl ComposeFile {
    /// Its clients follow the database where `infra migrate` takes it.
    pub fn leads_clients(&self) -> bool {
        let by_url = self.services().values().any(reads_url);
        self.deaf_clients().is_empty() && (by_url || self.variables().contains(DATABASE_HOST))
    }

    /// They have the URL in `environment` too, which counts before every `env_file`.
    fn deaf_clients(&self) -> Vec<&str> {
        let deaf = self.services().iter().filter(|(_, service)| reads_url(service) && service.sets(URL));
        deaf.map(|(name, _)| name.as_str()).collect()
    }
}

fn reads_url(service: &Service) -> bool {
    service.env_files().iter().any(|file| file.contains("INFRA_DATABASE") && file.ends_with(URL_FILE))
}

fn clients_that_stay(checked: &Checked, compose: &ComposeFile) -> Vec<Finding> {
    let Some(database) = checked.plan.database.as_ref().filter(|database| !database.clients.is_empty()) else {
        return vec![];
    };
    if compose.leads_clients() {
        return vec![];
    }
    if let deaf @ [_, ..] = compose.deaf_clients().as_slice() {
        let finding = Finding::warning("clients-stay", format!("{} has {URL} in `environment`", deaf.join(", ")))
            .at(checked.spans.key("database.clients"), "cannot be led to another database")
            .reason("that counts before url.env, from which `infra migrate` lets it read the new one")
            .remedy("put it into an env file that stands before url.env, see docs/plan.md");
        return vec![finding];
    }
    let finding = Finding::warning("clients-stay", format!("the compose file does not use `{DATABASE_HOST}`"))
        .at(checked.spans.key("database.clients"), "cannot be led to another database")
        .reason("`infra migrate` points clients by variables, and is refused without")
        .remedy(format!(
            "write `${{{DATABASE_HOST}:-{}}}` where they have the database's host, or read url.env where they take a URL: \
             see docs/plan.md",
            database.service
        ));
    vec![finding]
}

fn unused_variables(checked: &Checked, compose: &ComposeFile) -> Vec<Finding> {
    let vars = checked.plan.bundle.iter().flat_map(|bundle| bundle.vars.keys());
    let variables = compose.variables();
    let known: Vec<&str> = variables.iter().map(String::as_str).collect();
    vars.filter(|var| !variables.contains(var.as_str()))
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

fn unknown_profiles(checked: &Checked, compose: &ComposeFile) -> Vec<Finding> {
    let known: Vec<&str> = compose.services().values().flat_map(|service| service.profiles()).collect();
    let chosen = checked.plan.bundle.iter().flat_map(|bundle| bundle.profiles.iter().enumerate());
    let unknown = chosen.filter(|(_, profile)| !known.contains(&profile.as_str()));
    unknown
        .map(|(index, profile)| {
            let finding = Finding::error("unknown-profile", format!("no service has the profile `{profile}`"))
                .at(checked.spans.value(&format!("bundle.profiles[{index}]")), "not in the compose file");
            match nearest(profile.as_str(), &known) {
                Some(meant) => finding.remedy(format!("did you mean `\"{meant}\"`?")),
                None => finding.remedy("remove it, or give it to a service: `profiles: [NAME]`"),
            }
        })
        .collect()
}

/// What the plan counts on must be started.
fn inactive_services(checked: &Checked, compose: &ComposeFile) -> Vec<Finding> {
    let chosen: Vec<&str> =
        checked.plan.bundle.iter().flat_map(|bundle| bundle.profiles.iter().map(|profile| profile.as_str())).collect();
    let inactive = named(checked).filter_map(|(path, name)| {
        let profiles = compose.services().get(name.as_str())?.profiles();
        let started = profiles.is_empty() || profiles.iter().any(|profile| chosen.contains(profile));
        (!started).then_some((path, name, profiles))
    });
    inactive
        .map(|(path, name, profiles)| {
            Finding::error("inactive-service", format!("`{name}` is not started: its profile is not chosen"))
                .at(checked.spans.value(&path), format!("only with {}", profiles.join(" or ")))
                .remedy(format!("add `profiles = [\"{}\"]` to `[bundle]`", profiles[0]))
        })
        .collect()
}

fn overrides(checked: &Checked, presence: &dyn Fn(&str) -> Presence) -> Vec<Finding> {
    let sent = super::OVERRIDE_NAMES.into_iter().filter(|name| presence(name) == Presence::Sent);
    sent.map(|name| {
        Finding::error("other-file", format!("{name} is not read"))
            .at(checked.spans.value("bundle.source"), "in this folder")
            .reason("Compose on the host would lay it over the compose file, unchecked")
            .remedy(format!("join it with the compose file, or name it in .infraignore ({name} then stays here)"))
    })
    .collect()
}
