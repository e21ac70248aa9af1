//! The steps of one host. Two rules shape the order: whatever can fail slowly (a new instance, its preparation) is
//! done while the old one still serves, and a disk is only taken off an instance that is stopped in good order.

mod ec2;
mod mounts;

use std::collections::BTreeMap;

use super::StepId;
use super::action::{AlarmSpec, CloudAction, HostAction, HostRef, InstanceSpec};
use super::build::{Account, Steps, host_ref};
use crate::diff::{
    AddressDiff, AlarmDiff, Diff, DiskDiff, GrowthStage, HostDiff, InstanceDiff, OldRoot, PortsDiff, ReleaseDiff,
    Replacement,
};
use crate::graph::{CloudHost, DiskNode, Graph, HostKind, HostNode, NodeId};
use crate::inventory::{CloudKind, Instance, InstanceState, Inventory, ResourceName, TAG_CARRIED, Tags};

/// What later steps need to know of a host.
pub(super) struct Built {
    pub on: HostRef,
    at: CloudKind,
    /// The step that makes its instance, if it is new.
    pub created: Option<StepId>,
    /// After these, SSH answers on the host that will serve.
    pub reachable: Vec<StepId>,
    /// After these, a release can go on it.
    pub ready: Vec<StepId>,
    /// Steps that stopped its services for a while.
    pub services_stopped: Vec<StepId>,
    /// Everything that is done with the cloud for it.
    settled: Vec<StepId>,
    /// The instance to delete once the new one serves.
    retire: Option<(crate::graph::NodeId, ResourceName)>,
}

struct Context<'a> {
    graph: &'a Graph,
    inventory: &'a Inventory,
    host: &'a HostNode,
    cloud: &'a CloudHost,
    diff: &'a HostDiff,
    target: ResourceName,
    on: HostRef,
    deploys: bool,
}

pub(super) fn build(
    steps: &mut Steps,
    graph: &Graph,
    inventory: &Inventory,
    host: &HostNode,
    whole: &Diff,
    diff: &HostDiff,
    account: &Account,
) -> Built {
    let on = host_ref(&host.name, diff, graph);
    let deploys = matches!(&whole.release, ReleaseDiff::Deploy { host: on, .. } if on == &host.name);
    match (&host.kind, diff.target()) {
        (HostKind::Cloud(cloud), Some(target)) => {
            let context = Context { graph, inventory, host, cloud, diff, target: target.clone(), on, deploys };
            context.build(steps, account)
        }
        _ => existing(steps, host, on, deploys),
    }
}

/// A server of the user's own: prepared when a release goes on it.
fn existing(steps: &mut Steps, host: &HostNode, on: HostRef, deploys: bool) -> Built {
    let prepared = deploys.then(|| steps.host(&host.id, "prepare", HostAction::Prepare { on: on.clone() }, []));
    let reachable: Vec<_> = prepared.into_iter().collect();
    let ready = reachable.clone();
    // It is in none; nothing is asked of one for its sake.
    let at = CloudKind::Lightsail;
    Built { on, at, created: None, ready, reachable, services_stopped: vec![], settled: vec![], retire: None }
}

/// Once the new instance serves, the old one goes.
pub(super) fn finish(steps: &mut Steps, built: &Built, serves: Vec<StepId>) {
    if let Some((id, old)) = &built.retire {
        let needs: Vec<_> = built.ready.iter().chain(&built.settled).cloned().chain(serves).collect();
        let needs = match built.at {
            CloudKind::Lightsail => needs,
            CloudKind::Ec2 => {
                let unprotect = CloudAction::Protect { instance: old.clone(), on: false };
                vec![steps.cloud(built.at, id, "unprotect_old", unprotect, needs)]
            }
        };
        steps.cloud(built.at, id, "delete_old", CloudAction::DeleteInstance { name: old.clone() }, needs);
    }
}

/// Taking disks off: who must be stopped first, and the step that does it.
#[derive(Default)]
struct Stopped {
    /// None: nobody.
    instance: Option<ResourceName>,
    steps: Vec<StepId>,
    services: Vec<StepId>,
}

