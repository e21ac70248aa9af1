//! Steps that take a plan's resources away: `infra down`. Disks and snapshots stay unless the scope says otherwise.

use super::action::{CloudAction, HostAction, HostRef};
use super::build::Steps;
use super::ec2::ProfileCall;
use super::{Step, StepId};
use crate::diff::removed_hosts;
use crate::graph::{Graph, HostNode, Names, NodeId};
use crate::inventory::{Address, CloudKind, Disk, Instance, InstanceState, Inventory, ResourceName, TAG_NODE, Tags};
use crate::plan::NodeName;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Disks and snapshots stay.
    KeepData,
    /// Everything goes.
    IncludeData,
    /// Only what no host of the plan uses: hosts taken out of it, disks and snapshots that nothing needs any more.
    LeftOver,
}

/// How services end before their host is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Services {
    /// Over SSH, in good order.
    Stop,
    /// With the instance: its shutdown stops them, and a host that does not answer can go too.
    EndWithHost,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Removal {
    pub steps: Vec<Step>,
    /// What is not removed, in words.
    pub stays: Vec<String>,
}

/// `services`: how they end before their host does.
pub fn remove(graph: &Graph, inventory: &Inventory, scope: Scope, services: Services) -> Removal {
    let mut removal = Remove { graph, inventory, services, steps: Steps::default(), stays: vec![] };
    let mut gone = vec![];
    for (id, name) in removed_hosts(graph, inventory) {
        let host = removal.host(&id, &name);
        gone.extend(removal.firewall(&id, &host));
        gone.extend(host);
    }
    if scope != Scope::LeftOver {
        removal.alarms();
        removal.contact();
        for host in &graph.hosts {
            gone.extend(removal.planned_host(host));
        }
        removal.key_pairs(&gone);
        removal.profile(&gone);
    }
    removal.data(scope, &gone);
    Removal { steps: removal.steps.into_vec(), stays: removal.stays }
}

struct Remove<'a> {
    graph: &'a Graph,
    inventory: &'a Inventory,
    services: Services,
    steps: Steps,
    stays: Vec<String>,
}

fn node_of(tags: &Tags) -> NodeId {
    NodeId::new(tags.get(TAG_NODE).unwrap_or("plan"))
}

/// Whether a step is of the host that a disk is of.
fn is_of_host(step: &StepId, disk: &NodeId) -> bool {
    let host = disk.as_str().split_once(".disks.").map_or(disk.as_str(), |(host, _)| host);
    step.0.strip_prefix(host).is_some_and(|rest| rest.starts_with(['/', '.']))
}

