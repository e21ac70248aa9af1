//! The services of a compose file, and what is to be known of each. Nothing is interpolated before it is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use thiserror::Error;

use super::build::Build;
use super::interpolate::{InterpolateError, interpolate};
use super::node::{self, Key, Node, Value};
use crate::plan::finding::{Finding, Findings};

#[derive(Debug, Error)]
pub enum ComposeError {
    #[error("service {service}, {key}: {source}")]
    Variable { service: String, key: &'static str, source: InterpolateError },
    #[error("the compose file has no service {service}")]
    NoService { service: String },
    #[error("service {service} is to be pushed and has no `{key}` in the compose file")]
    Missing { service: String, key: &'static str },
}

#[derive(Debug, Clone, PartialEq)]
pub struct ComposeFile {
    /// What findings call it.
    pub(super) file: String,
    pub(super) text: String,
    pub(super) root: Node,
    services: BTreeMap<String, Service>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    pub(super) key: Key,
    /// As written.
    pub(super) own: Node,
    /// With what it extends in the same file.
    pub(super) whole: Node,
}

/// A network or volume that Compose expects on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// `network` or `volume`.
    pub kind: &'static str,
    /// As Docker calls it, not interpolated.
    pub name: String,
    at: Range<usize>,
}

impl ComposeFile {
    /// `file` is what findings call it.
    pub fn parse(file: &str, text: &str) -> Result<Self, Findings> {
        let refused = |finding| Findings::new(file, text, vec![finding]);
        let root = node::parse(text).map_err(|error| {
            refused(
                Finding::error("compose-syntax", error.message).at(error.at, "the compose file cannot be read here"),
            )
        })?;
        let mut parsed = Self { file: file.to_owned(), text: text.to_owned(), root, services: BTreeMap::new() };
        let shape = parsed.shape();
        if !shape.is_empty() {
            return Err(Findings::new(file, text, shape));
        }
        let services = parsed.root.get("services").map(Node::map).unwrap_or_default();
        let services = services.iter().map(|(key, own)| {
            let whole = parsed.extended(own, &mut vec![&key.name]);
            (key.name.clone(), Service { key: key.clone(), own: own.clone(), whole })
        });
        let services = services.collect();
        parsed.services = services;
        Ok(parsed)
    }

    /// What would keep everything else from being looked at.
    fn shape(&self) -> Vec<Finding> {
        let wrong = |key: &Key, node: &Node, what: &str| {
            Finding::error("compose-shape", format!("`{}` is {}", key.name, node.kind()))
                .at(key.span.clone(), format!("should be {what}"))
        };
        if !matches!(self.root.value, Value::Map(_)) {
            let finding =
                Finding::error("compose-shape", "the compose file is no map").at(self.root.span.clone(), "here");
            return vec![finding.remedy("it begins with `services:`")];
        }
        let mut findings = vec![];
        for (key, node) in self.root.map() {
            let section = ["services", "networks", "volumes", "configs", "secrets"].contains(&key.name.as_str());
            if section && !matches!(node.value, Value::Map(_) | Value::Null) {
                findings.push(wrong(key, node, "a map of names"));
            }
        }
        for (key, service) in self.root.get("services").map(Node::map).unwrap_or_default() {
            if !matches!(service.value, Value::Map(_)) {
                findings.push(wrong(key, service, "a map: image, ports, …"));
            }
        }
        if self.root.get("services").is_none_or(Node::is_null) {
            let legacy = self.root.map().iter().find(|(_, node)| node.get("image").is_some());
            let at = legacy.map_or(0..0, |(key, _)| key.span.clone());
            findings.push(
                Finding::error("compose-shape", "the compose file has no `services`")
                    .at(at, "here")
                    .remedy("put the services below `services:`"),
            );
        }
        findings
    }

    /// The service over the one of the same file that it extends. A circle ends where it closes; `rules` refuses it.
    fn extended<'a>(&'a self, own: &'a Node, seen: &mut Vec<&'a str>) -> Node {
        let Some(base) = base_of(own).filter(|base| !seen.contains(base)) else { return own.clone() };
        let Some(node) = self.root.get("services").and_then(|services| services.get(base)) else { return own.clone() };
        seen.push(base);
        own.over(&self.extended(node, seen))
    }

    /// What findings call it.
    pub fn file(&self) -> &str {
        &self.file
    }

    pub fn services(&self) -> &BTreeMap<String, Service> {
        &self.services
    }

    fn service(&self, name: &str) -> Result<&Service, ComposeError> {
        self.services.get(name).ok_or_else(|| ComposeError::NoService { service: name.to_owned() })
    }

