//! Files and folders beside the compose file that services need: they must travel, and nothing may be written to them.

use super::file::ComposeFile;
use super::interpolate::interpolate;
use super::node::{Node, Value};
use super::rules::{Bundled, Presence};
use crate::plan::finding::Finding;

/// One entry of a service's `volumes`.
pub(super) enum Mount {
    Bind { source: String, read_only: bool },
    Volume(String),
}

/// What a service mounts, with the values of variables put in. Anonymous volumes have no source.
pub(super) fn mounts<'a>(own: &'a Node, bundled: &Bundled<'_>) -> Vec<(Mount, &'a Node)> {
    let items = own.get("volumes").map(Node::list).unwrap_or_default().iter();
    let text = |node: Option<&Node>| interpolate(node?.as_text()?, bundled.lookup).ok();
    let mount = |node: &'a Node| -> Option<(Mount, &'a Node)> {
        if let Some(short) = text(Some(node)) {
            return Some((short_form(&short)?, node));
        }
        let at = node.get("source")?;
        let source = text(Some(at))?;
        match node.get("type").and_then(Node::as_text)? {
            "bind" => {
                let read_only = node.get("read_only").is_some_and(|value| value.value == Value::Bool(true));
                Some((Mount::Bind { source, read_only }, at))
            }
            "volume" => Some((Mount::Volume(source), at)),
            _ => None,
        }
    };
    items.filter_map(mount).collect()
}

/// `SOURCE:TARGET[:MODE]`; a source that is a path says so by its first character.
fn short_form(text: &str) -> Option<Mount> {
    let mut parts = text.split(':');
    let (source, _target) = (parts.next()?, parts.next()?);
    let read_only = parts.next().is_some_and(|mode| mode.split(',').any(|word| word == "ro"));
    let source = source.to_owned();
    Some(if source.starts_with(['.', '/', '~']) { Mount::Bind { source, read_only } } else { Mount::Volume(source) })
}

/// A path relative to the compose file, without `.` and `..`; None: it is none, or it leads out.
pub(super) fn inside(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = vec![];
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    (!path.starts_with(['/', '~'])).then(|| parts.join("/"))
}

fn is_relative(path: &str) -> bool {
    !path.starts_with(['/', '~'])
}

/// The one who is named by a use of a secret or config.
pub(super) fn reference(item: &Node) -> Option<String> {
    item.as_text().or_else(|| item.get("source")?.as_text()).map(str::to_owned)
}

pub(super) fn binds(compose: &ComposeFile, bundled: &Bundled<'_>) -> Vec<Finding> {
    let mut findings = vec![];
    for (name, service) in compose.active(bundled) {
        for (mount, node) in mounts(&service.own, bundled) {
            match mount {
                Mount::Bind { source, read_only: false } if is_relative(&source) => findings.push(
                    Finding::error("writable-bind", format!("`{name}` may write to {source}"))
                        .at(node.span.clone(), "in the release's folder")
                        .reason("each release has a folder of its own: what is written there, the next one does not have")
                        .remedy(
                            "data: a named volume, or a disk of the plan (`${INFRA_DISK_NAME}/…`); configuration: `:ro`",
                        ),
                ),
                Mount::Bind { source, .. } if is_relative(&source) => {
                    findings.extend(not_sent(bundled, name, &source, node));
                }
                Mount::Bind { .. } | Mount::Volume(_) => {}
            }
        }
    }
    findings
}

pub(super) fn env_files(compose: &ComposeFile, bundled: &Bundled<'_>) -> Vec<Finding> {
    let mut findings = vec![];
    for (name, service) in compose.active(bundled) {
        let Some(node) = service.own.get("env_file") else { continue };
        let items = if node.as_text().is_some() { std::slice::from_ref(node) } else { node.list() };
        for item in items {
            let required = item.get("required").is_none_or(|value| value.value != Value::Bool(false));
            let at = item.get("path").unwrap_or(item);
            let path = at.as_text().and_then(|text| interpolate(text, bundled.lookup).ok());
            let Some(path) = path.filter(|path| required && is_relative(path)) else { continue };
            if inside(&path).as_deref() == Some(".env") {
                findings.push(
                    Finding::warning("own-env-file", format!("`{name}` reads .env, which is infra's own on the host"))
                        .at(at.span.clone(), "not the file of this folder")
                        .reason("it holds the plan's `vars` and what infra says of the host")
                        .remedy(
                            "put what is no secret into `vars`; for secrets, `env_file: ${INFRA_SECRETS}/NAME.env`",
                        ),
                );
            } else {
                findings.extend(not_sent(bundled, name, &path, at));
            }
        }
    }
    findings
}

/// Files of secrets and configs that started services use, and those that Compose itself does not keep.
pub(super) fn definitions(compose: &ComposeFile, bundled: &Bundled<'_>) -> Vec<Finding> {
    let mut findings = vec![];
    for (name, service) in compose.active(bundled) {
        for section in ["secrets", "configs"] {
            for item in service.own.get(section).map(Node::list).unwrap_or_default() {
                let Some(used) = reference(item) else { continue };
                let Some(definition) = compose.root.get(section).and_then(|all| all.get(&used)) else { continue };
                let noun = section.trim_end_matches('s');
                if definition.get("external").is_some_and(|value| value.value == Value::Bool(true)) {
                    findings.push(
                        Finding::error("external-secret", format!("{noun} `{used}` is external"))
                            .at(item.span.clone(), format!("of service {name}"))
                            .reason("only a swarm keeps these; Compose on a host has none")
                            .remedy("`file: ${INFRA_SECRETS}/NAME`, with NAME in the plan's `secrets`"),
                    );
                }
                let file =
                    definition.get("file").and_then(|at| Some((at, interpolate(at.as_text()?, bundled.lookup).ok()?)));
                if let Some((at, path)) = file.filter(|(_, path)| is_relative(path)) {
                    findings.extend(not_sent(bundled, name, &path, at));
                }
            }
        }
    }
    findings
}

/// What is not on the host when the release starts.
fn not_sent(bundled: &Bundled<'_>, service: &str, path: &str, at: &Node) -> Option<Finding> {
    let presence = inside(path).map(|path| (bundled.presence)(&path));
    let (label, remedy) = match presence {
        Some(Presence::Sent) => return None,
        Some(Presence::Ignored) => {
            ("named in .gitignore or .infraignore", "take it out of there; a secret belongs into the plan's `secrets`")
        }
        Some(Presence::Absent) => ("not in the bundle", "add it: paths are relative to the compose file"),
        None => ("outside of the bundle", "move it into the bundle: only its folder is sent"),
    };
    let finding = Finding::error("not-sent", format!("{path}, which `{service}` needs, does not get to the host"));
    Some(finding.at(at.span.clone(), label).remedy(remedy))
}