impl Context<'_> {
    /// A call to the host's own cloud.
    fn put(
        &self,
        steps: &mut Steps,
        node: &NodeId,
        verb: &str,
        action: CloudAction,
        needs: impl IntoIterator<Item = StepId>,
    ) -> StepId {
        steps.cloud(self.cloud.cloud(), node, verb, action, needs)
    }

    fn build(&self, steps: &mut Steps, account: &Account) -> Built {
        let safety = self.safety_snapshots(steps);
        let firewall = self.firewall(steps);
        let created = self.create(steps, account, &safety, &firewall);
        let mut ports: Vec<_> = self.ports(steps, &created).into_iter().chain(firewall).collect();
        ports.extend(self.mends(steps, account, &ports));
        let early = self.early_reach(steps, &created, &ports);
        // Nothing that serves is stopped before what replaces it is there.
        let successor: Vec<_> = created.iter().chain(&ports).chain(&early).cloned().collect();
        let stopped = self.stop(steps, &successor);
        let disks = self.disks(steps, &created, &stopped);
        let volumes = self.volumes(steps, &safety);
        let left = self.leaving(steps, &stopped);
        let resized = self.resize(steps, &stopped);
        let before_start: Vec<_> = disks.iter().chain(&resized).cloned().collect();
        let started = self.start(steps, &stopped, &before_start);
        let address = self.address(steps, &created, &stopped, &started);
        let alarms = self.alarms(steps, &created, account);
        let instance_up = created.iter().chain(&started).chain(&ports).chain(&address).cloned();
        let reachable = self.reach(steps, instance_up.collect(), &early);
        let attached: Vec<_> = disks.iter().chain(&volumes).cloned().collect();
        let mounted = self.mounts(steps, &reachable, &attached);
        // Nothing starts here before what the old root disk holds is here, and nobody writes there any more.
        let ready = reachable.iter().cloned().chain(mounted).chain(stopped.steps.iter().cloned()).collect();
        let settled = created
            .iter()
            .chain(&ports)
            .chain(&disks)
            .chain(&volumes)
            .chain(&left)
            .chain(&stopped.steps)
            .chain(&started)
            .chain(&address)
            .chain(&alarms)
            .cloned();
        let settled = settled.collect();
        let retire = match &self.diff.instance {
            InstanceDiff::Replace(r) => Some((self.host.id.clone(), r.old.clone())),
            _ => None,
        };
        let (on, at, services_stopped) = (self.on.clone(), self.cloud.cloud(), stopped.services);
        Built { on, at, created, reachable, ready, services_stopped, settled, retire }
    }

    fn replacement(&self) -> Option<&Replacement> {
        match &self.diff.instance {
            InstanceDiff::Replace(replacement) => Some(replacement),
            _ => None,
        }
    }

    fn safety_snapshots(&self, steps: &mut Steps) -> Vec<StepId> {
        let moves = self.diff.disks.iter().filter_map(|d| match d {
            DiskDiff::Move { id, name, safety: Some(snapshot), .. } => Some((id, name, snapshot)),
            _ => None,
        });
        moves
            .map(|(id, disk, snapshot)| {
                let tags = Tags::for_node(&self.graph.plan, id.as_str());
                let action = CloudAction::SnapshotDisk { disk: disk.clone(), snapshot: snapshot.clone(), tags };
                self.put(steps, id, "snapshot", action, [])
            })
            .collect()
    }

    fn create(&self, steps: &mut Steps, account: &Account, after: &[StepId], firewall: &[StepId]) -> Option<StepId> {
        let wanted = match &self.diff.instance {
            InstanceDiff::Create { .. } => true,
            InstanceDiff::Replace(r) => !r.new_exists,
            InstanceDiff::Keep { .. } | InstanceDiff::Resize { .. } | InstanceDiff::Existing => false,
        };
        let spec = InstanceSpec {
            name: self.target.clone(),
            zone: self.zone(),
            size: self.cloud.size.clone(),
            image: self.cloud.image.clone(),
            user_data: self.cloud.user_data.script.clone(),
            key_pair: self.cloud.key_pair.clone(),
            tags: self.cloud.tags(&self.graph.plan, &self.host.id),
            ec2: self.ec2_spec(),
        };
        let of_ec2 = account.profile.iter().filter(|_| self.cloud.cloud() == CloudKind::Ec2).chain(firewall);
        let needs = account.key_pair(self.cloud.cloud()).chain(of_ec2).chain(after).cloned();
        wanted.then(|| self.put(steps, &self.host.id, "create", CloudAction::CreateInstance(spec), needs))
    }

    /// Where the plan leaves it open, EC2's network decides.
    fn zone(&self) -> String {
        self.diff.ec2.as_ref().map_or(&self.cloud.zone, |ec2| &ec2.zone).clone()
    }

    fn ports(&self, steps: &mut Steps, created: &Option<StepId>) -> Option<StepId> {
        let (PortsDiff::Put { .. }, CloudKind::Lightsail) = (&self.diff.ports, self.cloud.cloud()) else { return None };
        let action = CloudAction::PutPorts { instance: self.target.clone(), ports: self.cloud.ports.clone() };
        Some(self.put(steps, &self.host.id.child("ports"), "put", action, created.clone()))
    }

    /// A replacement waits for its new instance at that one's own address, while the old one still serves.
    fn early_reach(&self, steps: &mut Steps, created: &Option<StepId>, ports: &[StepId]) -> Vec<StepId> {
        let serves_elsewhere = self.replacement().is_some_and(|r| r.old_running);
        if !serves_elsewhere || !self.works() {
            return vec![];
        }
        let needs = created.iter().chain(ports).cloned();
        vec![steps.host(&self.host.id, "wait_new", HostAction::Wait { on: self.on.clone() }, needs)]
    }

    /// Stop, in good order, the instance that disks are to leave.
    fn stop(&self, steps: &mut Steps, after: &[StepId]) -> Stopped {
        let leaving = self.diff.disks.iter().find_map(|d| match d {
            DiskDiff::Move { from, .. } => Some(from),
            DiskDiff::Grow { stage: GrowthStage::Attached { to, .. }, .. } => Some(to),
            _ => None,
        });
        let old = self.replacement().map(|r| &r.old);
        let resized = match &self.diff.instance {
            InstanceDiff::Resize { name, .. } => Some(name),
            _ => None,
        };
        let Some(instance) = leaving.or(old).or(resized).and_then(|name| self.inventory.instance(name)) else {
            return Stopped::default();
        };
        if instance.state == InstanceState::Stopped {
            return Stopped::default();
        }
        self.stop_instance(steps, instance, after)
    }

    fn stop_instance(&self, steps: &mut Steps, instance: &Instance, after: &[StepId]) -> Stopped {
        let on = self.reference(&instance.name);
        let runs = instance.state == InstanceState::Running;
        let serves = self.graph.release.as_ref().is_some_and(|r| r.host == self.host.name);
        // Where nothing came nothing runs, and the system may still be setting itself up.
        let is_empty = self.replacement().is_some_and(|r| r.root == OldRoot::Nothing && r.old == instance.name);
        let carries = runs && !is_empty && (serves || self.carries());
        let services: Vec<_> = carries
            .then(|| steps.host(&self.host.id, "stop_services", HostAction::StopServices { on }, after.iter().cloned()))
            .into_iter()
            .collect();
        let carried = self.carry(steps, instance, &services, after);
        let needs = services.iter().chain(&carried).chain(after).cloned();
        let stop = CloudAction::StopInstance { name: instance.name.clone() };
        let instance = Some(instance.name.clone());
        Stopped { instance, steps: vec![self.put(steps, &self.host.id, "stop", stop, needs)], services }
    }

    fn reference(&self, instance: &ResourceName) -> HostRef {
        HostRef::Instance { host: self.host.name.clone(), at: self.cloud.cloud(), name: instance.clone() }
    }

    /// What the old root disk holds goes to the new one while both run and nobody writes; then the old instance says so.
    fn carry(&self, steps: &mut Steps, old: &Instance, services: &[StepId], after: &[StepId]) -> Option<StepId> {
        let OldRoot::Known { carried, state, .. } = &self.replacement()?.root else { return None };
        let needs = || services.iter().chain(after).cloned();
        let copied = (*state || !carried.is_empty()).then(|| {
            let from = self.reference(&old.name);
            let action = HostAction::Carry { on: self.on.clone(), from, data: carried.clone(), state: *state };
            steps.host(&self.host.id, "carry", action, needs())
        });
        let tags = Tags(BTreeMap::from([(TAG_CARRIED.to_owned(), self.target.to_string())]));
        let tag = CloudAction::Tag { name: old.name.clone(), tags };
        Some(self.put(steps, &self.host.id, "tag_old", tag, needs().chain(copied)))
    }

    /// Per disk of the diff: the step after which it is attached.
    fn disks(&self, steps: &mut Steps, created: &Option<StepId>, stopped: &Stopped) -> Vec<StepId> {
        let nodes = self.diff.disks.iter().filter_map(|d| Some((d, self.node(d)?)));
        nodes.filter_map(|(diff, node)| self.disk(steps, diff, node, created, stopped)).collect()
    }

    fn path(&self, node: &DiskNode) -> String {
        self.diff.paths.get(&node.id).cloned().unwrap_or_default()
    }

    fn node(&self, diff: &DiskDiff) -> Option<&DiskNode> {
        self.host.disks.iter().find(|n| &n.id == diff.id())
    }

    fn disk(
        &self,
        steps: &mut Steps,
        diff: &DiskDiff,
        node: &DiskNode,
        created: &Option<StepId>,
        stopped: &Stopped,
    ) -> Option<StepId> {
        let after_detach: Vec<StepId> = match diff {
            DiskDiff::Keep { .. } | DiskDiff::Mount { .. } | DiskDiff::Rename { .. } => return None,
            DiskDiff::Create { exists: true, .. } => vec![],
            DiskDiff::Create { name, .. } => {
                let create = CloudAction::CreateDisk {
                    name: name.clone(),
                    zone: self.zone(),
                    size_gb: node.size_gb,
                    volume: node.volume,
                    tags: Tags::for_node(&self.graph.plan, node.id.as_str()),
                };
                vec![self.put(steps, &node.id, "create", create, [])]
            }
            DiskDiff::Move { name, .. } => {
                let detach = CloudAction::DetachDisk { name: name.clone() };
                vec![self.put(steps, &node.id, "detach", detach, stopped.steps.iter().cloned())]
            }
            DiskDiff::Grow { old, stage, new, .. } => vec![self.grow(steps, node, old, stage, new, stopped)],
        };
        let attach = CloudAction::AttachDisk {
            name: diff.resource().clone(),
            instance: self.target.clone(),
            path: self.path(node),
        };
        Some(self.put(steps, &node.id, "attach", attach, created.iter().cloned().chain(after_detach)))
    }

    /// Disks of an instance that goes and that do not go with it, nor move.
    fn leaving(&self, steps: &mut Steps, stopped: &Stopped) -> Vec<StepId> {
        let detach = |name: &ResourceName| {
            let action = CloudAction::DetachDisk { name: name.clone() };
            self.put(steps, &self.host.id, &format!("detach_{name}"), action, stopped.steps.iter().cloned())
        };
        self.diff.leaving.iter().map(detach).collect()
    }

    fn grow(
        &self,
        steps: &mut Steps,
        node: &DiskNode,
        old: &ResourceName,
        stage: &GrowthStage,
        new: &ResourceName,
        stopped: &Stopped,
    ) -> StepId {
        let tags = Tags::for_node(&self.graph.plan, node.id.as_str());
        let (snapshot, taken, detached) = match stage {
            GrowthStage::Attached { snapshot, .. } => {
                let detach = CloudAction::DetachDisk { name: old.clone() };
                (snapshot, false, Some(self.put(steps, &node.id, "detach", detach, stopped.steps.iter().cloned())))
            }
            GrowthStage::Detached { snapshot, taken } => (snapshot, *taken, None),
        };
        let ready = (!taken).then(|| {
            let take = CloudAction::SnapshotDisk { disk: old.clone(), snapshot: snapshot.clone(), tags: tags.clone() };
            self.put(steps, &node.id, "snapshot", take, detached.clone())
        });
        let create = CloudAction::CreateDiskFromSnapshot {
            name: new.clone(),
            snapshot: snapshot.clone(),
            zone: self.zone(),
            size_gb: node.size_gb,
            tags,
        };
        self.put(steps, &node.id, "create_larger", create, ready.into_iter().chain(detached))
    }

    /// Start the target if it is stopped, or was for its disks' sake.
    fn start(&self, steps: &mut Steps, stopped: &Stopped, attached: &[StepId]) -> Option<StepId> {
        let is_stopped = |name: &ResourceName| {
            let state = self.inventory.instance(name).map(|instance| instance.state);
            matches!(state, Some(InstanceState::Stopped | InstanceState::Stopping))
        };
        let (name, is_down) = match &self.diff.instance {
            InstanceDiff::Keep { name, start } => (name, *start),
            InstanceDiff::Resize { name, .. } => (name, true),
            // An earlier run got as far as its disks, which the plan wants otherwise by now.
            InstanceDiff::Replace(r) if r.new_exists => (&r.new, is_stopped(&r.new)),
            _ => return None,
        };
        let needed = is_down || stopped.instance.as_ref() == Some(name);
        let needs = stopped.steps.iter().chain(attached).cloned();
        needed
            .then(|| self.put(steps, &self.host.id, "start", CloudAction::StartInstance { name: name.clone() }, needs))
    }

    fn address(
        &self,
        steps: &mut Steps,
        created: &Option<StepId>,
        stopped: &Stopped,
        started: &Option<StepId>,
    ) -> Option<StepId> {
        let node = self.host.id.child("address");
        match &self.diff.address {
            AddressDiff::None | AddressDiff::Keep { .. } => None,
            AddressDiff::Attach { name, allocate, detach_from } => {
                let tags = Tags::for_node(&self.graph.plan, node.as_str());
                let allocate = allocate.then(|| CloudAction::AllocateAddress { name: name.clone(), tags });
                let allocated = allocate.map(|action| self.put(steps, &node, "allocate", action, []));
                let detached = detach_from.as_ref().map(|_| {
                    let detach = CloudAction::DetachAddress { name: name.clone() };
                    self.put(steps, &node, "detach", detach, stopped.steps.iter().cloned())
                });
                let needs = created.iter().chain(started).cloned().chain(allocated).chain(detached);
                let attach = CloudAction::AttachAddress { name: name.clone(), instance: self.target.clone() };
                Some(self.put(steps, &node, "attach", attach, needs))
            }
            AddressDiff::Release { name, attached } => {
                let detached = attached
                    .then(|| self.put(steps, &node, "detach", CloudAction::DetachAddress { name: name.clone() }, []));
                Some(self.put(steps, &node, "release", CloudAction::ReleaseAddress { name: name.clone() }, detached))
            }
        }
    }

    fn alarms(&self, steps: &mut Steps, created: &Option<StepId>, account: &Account) -> Vec<StepId> {
        let mut done = vec![];
        for alarm in &self.diff.alarms {
            match alarm {
                AlarmDiff::Keep { .. } => {}
                AlarmDiff::Put { alarm, .. } => {
                    let spec = AlarmSpec {
                        name: alarm.name.clone(),
                        monitored: self.target.clone(),
                        metric: alarm.metric.clone(),
                        comparison: alarm.comparison,
                        threshold: alarm.threshold,
                        evaluation_periods: alarm.evaluation_periods,
                        notify_email: self.graph.contact.is_some(),
                        tags: Tags::for_node(&self.graph.plan, alarm.id.as_str()),
                    };
                    let needs = created.iter().chain(&account.contact).cloned();
                    done.push(self.put(steps, &alarm.id, "put", CloudAction::PutAlarm(spec), needs));
                }
                AlarmDiff::Delete { id, name } => {
                    done.push(self.put(steps, id, "delete", CloudAction::DeleteAlarm { name: name.clone() }, []));
                }
            }
        }
        done
    }

    /// Is anything to be copied off the old root disk?
    fn carries(&self) -> bool {
        self.replacement().is_some_and(|r| match &r.root {
            OldRoot::Known { carried, state, .. } => *state || !carried.is_empty(),
            OldRoot::Carried | OldRoot::Unknown | OldRoot::Nothing => false,
        })
    }

    /// Is anything to be done on the host itself?
    fn works(&self) -> bool {
        // Services of a machine that gets another size have to serve again.
        let serves = self.graph.release.as_ref().is_some_and(|release| release.host == self.host.name);
        let resized = serves && matches!(self.diff.instance, InstanceDiff::Resize { .. });
        self.deploys || resized || self.carries() || self.diff.disks.iter().any(|d| self.must_mount(d))
    }

    /// Wait for SSH where something is to be done on the host.
    fn reach(&self, steps: &mut Steps, after: Vec<StepId>, early: &[StepId]) -> Vec<StepId> {
        let changed = !matches!(self.diff.instance, InstanceDiff::Keep { start: false, .. })
            || after.iter().any(|s| s.0.ends_with("/start") || s.0.ends_with("/attach"));
        let prepared = self.inventory.facts(&self.host.name).is_some_and(|f| f.prepared);
        if !self.works() || (prepared && !changed) {
            return vec![];
        }
        let needs = after.into_iter().chain(early.iter().cloned());
        vec![steps.host(&self.host.id, "wait", HostAction::Wait { on: self.on.clone() }, needs)]
    }
}
