//! Diff to steps: the order, and nothing but the order.

use std::collections::BTreeMap;

use super::action::{Action, CloudAction, HostAction, HostRef, LocalAction, ReleaseRef};
use super::{Step, StepId, database, host};
use crate::diff::{ContactDiff, DatabaseChanges, DatabaseDiff, Diff, KeyPairDiff, ReleaseDiff};
use crate::graph::{DatabaseNode, Graph, NodeId, ReleaseNode};
use crate::inventory::{Inventory, Tags};
use crate::plan::NodeName;

pub fn build(graph: &Graph, inventory: &Inventory, diff: &Diff) -> Vec<Step> {
    let mut steps = Steps::default();
    let account = Account { key_pair: key_pair(&mut steps, graph, diff), contact: contact(&mut steps, graph, diff) };
    let hosts: BTreeMap<NodeName, host::Built> = diff
        .hosts
        .iter()
        .filter_map(|d| Some((d, graph.host(&d.host)?)))
        .map(|(d, node)| (d.host.clone(), host::build(&mut steps, graph, inventory, node, diff, d, &account)))
        .collect();
    let differs = database_changes(graph, diff);
    let let_in = differs.map_or_else(Vec::new, |(node, changes)| {
        let created = hosts.get(&node.host).and_then(|built| built.created.as_ref());
        database::let_in(&mut steps, node, changes, created)
    });
    let released = release(&mut steps, graph, diff, &hosts, &let_in);
    if let Some((node, changes)) = differs {
        database::mend(&mut steps, node, changes);
        let after: Vec<_> = let_in.iter().chain(released.iter().map(|r| &r.step)).cloned().collect();
        database::shut_out(&mut steps, node, changes, &after);
    }
    for (name, built) in &hosts {
        let serves = released.iter().filter(|r| &r.host == name).map(|r| r.step.clone());
        host::finish(&mut steps, built, serves.collect());
    }
    steps.done
}

/// A release on a host that is as planned, whether or not anything has changed.
pub fn deploy(graph: &Graph, diff: &Diff) -> Vec<Step> {
    let mut steps = Steps::default();
    let Some(release) = &graph.release else { return vec![] };
    let Some(on) = diff.hosts.iter().find(|h| h.host == release.host) else { return vec![] };
    let on = host_ref(&release.host, on, graph);
    put_release(&mut steps, release, &on, vec![], vec![]);
    steps.done
}

/// What hosts wait for.
pub(super) struct Account {
    pub key_pair: Option<StepId>,
    pub contact: Option<StepId>,
}

#[derive(Default)]
pub(super) struct Steps {
    done: Vec<Step>,
}

impl Steps {
    pub fn into_vec(self) -> Vec<Step> {
        self.done
    }

    pub fn add(
        &mut self,
        node: &NodeId,
        verb: &str,
        action: Action,
        needs: impl IntoIterator<Item = StepId>,
    ) -> StepId {
        let id = StepId(format!("{node}/{verb}"));
        let mut needs: Vec<_> = needs.into_iter().collect();
        needs.sort();
        needs.dedup();
        self.done.push(Step { id: id.clone(), node: node.clone(), action, needs });
        id
    }

    pub fn cloud(
        &mut self,
        node: &NodeId,
        verb: &str,
        action: CloudAction,
        needs: impl IntoIterator<Item = StepId>,
    ) -> StepId {
        self.add(node, verb, Action::Cloud(action), needs)
    }

    pub fn host(
        &mut self,
        node: &NodeId,
        verb: &str,
        action: HostAction,
        needs: impl IntoIterator<Item = StepId>,
    ) -> StepId {
        self.add(node, verb, Action::Host(action), needs)
    }
}

fn key_pair(steps: &mut Steps, graph: &Graph, diff: &Diff) -> Option<StepId> {
    let (KeyPairDiff::Create { name }, Some(pair)) = (&diff.key_pair, &graph.key_pair) else { return None };
    let action = CloudAction::ImportKeyPair { name: name.clone(), public_key: pair.public_key.clone() };
    Some(steps.cloud(&NodeId::new("key_pair"), "import", action, []))
}

