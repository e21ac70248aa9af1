//! What a compose file may not say in a bundle of infra's: one small function a rule, each of which returns all that
//! breaks it, at its place in the compose file.

use super::file::{ComposeFile, Service, base_of};
use super::interpolate::{InterpolateError, interpolate};
use super::node::{Key, Node};
use super::{build, names, sources};
use crate::plan::finding::{Finding, Findings};
use crate::plan::model;

/// Where a path of the bundle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Sent to the host.
    Sent,
    /// In the folder, and named in .gitignore or .infraignore.
    Ignored,
    Absent,
}

/// What a compose file is checked against.
pub struct Bundled<'a> {
    pub bundle: &'a model::Bundle,
    /// Variables as the host will see them.
    pub lookup: &'a dyn Fn(&str) -> Option<String>,
    /// Of a path inside the bundle, without `.` and `..`.
    pub presence: &'a dyn Fn(&str) -> Presence,
}

type Rule = fn(&ComposeFile, &Bundled<'_>) -> Vec<Finding>;

const RULES: [Rule; 10] = [
    variables,
    typed_values,
    other_files,
    extended_services,
    build_keys,
    unpushed_builds,
    names::undefined,
    sources::binds,
    sources::env_files,
    sources::definitions,
];

impl ComposeFile {
    /// Everything that is wrong with it as a bundle of infra's.
    pub fn check(&self, bundled: &Bundled<'_>) -> Findings {
        let findings = RULES.iter().flat_map(|rule| rule(self, bundled)).collect();
        Findings::new(&self.file, &self.text, findings)
    }

    /// Services that are started: those without a profile, and those of a chosen one.
    pub(super) fn active<'a>(&'a self, bundled: &Bundled<'_>) -> impl Iterator<Item = (&'a str, &'a Service)> {
        let chosen: Vec<_> = bundled.bundle.profiles.iter().map(|profile| profile.as_str().to_owned()).collect();
        self.services().iter().map(|(name, service)| (name.as_str(), service)).filter(move |(_, service)| {
            let profiles = service.profiles();
            profiles.is_empty() || profiles.iter().any(|profile| chosen.iter().any(|known| known == profile))
        })
    }
}

/// Compose stops at these before it does anything; on the host that would be after images were built and sent.
fn variables(compose: &ComposeFile, bundled: &Bundled<'_>) -> Vec<Finding> {
    let mut findings = vec![];
    compose.root.texts(&mut |text, span| match interpolate(text, bundled.lookup) {
        Ok(_) => {}
        Err(InterpolateError::Required { name, message }) => findings.push(
            Finding::error("required-variable", format!("variable `{name}` is required: {message}"))
                .at(span.clone(), "has no value")
                .remedy(format!("set `{name}` in the plan's `vars`")),
        ),
        Err(InterpolateError::Syntax { text }) => findings.push(
            Finding::error("variable-syntax", format!("`{}` is no valid variable", short(&text)))
                .at(span.clone(), "Compose cannot read it")
                .remedy("write `$$` for a dollar sign"),
        ),
    });
    findings
}

/// Keys of a service to which Compose gives another type than text once variables are put in.
const SWITCHES: [&str; 6] = ["init", "oom_kill_disable", "privileged", "read_only", "stdin_open", "tty"];
const NUMBERS: [&str; 5] = ["cpu_count", "mem_swappiness", "oom_score_adj", "pids_limit", "scale"];
const SWITCH_WORDS: [&str; 12] = ["true", "false", "1", "0", "t", "f", "y", "n", "yes", "no", "on", "off"];

/// A variable without a value is no number.
fn typed_values(compose: &ComposeFile, bundled: &Bundled<'_>) -> Vec<Finding> {
    let is_switch = |text: &str| SWITCH_WORDS.contains(&text.to_lowercase().as_str());
    let is_number = |text: &str| text.parse::<i64>().is_ok();
    let mut findings = vec![];
    for service in compose.services().values() {
        let below = |section: &str, key: &str| service.own.get(section).and_then(|section| section.get(key));
        let switches = SWITCHES
            .iter()
            .map(|key| (*key, service.own.get(key)))
            .chain([("disable", below("healthcheck", "disable"))]);
        let numbers = NUMBERS.iter().map(|key| (*key, service.own.get(key)));
        let numbers =
            numbers.chain([("retries", below("healthcheck", "retries")), ("replicas", below("deploy", "replicas"))]);
        let all = switches.map(|(key, node)| (key, node, "true or false", true));
        for (key, node, what, switch) in all.chain(numbers.map(|(key, node)| (key, node, "a number", false))) {
            let Some((node, text)) = node.and_then(|node| Some((node, node.as_text()?))) else { continue };
            let Some(value) = interpolate(text, bundled.lookup).ok().filter(|_| text.contains('$')) else { continue };
            let fits = if switch { is_switch(&value) } else { is_number(&value) };
            if fits {
                continue;
            }
            findings.push(
                Finding::error("required-variable", format!("`{key}` of `{}` becomes \"{value}\"", service.key.name))
                    .at(node.span.clone(), format!("should be {what}"))
                    .remedy("set the variable in the plan's `vars`, or give it a default: `${NAME:-…}`"),
            );
        }
    }
    findings
}