    /// The name of the image that `service` runs.
    pub fn image(&self, service: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, ComposeError> {
        let missing = || ComposeError::Missing { service: service.to_owned(), key: "image" };
        let image = self.service(service)?.image().ok_or_else(missing)?;
        Variables { service, lookup }.replace("image", image)
    }

    /// What `service` is built from.
    pub fn build(&self, service: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Build, ComposeError> {
        let missing = || ComposeError::Missing { service: service.to_owned(), key: "build" };
        let found = self.service(service)?;
        let build = found.build().ok_or_else(missing)?;
        Build::of(build, found.whole.get("platform"), &Variables { service, lookup })
    }

    /// Names of variables that the file uses: `${NAME}`, and bare names in `environment` and `args`, whose value Compose
    /// takes from the same place.
    pub fn variables(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.root.texts(&mut |text, _| names.extend(mentioned(text)));
        names.extend(self.services.values().flat_map(Service::variables));
        names
    }

    /// Networks and volumes that are not made by Compose, with the values of variables put in.
    pub fn externals(&self, lookup: &dyn Fn(&str) -> Option<String>) -> Vec<External> {
        let mut found = vec![];
        for (section, kind) in [("networks", "network"), ("volumes", "volume")] {
            for (key, node) in self.root.get(section).map(Node::map).unwrap_or_default() {
                let Some(external) = node.get("external") else { continue };
                if matches!(external.value, Value::Bool(false) | Value::Null) {
                    continue;
                }
                let named = node.get("name").or_else(|| external.get("name")).and_then(Node::as_text);
                let name = named.unwrap_or(&key.name);
                let name = interpolate(name, lookup).unwrap_or_else(|_| name.to_owned());
                found.push(External { kind, name, at: key.span.clone() });
            }
        }
        found
    }

    /// Findings about externals that are not there.
    pub fn missing(&self, externals: &[External], host: &str) -> Findings {
        let findings = externals.iter().map(|external| {
            let External { kind, name, at } = external;
            Finding::error("external-missing", format!("{kind} `{name}` is not there on host {host}"))
                .at(at.clone(), "external: Compose does not make it")
                .remedy(format!("make it there (`docker {kind} create {name}`), or remove `external`"))
        });
        Findings::new(&self.file, &self.text, findings.collect())
    }
}

/// The service of the same file that this one extends.
pub(super) fn base_of(service: &Node) -> Option<&str> {
    let extends = service.get("extends")?;
    if extends.get("file").is_some() {
        return None;
    }
    extends.as_text().or_else(|| extends.get("service")?.as_text())
}

impl Service {
    pub fn has_build(&self) -> bool {
        self.build().is_some()
    }

    /// As written.
    pub fn image(&self) -> Option<&str> {
        self.whole.get("image").and_then(Node::as_text)
    }

    pub(super) fn build(&self) -> Option<&Node> {
        self.whole.get("build").filter(|build| !build.is_null())
    }

    /// As written.
    pub fn env_files(&self) -> Vec<&str> {
        let Some(node) = self.whole.get("env_file") else { return vec![] };
        let items = if node.as_text().is_some() { std::slice::from_ref(node) } else { node.list() };
        items.iter().filter_map(|item| item.get("path").unwrap_or(item).as_text()).collect()
    }

    /// In `environment`, with whatever value.
    pub fn sets(&self, variable: &str) -> bool {
        let Some(node) = self.whole.get("environment") else { return false };
        let in_list = |item: &Node| item.as_text().is_some_and(|text| text.split('=').next() == Some(variable));
        node.map().iter().any(|(key, _)| key.name == variable) || node.list().iter().any(in_list)
    }

    /// Names of variables that it uses.
    pub(super) fn variables(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.whole.texts(&mut |text, _| names.extend(mentioned(text)));
        let args = self.build().and_then(|build| build.get("args"));
        names.extend(self.whole.get("environment").into_iter().chain(args).flat_map(bare_names));
        names
    }

    /// Empty: it is always started.
    pub fn profiles(&self) -> Vec<&str> {
        self.own.get("profiles").map(Node::list).unwrap_or_default().iter().filter_map(Node::as_text).collect()
    }
}

/// `$NAME` and `${NAME…}`, nested ones too; a doubled `$` is a literal one.
fn mentioned(text: &str) -> Vec<String> {
    let literal_dollars_gone = text.replace("$$", "");
    let after_dollar = literal_dollars_gone.split('$').skip(1);
    let name = |part: &str| -> String {
        let part = part.strip_prefix('{').unwrap_or(part);
        part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    after_dollar.map(name).filter(|name| !name.is_empty()).collect()
}

/// Names without a value, in a map or a list.
fn bare_names(node: &Node) -> Vec<String> {
    let in_map = node.map().iter().filter(|(_, value)| value.is_null()).map(|(key, _)| key.name.clone());
    let in_list = node.list().iter().filter_map(Node::as_text).filter(|item| !item.contains('='));
    in_map.chain(in_list.map(str::to_owned)).collect()
}

/// Interpolation for one service, so that errors name it.
pub(super) struct Variables<'a> {
    pub service: &'a str,
    pub lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl Variables<'_> {
    pub fn replace(&self, key: &'static str, text: &str) -> Result<String, ComposeError> {
        interpolate(text, self.lookup).map_err(|source| ComposeError::Variable {
            service: self.service.to_owned(),
            key,
            source,
        })
    }
}