impl Remove<'_> {
    fn alarms(&mut self) {
        for alarm in self.inventory.alarms.iter().filter(|a| a.tags.is_plan(&self.graph.plan)) {
            let action = CloudAction::DeleteAlarm { name: alarm.name.clone() };
            let verb = format!("delete_{}", alarm.name);
            self.steps.cloud(CloudKind::Lightsail, &node_of(&alarm.tags), &verb, action, []);
        }
    }

    fn contact(&mut self) {
        match self.inventory.contacts.first() {
            Some(contact) if contact.tags.is_plan(&self.graph.plan) => {
                let node = node_of(&contact.tags);
                self.steps.cloud(CloudKind::Lightsail, &node, "delete", CloudAction::DeleteContact, []);
            }
            Some(contact) => self.stays.push(format!("e-mail contact {}: not made by this plan", contact.email)),
            None => {}
        }
    }

    fn planned_host(&mut self, host: &HostNode) -> Vec<StepId> {
        if let crate::graph::HostKind::Existing(existing) = &host.kind {
            self.stays.push(format!("host {} ({}): not made by this plan", host.name, existing.address));
            return vec![];
        }
        let gone = self.host(&host.id, &host.name);
        let firewall = self.firewall(&host.id, &gone);
        gone.into_iter().chain(firewall).collect()
    }

    /// EC2's security group goes when nothing is behind it any more.
    fn firewall(&mut self, id: &NodeId, gone: &[StepId]) -> Option<StepId> {
        let node = id.child("ports");
        let ours = self.inventory.ec2.firewalls.iter().find(|f| f.tags.is_node(&self.graph.plan, node.as_str()))?;
        let action = CloudAction::DeleteFirewall { name: ours.name.clone() };
        Some(self.steps.cloud(CloudKind::Ec2, &node, "delete", action, gone.to_vec()))
    }

    fn host(&mut self, id: &NodeId, name: &NodeName) -> Vec<StepId> {
        let address = self.inventory.address(&Names(&self.graph.plan).address(name)).cloned();
        let instances: Vec<_> = self.inventory.instances_of(&self.graph.plan, id.as_str()).cloned().collect();
        let (mut gone, mut freed) = (vec![], None);
        for instance in &instances {
            let stopped = self.stop(id, name, instance);
            let holds = address.as_ref().filter(|address| address.attached_to.as_ref() == Some(&instance.name));
            let free = holds.map(|address| self.free(id, address, stopped.clone()));
            gone.push(self.delete(id, instance, stopped, free.clone()));
            freed = freed.or(free);
        }
        if let Some(address) = address {
            let elsewhere = address.attached_to.is_some() && freed.is_none();
            let freed = if elsewhere { Some(self.free(id, &address, None)) } else { freed };
            let release = CloudAction::ReleaseAddress { name: address.name };
            gone.push(self.steps.cloud(address.cloud, &id.child("address"), "release", release, freed));
        }
        gone
    }

    fn stop(&mut self, id: &NodeId, host: &NodeName, instance: &Instance) -> Option<StepId> {
        let on = HostRef::Instance { host: host.clone(), at: instance.cloud, name: instance.name.clone() };
        let verb = |verb: &str| format!("{verb}_{}", instance.name);
        let holds_database = self.inventory.facts(host).is_some_and(|facts| facts.holds_database.is_some());
        let carries = holds_database || self.graph.release.as_ref().is_some_and(|r| &r.host == host);
        let quiet = (instance.state == InstanceState::Running && carries && self.services == Services::Stop)
            .then(|| self.steps.host(id, &verb("stop_services"), HostAction::StopServices { on }, []));
        let stop = CloudAction::StopInstance { name: instance.name.clone() };
        let runs = instance.state != InstanceState::Stopped;
        runs.then(|| self.steps.cloud(instance.cloud, id, &verb("stop"), stop, quiet))
    }

    /// Its disks and its address leave it first: two changes of one instance at a time fail each other.
    fn delete(&mut self, id: &NodeId, instance: &Instance, stopped: Option<StepId>, freed: Option<StepId>) -> StepId {
        let disks: Vec<_> =
            self.inventory.disks.iter().filter(|d| d.attached_to.as_ref() == Some(&instance.name)).cloned().collect();
        let detached: Vec<_> = disks.iter().map(|d| self.detach(d, &stopped)).collect();
        let mut needs: Vec<_> = stopped.into_iter().chain(detached).chain(freed).collect();
        if instance.cloud == CloudKind::Ec2 {
            let unprotect = CloudAction::Protect { instance: instance.name.clone(), on: false };
            needs =
                vec![self.steps.cloud(instance.cloud, id, &format!("unprotect_{}", instance.name), unprotect, needs)];
        }
        let delete = CloudAction::DeleteInstance { name: instance.name.clone() };
        self.steps.cloud(instance.cloud, id, &format!("delete_{}", instance.name), delete, needs)
    }

    fn detach(&mut self, disk: &Disk, stopped: &Option<StepId>) -> StepId {
        let action = CloudAction::DetachDisk { name: disk.name.clone() };
        self.steps.cloud(disk.cloud, &node_of(&disk.tags), &format!("detach_{}", disk.name), action, stopped.clone())
    }

    /// After the stop: until then the host is reached by this address.
    fn free(&mut self, host: &NodeId, address: &Address, stopped: Option<StepId>) -> StepId {
        let detach = CloudAction::DetachAddress { name: address.name.clone() };
        self.steps.cloud(address.cloud, &host.child("address"), "detach", detach, stopped)
    }

    fn key_pairs(&mut self, gone: &[StepId]) {
        for pair in &self.graph.key_pairs {
            if self.inventory.key_pairs.iter().any(|k| k.name == pair.name && k.cloud == pair.cloud) {
                let action = CloudAction::DeleteKeyPair { name: pair.name.clone() };
                self.steps.cloud(pair.cloud, &pair.id, "delete", action, gone.iter().cloned());
            }
        }
    }

    /// In the other order than it was made; whatever part of it there is.
    fn profile(&mut self, gone: &[StepId]) {
        let (Some(node), seen) = (&self.graph.profile, &self.inventory.ec2.profile) else { return };
        if seen.foreign {
            return self.stays.push(format!("role {}: not made by this plan", node.name));
        }
        let parts = [
            (seen.has_role, "remove_role", ProfileCall::RemoveRole),
            (seen.profile, "delete", ProfileCall::DeleteProfile),
            (seen.policy.is_some(), "delete_policy", ProfileCall::DeletePolicy),
            (seen.role, "delete_role", ProfileCall::DeleteRole),
        ];
        let mut after = gone.to_vec();
        for (_, verb, part) in parts.into_iter().filter(|(there, ..)| *there) {
            let action = CloudAction::Profile { name: node.name.clone(), part };
            after = vec![self.steps.cloud(CloudKind::Ec2, &node.id, verb, action, after)];
        }
    }

    fn data(&mut self, scope: Scope, gone: &[StepId]) {
        let plan = &self.graph.plan;
        let disks: Vec<_> = self.inventory.disks.iter().filter(|d| d.tags.is_plan(plan)).cloned().collect();
        for disk in disks {
            let goes = match scope {
                Scope::KeepData => false,
                Scope::IncludeData => true,
                Scope::LeftOver => self.is_left_over(&disk),
            };
            if goes {
                let action = CloudAction::DeleteDisk { name: disk.name.clone() };
                let node = node_of(&disk.tags);
                let verb = format!("delete_{}", disk.name);
                // Of one host alone that is removed, nothing of another may come along.
                let first = gone.iter().filter(|step| scope != Scope::LeftOver || is_of_host(step, &node)).cloned();
                let first: Vec<_> = first.collect();
                self.steps.cloud(disk.cloud, &node, &verb, action, first);
            } else {
                self.stays.push(format!("disk {} ({} GB)", disk.name, disk.size_gb));
            }
        }
        self.snapshots(scope);
        if scope == Scope::KeepData {
            self.hosted();
        }
    }

    /// Its data stay with their disk, and infra has no word that starts it anew.
    fn hosted(&mut self) {
        let holders = self.graph.hosts.iter().filter_map(|host| {
            let service = self.inventory.facts(&host.name)?.holds_database.as_ref()?;
            Some(format!(
                "the data of the clients' database, which no infra up starts again on host {} (service {service})",
                host.name
            ))
        });
        let holders: Vec<_> = holders.collect();
        self.stays.extend(holders);
    }

    /// Not in use by a host of the plan, and the plan does not name it or a larger one has taken its place.
    fn is_left_over(&self, disk: &Disk) -> bool {
        let node = node_of(&disk.tags);
        let planned = self.graph.hosts.iter().flat_map(|h| &h.disks).any(|d| d.id == node);
        let removed = removed_hosts(self.graph, self.inventory);
        let goes = |holder: &ResourceName| {
            let of =
                |id: &NodeId| self.inventory.instances_of(&self.graph.plan, id.as_str()).any(|i| &i.name == holder);
            removed.iter().any(|(id, _)| of(id))
        };
        disk.attached_to.as_ref().is_none_or(goes) && (!planned || self.has_successor(disk))
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
            let verb = format!("delete_{}", snapshot.name);
            self.steps.cloud(snapshot.cloud, &node_of(&snapshot.tags), &verb, action, []);
        }
    }
}