/// A long text is shown by the line with the first `$` in it.
fn short(text: &str) -> String {
    let line = text.lines().find(|line| line.contains('$')).unwrap_or(text).trim();
    line.chars().take(60).collect()
}

fn other_files(compose: &ComposeFile, _: &Bundled<'_>) -> Vec<Finding> {
    const REASON: &str = "infra looks at this file alone: what another one adds would be neither checked nor pushed";
    let include = compose.root.entry("include").filter(|(_, node)| !node.is_null());
    let include = include.map(|(key, _)| {
        Finding::error("other-file", "`include` is not read").at(key.span.clone(), "other compose files").reason(REASON)
    });
    let extends = compose.services().values().filter_map(|service| {
        let (key, node) = service.own.entry("extends")?;
        let file = node.get("file")?;
        let file = file.as_text().unwrap_or("another file");
        let finding = Finding::error("other-file", format!("`extends` of {file} is not read"));
        Some(finding.at(key.span.clone(), format!("of service {}", service.key.name)).reason(REASON))
    });
    let remedy =
        |finding: Finding| finding.remedy("write its services here: `docker compose config` prints them joined");
    include.into_iter().chain(extends).map(remedy).collect()
}

fn extended_services(compose: &ComposeFile, _: &Bundled<'_>) -> Vec<Finding> {
    let broken = compose.services().values().filter_map(|service| {
        let base = base_of(&service.own)?;
        let at = service.own.entry("extends").map_or(service.key.span.clone(), |(key, _)| key.span.clone());
        let mut chain = vec![service.key.name.as_str(), base];
        loop {
            let last = *chain.last().expect("it begins with two");
            let Some(next) = compose.services().get(last) else {
                let message = format!("`{}` extends `{last}`, which is not defined", service.key.name);
                return Some(Finding::error("undefined-name", message).at(at, "no such service"));
            };
            let base = base_of(&next.own)?;
            if chain.contains(&base) {
                let message = format!("`{}` extends itself, by {}", service.key.name, chain.join(" → "));
                return Some(Finding::error("undefined-name", message).at(at, "a circle"));
            }
            chain.push(base);
        }
    });
    broken.collect()
}

fn pushed<'a>(compose: &'a ComposeFile, bundled: &Bundled<'a>) -> impl Iterator<Item = &'a Service> {
    bundled.bundle.push.iter().filter_map(|name| compose.services().get(name.as_str()))
}

fn build_keys(compose: &ComposeFile, bundled: &Bundled<'_>) -> Vec<Finding> {
    let unknown = |service: &Service| -> Vec<Finding> {
        let entries = service.build().map(Node::map).unwrap_or_default().iter();
        let unknown =
            entries.filter(|(key, _)| !build::KEYS.contains(&key.name.as_str()) && !key.name.starts_with("x-"));
        let finding = |(key, _): &(Key, Node)| {
            Finding::error(
                "build-key",
                format!("`{}` in `build` of `{}` is not understood", key.name, service.key.name),
            )
            .at(key.span.clone(), "would be left out")
            .reason(format!("infra builds what it pushes by {}", build::KEYS.join(", ")))
            .remedy(format!(
                "say it in the Dockerfile, or build the image yourself and take `{}` out of `push`",
                service.key.name
            ))
        };
        unknown.map(finding).chain(context(service, bundled)).collect()
    };
    pushed(compose, bundled).flat_map(unknown).collect()
}

fn context(service: &Service, bundled: &Bundled<'_>) -> Option<Finding> {
    let build = service.build()?;
    let node = if build.as_text().is_some() { build } else { build.get("context")? };
    let context = interpolate(node.as_text()?, bundled.lookup).ok()?;
    let remote = context.contains("://") || context.starts_with("git@") || context.starts_with("github.com/");
    if remote {
        let finding =
            Finding::error("build-context", format!("the context of `{}` is not in the bundle", service.key.name));
        return Some(
            finding
                .at(node.span.clone(), "somewhere else")
                .reason("a release is known by the files that it is built from")
                .remedy("clone it into the bundle"),
        );
    }
    let path = sources::inside(&context)?;
    ((bundled.presence)(&path) == Presence::Absent).then(|| {
        Finding::error("build-context", format!("the context of `{}` is not there", service.key.name))
            .at(node.span.clone(), "no such folder")
            .remedy("paths are relative to the compose file")
    })
}

fn unpushed_builds(compose: &ComposeFile, bundled: &Bundled<'_>) -> Vec<Finding> {
    let is_pushed = |name: &str| bundled.bundle.push.iter().any(|pushed| pushed.as_str() == name);
    let unpushed = compose
        .active(bundled)
        .filter(|(name, service)| service.has_build() && service.image().is_none() && !is_pushed(name));
    unpushed
        .map(|(name, service)| {
            let at = service.own.entry("build").map_or(service.key.span.clone(), |(key, _)| key.span.clone());
            Finding::error("not-pushed", format!("`{name}` is built, and nobody builds it"))
                .at(at, "no image is pulled for it either")
                .reason("a host pulls images, or gets those of `push`; it builds none")
                .remedy(format!("give it an `image: {name}:${{INFRA_TAG}}` and add \"{name}\" to `push` in the plan"))
        })
        .collect()
}
