//! The bundle and its database, as far as the plan alone can tell. What stands in the compose file is `compose`'s.

use super::{Context, Rule};
use crate::plan::finding::Finding;
use crate::plan::model::{Bundle, VarValue};
use crate::plan::units::Span;

pub(super) const RULES: &[Rule] = &[
    host_exists,
    source_is_named,
    distinct_lists,
    secret_or_variable,
    reserved_names,
    secrets_in_variables,
    one_line_values,
    health_timeout,
    database_has_bundle,
    database_is_no_client,
];

/// What Compose, Docker and infra read themselves.
const RESERVED: [&str; 3] = ["INFRA_", "COMPOSE_", "DOCKER_"];

/// Words in the name of what should not stand in a file that is committed.
const SECRET_WORDS: [&str; 6] = ["PASSWORD", "PASSWD", "TOKEN", "SECRET", "KEY", "CREDENTIAL"];

fn bundle<'a>(cx: &Context<'a>) -> impl Iterator<Item = &'a Bundle> + use<'a> {
    cx.plan.bundle.iter()
}

fn host_exists(cx: &Context<'_>) -> Vec<Finding> {
    bundle(cx).filter_map(|bundle| cx.dangling_host("bundle.host", &bundle.host)).collect()
}

fn source_is_named(cx: &Context<'_>) -> Vec<Finding> {
    let empty = bundle(cx).filter(|bundle| bundle.source.as_os_str().is_empty());
    empty
        .map(|_| {
            Finding::error("invalid-value", "`source` is empty")
                .at(cx.spans.value("bundle.source"), "no folder")
                .remedy("write the folder of compose.yaml, relative to this file")
        })
        .collect()
}

fn distinct_lists(cx: &Context<'_>) -> Vec<Finding> {
    let in_bundle = bundle(cx).flat_map(|bundle| {
        let push = cx.repeated("bundle.push", &bundle.push);
        let profiles = cx.repeated("bundle.profiles", &bundle.profiles);
        push.into_iter().chain(profiles).chain(cx.repeated("bundle.secrets", &bundle.secrets))
    });
    let database = cx.plan.database.iter();
    in_bundle.chain(database.flat_map(|database| cx.repeated("database.clients", &database.clients))).collect()
}

fn secret_or_variable(cx: &Context<'_>) -> Vec<Finding> {
    let both = bundle(cx).flat_map(|bundle| {
        bundle
            .secrets
            .iter()
            .enumerate()
            .filter(|(_, secret)| bundle.vars.keys().any(|var| var.as_str() == secret.as_str()))
    });
    both.map(|(index, secret)| {
        Finding::error("secret-and-variable", format!("`{secret}` is a secret and a variable"))
            .at(cx.spans.key(&format!("bundle.vars.{secret}")), "a value in the plan")
            .also(cx.spans.value(&format!("bundle.secrets[{index}]")), "made on the host")
            .reason("a secret never stands in the plan, and the two values would differ")
            .remedy(format!("remove `{secret}` from `vars`"))
    })
    .collect()
}

fn reserved_names(cx: &Context<'_>) -> Vec<Finding> {
    let variables =
        bundle(cx).flat_map(|bundle| bundle.vars.keys().map(|var| (var.to_string(), format!("bundle.vars.{var}"))));
    let secrets = bundle(cx).flat_map(|bundle| {
        bundle
            .secrets
            .iter()
            .enumerate()
            .map(|(index, secret)| (secret.to_string(), format!("bundle.secrets[{index}]")))
    });
    variables
        .chain(secrets)
        .filter_map(|(name, path)| {
            let prefix = RESERVED.into_iter().find(|prefix| name.starts_with(prefix))?;
            let finding = Finding::error("reserved-name", format!("`{name}` is reserved"))
                .at(cx.spans.key(&path), "reserved")
                .reason(format!("names with {prefix} are set or read by infra, Compose or Docker themselves"))
                .remedy("choose a name with another beginning");
            Some(finding)
        })
        .collect()
}

fn secrets_in_variables(cx: &Context<'_>) -> Vec<Finding> {
    let telling = bundle(cx)
        .flat_map(|bundle| bundle.vars.keys())
        .filter(|var| var.as_str().split('_').any(|word| SECRET_WORDS.contains(&word)));
    telling
        .map(|var| {
            Finding::warning("secret-in-plan", format!("`{var}` looks like a secret"))
                .at(cx.spans.key(&format!("bundle.vars.{var}")), "readable for everyone who has the plan")
                .remedy(format!("move it to `secrets = [\"{var}\"]`: infra makes it on the host, and only there"))
        })
        .collect()
}

fn one_line_values(cx: &Context<'_>) -> Vec<Finding> {
    let broken = bundle(cx).flat_map(|bundle| &bundle.vars).filter(|(_, value)| match value {
        VarValue::Text(text) => text.contains(['\n', '\r']),
        VarValue::Bool(_) | VarValue::Integer(_) => false,
    });
    broken
        .map(|(var, _)| {
            Finding::error("invalid-value", format!("the value of `{var}` has several lines"))
                .at(cx.spans.value(&format!("bundle.vars.{var}")), "a line break")
                .reason("a release keeps its variables in a file of lines")
                .remedy("put the text into a file of the bundle")
        })
        .collect()
}

fn health_timeout(cx: &Context<'_>) -> Vec<Finding> {
    const LEAST: Span = Span::from_secs(5);
    const MOST: Span = Span::from_secs(3_600);
    let absurd = bundle(cx).filter(|bundle| !(LEAST..=MOST).contains(&bundle.health_timeout));
    absurd
        .map(|bundle| {
            Finding::error("out-of-range", format!("a `health_timeout` of {} is out of range", bundle.health_timeout))
                .at(cx.spans.value("bundle.health_timeout"), "out of range")
                .reason(format!("a release gets from {LEAST} to {MOST} to become healthy"))
        })
        .collect()
}

fn database_has_bundle(cx: &Context<'_>) -> Vec<Finding> {
    if cx.plan.database.is_none() || cx.spans.has("bundle") {
        return Vec::new();
    }
    let finding = Finding::error("no-bundle", "there is a `[database]` and no `[bundle]`")
        .at(cx.spans.key("database"), "in which bundle?")
        .reason("the database is one of the bundle's services");
    vec![finding.remedy("add `[bundle]` with `host` and `source`")]
}

fn database_is_no_client(cx: &Context<'_>) -> Vec<Finding> {
    let Some(database) = &cx.plan.database else { return Vec::new() };
    let itself = database.clients.iter().position(|client| *client == database.service);
    let finding = itself.map(|index| {
        Finding::error("database-client", format!("`{}` is the database and its own client", database.service))
            .at(cx.spans.value(&format!("database.clients[{index}]")), "the database itself")
            .reason("clients are stopped while the database is copied")
            .remedy("name the services that write to it")
    });
    finding.into_iter().collect()
}
