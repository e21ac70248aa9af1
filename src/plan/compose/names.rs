//! Names that one part of a compose file uses and another has to define.

use super::file::ComposeFile;
use super::node::{Node, Value};
use super::rules::Bundled;
use super::sources::{Mount, mounts, reference};
use crate::plan::finding::Finding;
use crate::plan::rules::nearest;

/// Of started services: Compose refuses these, after everything was built and sent.
pub(super) fn undefined(compose: &ComposeFile, bundled: &Bundled<'_>) -> Vec<Finding> {
    let mut findings = vec![];
    for (name, service) in compose.active(bundled) {
        let own = &service.own;
        let mut uses: Vec<(&str, String, &Node)> = vec![];
        for (mount, node) in mounts(own, bundled) {
            if let Mount::Volume(volume) = mount {
                uses.push(("volumes", volume, node));
            }
        }
        uses.extend(
            keys(own.get("networks")).filter(|(network, _)| network != "default").map(|(n, at)| ("networks", n, at)),
        );
        for section in ["secrets", "configs"] {
            let items = own.get(section).map(Node::list).unwrap_or_default();
            uses.extend(items.iter().filter_map(|item| Some((section, reference(item)?, item))));
        }
        uses.extend(services_of(own).map(|(other, at)| ("services", other, at)));
        for (section, used, at) in uses {
            let known: Vec<&str> = compose
                .root
                .get(section)
                .map(Node::map)
                .unwrap_or_default()
                .iter()
                .map(|(key, _)| key.name.as_str())
                .collect();
            if known.contains(&used.as_str()) || used.contains('$') {
                continue;
            }
            if used.is_empty() {
                let finding = Finding::error("undefined-name", format!("`{name}` mounts something that has no name"));
                findings.push(finding.at(at.span.clone(), "a variable without a value?"));
                continue;
            }
            let noun = section.trim_end_matches('s');
            let finding =
                Finding::error("undefined-name", format!("`{name}` uses {noun} `{used}`, which is not defined"))
                    .at(at.span.clone(), format!("no such {noun}"));
            findings.push(match nearest(&used, &known) {
                Some(meant) => finding.remedy(format!("did you mean `{meant}`?")),
                None => finding.remedy(format!("define it below `{section}:`")),
            });
        }
    }
    findings
}

/// Names in a list, or keys of a map whose values do not say that they may be absent.
fn keys(node: Option<&Node>) -> impl Iterator<Item = (String, &Node)> {
    let in_list =
        node.map(Node::list).unwrap_or_default().iter().filter_map(|item| Some((item.as_text()?.to_owned(), item)));
    let map = node.map(Node::map).unwrap_or_default().iter();
    let required = |node: &Node| node.get("required").is_none_or(|value| value.value != Value::Bool(false));
    let in_map = map.filter(move |(_, value)| required(value)).map(|(key, value)| (key.name.clone(), value));
    in_list.chain(in_map)
}

/// Other services that a service cannot start without.
pub(super) fn services_of(own: &Node) -> impl Iterator<Item = (String, &Node)> {
    let first = |text: &str| text.split(':').next().unwrap_or_default().to_owned();
    let links = own.get("links").map(Node::list).unwrap_or_default().iter();
    let links = links.filter_map(move |item| Some((first(item.as_text()?), item)));
    let from = own.get("volumes_from").map(Node::list).unwrap_or_default().iter();
    let from = from.filter_map(move |item| {
        let text = item.as_text()?;
        (!text.starts_with("container:")).then(|| (first(text), item))
    });
    let shared = ["network_mode", "pid", "ipc"].into_iter().filter_map(|key| {
        let node = own.get(key)?;
        Some((node.as_text()?.strip_prefix("service:")?.to_owned(), node))
    });
    keys(own.get("depends_on")).chain(links).chain(from).chain(shared)
}
