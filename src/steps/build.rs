//! Diff to steps: the order, and nothing but the order.

use std::collections::BTreeMap;

use super::action::{Action, CloudAction, HostAction, HostRef, LocalAction, ReleaseRef};
use super::ec2::ProfileCall;
use super::{Step, StepId, database, host};
use crate::diff::{ContactDiff, DatabaseChanges, DatabaseDiff, Diff, ProfileDiff, ReleaseDiff};
use crate::graph::{DatabaseNode, Graph, HostKind, KeyPairNode, NodeId, ReleaseNode};
use crate::inventory::{CloudKind, Inventory, Tags};
use crate::plan::NodeName;

pub fn build(graph: &Graph, inventory: &Inventory, diff: &Diff) -> Vec<Step> {
    let mut steps = Steps::default();
    let account = Account {
        key_pairs: key_pairs(&mut steps, graph, diff),
        profile: profile(&mut steps, graph, diff),
        contact: contact(&mut steps, graph, diff),
    };
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
    key_pairs: BTreeMap<CloudKind, StepId>,
    pub profile: Option<StepId>,
    pub contact: Option<StepId>,
}

impl Account {
    pub fn key_pair(&self, cloud: CloudKind) -> impl Iterator<Item = &StepId> {
        self.key_pairs.get(&cloud).into_iter()
    }
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
        at: CloudKind,
        node: &NodeId,
        verb: &str,
        action: CloudAction,
        needs: impl IntoIterator<Item = StepId>,
    ) -> StepId {
        self.add(node, verb, Action::Cloud { at, action }, needs)
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

fn key_pairs(steps: &mut Steps, graph: &Graph, diff: &Diff) -> BTreeMap<CloudKind, StepId> {
    let missing = |pair: &&KeyPairNode| diff.key_pairs.iter().any(|d| d.cloud == pair.cloud && !d.exists);
    let import = |pair: &KeyPairNode| {
        let tags = Tags::for_node(&graph.plan, pair.id.as_str());
        let (name, public_key) = (pair.name.clone(), pair.public_key.clone());
        let action = CloudAction::ImportKeyPair { name, public_key, tags };
        (pair.cloud, steps.cloud(pair.cloud, &pair.id, "import", action, []))
    };
    graph.key_pairs.iter().filter(missing).map(import).collect()
}

/// Role, policy, profile, and the role into the profile: each a step, so that a run that was cut off goes on with the next.
fn profile(steps: &mut Steps, graph: &Graph, diff: &Diff) -> Option<StepId> {
    let ProfileDiff::Make { id, name, role, policy, profile, add_role, .. } = &diff.profile else { return None };
    let tags = || Tags::for_node(&graph.plan, id.as_str());
    let mut put = |verb: &str, part: ProfileCall, needs: Vec<StepId>| {
        steps.cloud(CloudKind::Ec2, id, verb, CloudAction::Profile { name: name.clone(), part }, needs)
    };
    let role = role.then(|| put("create_role", ProfileCall::CreateRole { tags: tags() }, vec![]));
    let policy =
        policy.clone().map(|policy| put("policy", ProfileCall::PutPolicy { policy }, role.iter().cloned().collect()));
    let made = profile.then(|| put("create", ProfileCall::CreateProfile { tags: tags() }, vec![]));
    let before: Vec<_> = role.into_iter().chain(policy.clone()).chain(made.clone()).collect();
    let added = add_role.then(|| put("add_role", ProfileCall::AddRole, before));
    added.or(made).or(policy)
}

fn contact(steps: &mut Steps, graph: &Graph, diff: &Diff) -> Option<StepId> {
    let node = NodeId::new("alerts.email");
    let (email, first) = match &diff.contact {
        ContactDiff::None | ContactDiff::Keep { .. } => return None,
        ContactDiff::Create { email } => (email, None),
        ContactDiff::Replace { email, .. } => {
            let delete = CloudAction::DeleteContact;
            (email, Some(steps.cloud(CloudKind::Lightsail, &node, "delete_old", delete, [])))
        }
    };
    let tags = Tags::for_node(&graph.plan, node.as_str());
    let create = CloudAction::CreateContact { email: email.clone(), tags };
    Some(steps.cloud(CloudKind::Lightsail, &node, "create", create, first))
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
    let kind = graph.host(host).map(|host| &host.kind);
    match (diff.target(), kind) {
        (Some(name), Some(HostKind::Cloud(cloud))) => {
            HostRef::Instance { host: host.clone(), at: cloud.cloud(), name: name.clone() }
        }
        (_, Some(HostKind::Existing(existing))) => {
            HostRef::Existing { host: host.clone(), address: existing.address.clone() }
        }
        (_, _) => HostRef::Existing { host: host.clone(), address: String::new() },
    }
}