fn contact(steps: &mut Steps, graph: &Graph, diff: &Diff) -> Option<StepId> {
    let node = NodeId::new("alerts.email");
    let (email, first) = match &diff.contact {
        ContactDiff::None | ContactDiff::Keep { .. } => return None,
        ContactDiff::Create { email } => (email, None),
        ContactDiff::Replace { email, .. } => {
            (email, Some(steps.cloud(&node, "delete_old", CloudAction::DeleteContact, [])))
        }
    };
    let tags = Tags::for_node(&graph.plan, node.as_str());
    Some(steps.cloud(&node, "create", CloudAction::CreateContact { email: email.clone(), tags }, first))
}

struct Released {
    host: NodeName,
    step: StepId,
}

fn database_changes<'a>(graph: &'a Graph, diff: &'a Diff) -> Option<(&'a DatabaseNode, &'a DatabaseChanges)> {
    match (&graph.database, &diff.database) {
        (Some(node), DatabaseDiff::Compared(changes)) => Some((node, changes)),
        _ => None,
    }
}

/// `let_in`: what its clients need of their database.
fn release(
    steps: &mut Steps,
    graph: &Graph,
    diff: &Diff,
    hosts: &BTreeMap<NodeName, host::Built>,
    let_in: &[StepId],
) -> Option<Released> {
    let node = NodeId::new("bundle");
    let release = graph.release.as_ref()?;
    let built = hosts.get(&release.host)?;
    let ready = || built.ready.iter().chain(let_in).cloned();
    if !matches!(diff.release, ReleaseDiff::Deploy { .. }) {
        // The disk was away for a while, and its services were stopped for that: the same release starts again.
        let stopped = !built.services_stopped.is_empty();
        let action = HostAction::Release { on: built.on.clone(), release: release_ref(release) };
        let step = stopped.then(|| steps.host(&node, "start", action, ready()))?;
        return Some(Released { host: release.host.clone(), step });
    }
    let step = put_release(steps, release, &built.on, built.reachable.clone(), ready().collect());
    Some(Released { host: release.host.clone(), step })
}

/// Images built here, sent to the host, put in service.
fn put_release(
    steps: &mut Steps,
    release: &ReleaseNode,
    on: &HostRef,
    reachable: Vec<StepId>,
    mut ready: Vec<StepId>,
) -> StepId {
    let node = NodeId::new("bundle");
    let what = release_ref(release);
    if !release.push.is_empty() {
        let services = release.push.iter().map(ToString::to_string).collect();
        let local = LocalAction::BuildImages { services, release: what.clone() };
        let images = steps.add(&node, "build_images", Action::Local(local), []);
        let push = HostAction::PushImages { on: on.clone(), release: what.clone() };
        ready.push(steps.host(&node, "push_images", push, reachable.into_iter().chain([images])));
    }
    steps.host(&node, "release", HostAction::Release { on: on.clone(), release: what }, ready)
}

fn release_ref(release: &ReleaseNode) -> ReleaseRef {
    ReleaseRef { hash: release.hash.clone(), timeout_seconds: release.health_timeout.as_secs() }
}

/// The way to a host, as every step on it says it.
pub(super) fn host_ref(host: &NodeName, diff: &crate::diff::HostDiff, graph: &Graph) -> HostRef {
    match diff.target() {
        Some(name) => HostRef::Instance { host: host.clone(), name: name.clone() },
        None => {
            let address = graph.host(host).map(|h| match &h.kind {
                crate::graph::HostKind::Existing(existing) => existing.address.clone(),
                crate::graph::HostKind::Cloud(cloud) => cloud.base.to_string(),
            });
            HostRef::Existing { host: host.clone(), address: address.unwrap_or_default() }
        }
    }
}
