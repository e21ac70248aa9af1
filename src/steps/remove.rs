//! Steps that take a plan's resources away: `infra down`. Disks and snapshots stay unless the scope says otherwise.

use super::action::{CloudAction, HostAction, HostRef};
use super::build::Steps;
use super::{Step, StepId};
use crate::graph::{Graph, HostNode, Names, NodeId};
use crate::inventory::{Address, Disk, Instance, InstanceState, Inventory, ResourceName, TAG_NODE, Tags};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Disks and snapshots stay.
    KeepData,
    /// Everything goes.
    IncludeData,
    /// Only disks and snapshots that no host uses any more.
    LeftOver,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Removal {
    pub steps: Vec<Step>,
    /// What is not removed, in words.
    pub stays: Vec<String>,
}

pub fn remove(graph: &Graph, inventory: &Inventory, scope: Scope) -> Removal {
    let mut removal = Remove { graph, inventory, steps: Steps::default(), stays: vec![] };
    if scope != Scope::LeftOver {
        removal.alarms();
        removal.contact();
    }
    let mut gone = vec![];
    if scope != Scope::LeftOver {
        for host in &graph.hosts {
            gone.extend(removal.host(host));
        }
        removal.key_pair(&gone);
    }
    removal.data(scope, &gone);
    Removal { steps: removal.steps.into_vec(), stays: removal.stays }
}

struct Remove<'a> {
    graph: &'a Graph,
    inventory: &'a Inventory,
    steps: Steps,
    stays: Vec<String>,
}

fn node_of(tags: &Tags) -> NodeId {
    NodeId::new(tags.get(TAG_NODE).unwrap_or("plan"))
}

impl Remove<'_> {
    fn alarms(&mut self) {
        for alarm in self.inventory.alarms.iter().filter(|a| a.tags.is_plan(&self.graph.plan)) {
            let action = CloudAction::DeleteAlarm { name: alarm.name.clone() };
            self.steps.cloud(&node_of(&alarm.tags), &format!("delete_{}", alarm.name), action, []);
        }
    }

    fn contact(&mut self) {
        match self.inventory.contacts.first() {
            Some(contact) if contact.tags.is_plan(&self.graph.plan) => {
                self.steps.cloud(&node_of(&contact.tags), "delete", CloudAction::DeleteContact, []);
            }
            Some(contact) => self.stays.push(format!("e-mail contact {}: not made by this plan", contact.email)),
            None => {}
        }
    }

    fn host(&mut self, host: &HostNode) -> Vec<StepId> {
        if let crate::graph::HostKind::Existing(existing) = &host.kind {
            self.stays.push(format!("host {} ({}): not made by this plan", host.name, existing.address));
            return vec![];
        }
        let instances: Vec<_> = self.inventory.instances_of(&self.graph.plan, host.id.as_str()).cloned().collect();
        let mut gone: Vec<_> = instances.iter().map(|i| self.instance(host, i)).collect();
        if let Some(address) = self.inventory.address(&Names(&self.graph.plan).address(&host.name)).cloned() {
            gone.push(self.address(host, &address));
        }
        gone
    }

    fn instance(&mut self, host: &HostNode, instance: &Instance) -> StepId {
        let on = HostRef::Instance { host: host.name.clone(), name: instance.name.clone() };
        let verb = |verb: &str| format!("{verb}_{}", instance.name);
        let running = instance.state != InstanceState::Stopped;
        let carries = self.graph.release.as_ref().is_some_and(|r| r.host == host.name);
        let quiet = (instance.state == InstanceState::Running && carries)
            .then(|| self.steps.host(&host.id, &verb("stop_services"), HostAction::StopServices { on }, []));
        let stop = CloudAction::StopInstance { name: instance.name.clone() };
        let stopped = running.then(|| self.steps.cloud(&host.id, &verb("stop"), stop, quiet));
        let disks: Vec<_> =
            self.inventory.disks.iter().filter(|d| d.attached_to.as_ref() == Some(&instance.name)).cloned().collect();
        let detached: Vec<_> = disks.iter().map(|d| self.detach(d, &stopped)).collect();
        let delete = CloudAction::DeleteInstance { name: instance.name.clone() };
        self.steps.cloud(&host.id, &verb("delete"), delete, stopped.into_iter().chain(detached))
    }

    fn detach(&mut self, disk: &Disk, stopped: &Option<StepId>) -> StepId {
        let action = CloudAction::DetachDisk { name: disk.name.clone() };
        self.steps.cloud(&node_of(&disk.tags), &format!("detach_{}", disk.name), action, stopped.clone())
    }

    fn address(&mut self, host: &HostNode, address: &Address) -> StepId {
        let node = host.id.child("address");
        let detach = CloudAction::DetachAddress { name: address.name.clone() };
        let detached = address.attached_to.is_some().then(|| self.steps.cloud(&node, "detach", detach, []));
        self.steps.cloud(&node, "release", CloudAction::ReleaseAddress { name: address.name.clone() }, detached)
    }

    fn key_pair(&mut self, gone: &[StepId]) {
        let Some(pair) = &self.graph.key_pair else { return };
        if self.inventory.key_pairs.iter().any(|k| k.name == pair.name) {
            let action = CloudAction::DeleteKeyPair { name: pair.name.clone() };
            self.steps.cloud(&NodeId::new("key_pair"), "delete", action, gone.iter().cloned());
        }
    }

    fn data(&mut self, scope: Scope, gone: &[StepId]) {
        let plan = &self.graph.plan;
        let current: Vec<&ResourceName> =
            self.inventory.disks.iter().filter(|d| d.attached_to.is_some()).map(|d| &d.name).collect();
        let disks: Vec<_> = self.inventory.disks.iter().filter(|d| d.tags.is_plan(plan)).cloned().collect();
        for disk in disks {
            let goes = match scope {
                Scope::KeepData => false,
                Scope::IncludeData => true,
                Scope::LeftOver => !current.contains(&&disk.name) && self.has_successor(&disk),
            };
            if goes {
                let action = CloudAction::DeleteDisk { name: disk.name.clone() };
                let node = node_of(&disk.tags);
                let verb = format!("delete_{}", disk.name);
                self.steps.cloud(&node, &verb, action, gone.to_vec());
            } else {
                self.stays.push(format!("disk {} ({} GB)", disk.name, disk.size_gb));
            }
        }
        self.snapshots(scope);
    }

    /// A larger disk of the same node is in use.
    fn has_successor(&self, disk: &Disk) -> bool {
        let node = node_of(&disk.tags);
        self.inventory.disks_of(&self.graph.plan, node.as_str()).any(|d| d.attached_to.is_some() && d.name != disk.name)
    }

    fn snapshots(&mut self, scope: Scope) {
        let ours = self.inventory.snapshots.iter().filter(|s| s.tags.is_plan(&self.graph.plan));
        for snapshot in ours.cloned().collect::<Vec<_>>() {
            if scope == Scope::KeepData {
                self.stays.push(format!("snapshot {} ({} GB)", snapshot.name, snapshot.size_gb));
                continue;
            }
            let action = CloudAction::DeleteSnapshot { name: snapshot.name.clone() };
            self.steps.cloud(&node_of(&snapshot.tags), &format!("delete_{}", snapshot.name), action, []);
        }
    }
}
