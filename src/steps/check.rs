//! A second pair of eyes: rules that any list of steps must keep, whoever built it. Knows nothing of how steps are built.

use std::collections::{BTreeMap, BTreeSet};

use super::action::{Action, CloudAction, HostAction, HostRef};
use super::consent::{Consent, Loss};
use super::{Step, StepId};
use crate::inventory::{Instance, InstanceState, Inventory, ResourceName, RootData, TAG_CARRIED, TAG_NODE, TAG_PLAN};
use crate::plan::NodeName;

/// A broken rule: a defect of infra, never of the plan. Nothing runs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {rule}")]
pub struct Violation {
    pub step: StepId,
    pub rule: String,
}

pub fn check(steps: &[Step], inventory: &Inventory, consent: &Consent) -> Vec<Violation> {
    let plan = Checked::new(steps, inventory);
    let mut violations = plan.references();
    if violations.is_empty() {
        violations.extend(plan.cycles());
    }
    if violations.is_empty() {
        violations.extend(steps.iter().filter_map(|s| plan.order(s)));
    }
    violations.extend(plan.names_twice());
    if !consent.include_data {
        violations.extend(steps.iter().filter_map(destroys_data));
        let lost = plan.losses().into_iter().filter(|(_, loss)| !consent.lost.contains(&loss.instance));
        violations.extend(lost.map(|(step, loss)| violation(step, &format!("loses {}", loss.what))));
    }
    violations
}

/// What these steps would lose of what lies on root disks: asked for by name before they run.
pub fn losses(steps: &[Step], inventory: &Inventory) -> Vec<Loss> {
    Checked::new(steps, inventory).losses().into_iter().map(|(_, loss)| loss).collect()
}

struct Checked<'a> {
    steps: BTreeMap<&'a StepId, &'a Step>,
    all: &'a [Step],
    inventory: &'a Inventory,
}

impl<'a> Checked<'a> {
    fn new(all: &'a [Step], inventory: &'a Inventory) -> Self {
        Self { steps: all.iter().map(|s| (&s.id, s)).collect(), all, inventory }
    }

    fn references(&self) -> Vec<Violation> {
        let mut violations = vec![];
        if self.steps.len() != self.all.len() {
            let mut seen = BTreeSet::new();
            violations.extend(
                self.all.iter().filter(|s| !seen.insert(&s.id)).map(|s| violation(s, "two steps have this name")),
            );
        }
        for step in self.all {
            let dangling = step.needs.iter().filter(|n| !self.steps.contains_key(n));
            violations.extend(dangling.map(|n| violation(step, &format!("waits for {n}, which is not there"))));
        }
        violations
    }

    fn cycles(&self) -> Vec<Violation> {
        let mut done: BTreeSet<&StepId> = BTreeSet::new();
        loop {
            let next: Vec<_> =
                self.all.iter().filter(|s| !done.contains(&s.id) && s.needs.iter().all(|n| done.contains(n))).collect();
            if next.is_empty() {
                break;
            }
            done.extend(next.iter().map(|s| &s.id));
        }
        self.all.iter().filter(|s| !done.contains(&s.id)).map(|s| violation(s, "waits for itself")).collect()
    }

    /// Is a call of this kind done before `step` for certain?
    fn preceded_in_cloud(&self, step: &Step, wanted: &dyn Fn(&CloudAction) -> bool) -> bool {
        self.preceded(step, &|action| matches!(action, Action::Cloud { action, .. } if wanted(action)))
    }

    fn preceded(&self, step: &Step, wanted: &dyn Fn(&Action) -> bool) -> bool {
        let mut open: Vec<&StepId> = step.needs.iter().collect();
        while let Some(id) = open.pop() {
            let Some(earlier) = self.steps.get(id) else { continue };
            if wanted(&earlier.action) {
                return true;
            }
            open.extend(&earlier.needs);
        }
        false
    }

    fn order(&self, step: &Step) -> Option<Violation> {
        let Action::Cloud { action, .. } = &step.action else { return None };
        match action {
            CloudAction::DetachDisk { name } => self.holder_is_stopped(step, name),
            CloudAction::DeleteInstance { name } => {
                self.instance_holds_nothing(step, name).or_else(|| self.successor_is_there(step))
            }
            CloudAction::DeleteDisk { name } => self.disk_is_free(step, name),
            CloudAction::AttachDisk { name, instance, .. } => self.same_zone(step, name, instance),
            CloudAction::ResizeInstance { name, .. } => self.is_off(step, name),
            CloudAction::ModifyDisk { name, size_gb, .. } => self.does_not_shrink(step, name, *size_gb),
            CloudAction::DeleteFirewall { name } => self.guards_nobody(step, name),
            _ => None,
        }
    }

    fn holder_is_stopped(&self, step: &Step, disk: &ResourceName) -> Option<Violation> {
        let disk = self.inventory.disks.iter().find(|d| &d.name == disk)?;
        let holder = disk.attached_to.as_ref()?;
        let stopped = self.inventory.instance(holder).is_none_or(|i| i.state == InstanceState::Stopped);
        let stops =
            self.preceded_in_cloud(step, &|a| matches!(a, CloudAction::StopInstance { name } if name == holder));
        (!stopped && !stops).then(|| violation(step, &format!("detaches a disk while {holder} may be running")))
    }

    fn is_off(&self, step: &Step, name: &ResourceName) -> Option<Violation> {
        let off = self.inventory.instance(name).is_some_and(|i| i.state == InstanceState::Stopped);
        let stops = self.preceded_in_cloud(step, &|a| matches!(a, CloudAction::StopInstance { name: n } if n == name));
        (!off && !stops).then(|| violation(step, &format!("resizes {name} while it may be running")))
    }

    fn does_not_shrink(&self, step: &Step, name: &ResourceName, size_gb: u32) -> Option<Violation> {
        let disk = self.inventory.disks.iter().find(|d| &d.name == name);
        let fits = disk.is_some_and(|disk| disk.size_gb <= size_gb);
        (!fits).then(|| violation(step, "makes a volume smaller, or changes one that does not exist"))
    }

    fn guards_nobody(&self, step: &Step, firewall: &ResourceName) -> Option<Violation> {
        let behind = |i: &&Instance| i.ec2.as_ref().is_some_and(|ec2| ec2.firewalls.contains(firewall));
        let mut held = self.inventory.instances.iter().filter(behind).filter(|i| i.state != InstanceState::Gone);
        let kept = held.find(|i| {
            !self.preceded_in_cloud(step, &|a| matches!(a, CloudAction::DeleteInstance { name } if name == &i.name))
        });
        kept.map(|i| violation(step, &format!("deletes the firewall of {}, which is there", i.name)))
    }

    fn instance_holds_nothing(&self, step: &Step, instance: &ResourceName) -> Option<Violation> {
        let held = self.inventory.disks.iter().filter(|d| d.attached_to.as_ref() == Some(instance));
        let mut kept = held.filter(|d| {
            !self.preceded_in_cloud(step, &|a| matches!(a, CloudAction::DetachDisk { name } if name == &d.name))
        });
        kept.next().map(|d| violation(step, &format!("deletes an instance that still holds disk {}", d.name)))
    }

    fn successor_is_there(&self, step: &Step) -> Option<Violation> {
        let creates = |s: &&Step| {
            s.node == step.node && matches!(s.action, Action::Cloud { action: CloudAction::CreateInstance(_), .. })
        };
        let created = self.all.iter().any(|s| creates(&s));
        let waits = self.preceded_in_cloud(step, &|a| matches!(a, CloudAction::CreateInstance(_)));
        (created && !waits).then(|| violation(step, "deletes an instance before its successor is there"))
    }

    fn disk_is_free(&self, step: &Step, name: &ResourceName) -> Option<Violation> {
        let disk = self.inventory.disks.iter().find(|d| &d.name == name)?;
        let detached = self.preceded_in_cloud(step, &|a| matches!(a, CloudAction::DetachDisk { name: n } if n == name));
        (disk.attached_to.is_some() && !detached).then(|| violation(step, "deletes an attached disk"))
    }

    fn same_zone(&self, step: &Step, disk: &ResourceName, instance: &ResourceName) -> Option<Violation> {
        let zone_of_new_disk = |s: &Step| match &s.action {
            Action::Cloud {
                action:
                    CloudAction::CreateDisk { name, zone, .. } | CloudAction::CreateDiskFromSnapshot { name, zone, .. },
                ..
            } if name == disk => Some(zone.clone()),
            _ => None,
        };
        let zone_of_new_instance = |s: &Step| match &s.action {
            Action::Cloud { action: CloudAction::CreateInstance(spec), .. } if &spec.name == instance => {
                Some(spec.zone.clone())
            }
            _ => None,
        };
        let observed = self.inventory.disks.iter().find(|d| &d.name == disk).map(|d| d.zone.clone());
        let disk_zone = observed.or_else(|| self.all.iter().find_map(zone_of_new_disk));
        let observed = self.inventory.instance(instance).map(|i| i.zone.clone());
        let instance_zone = observed.or_else(|| self.all.iter().find_map(zone_of_new_instance));
        let known = disk_zone.is_some() && instance_zone.is_some();
        match known && disk_zone == instance_zone {
            true => None,
            false => Some(violation(step, "attaches a disk across zones, or one that does not exist")),
        }
    }

    /// Of each instance that is deleted: what lies on its root disk and is not copied before. What was never looked at may
    /// be anything, unless an earlier run has copied all of it and said so.
    fn losses(&self) -> Vec<(&'a Step, Loss)> {
        let deleted = self.all.iter().filter_map(|s| match &s.action {
            Action::Cloud { action: CloudAction::DeleteInstance { name }, .. } => {
                Some((s, self.inventory.instance(name)?))
            }
            _ => None,
        });
        deleted.filter_map(|(step, instance)| Some((step, self.loss(step, instance)?))).collect()
    }

    fn loss(&self, step: &Step, instance: &Instance) -> Option<Loss> {
        let host =
            instance.tags.get(TAG_NODE).and_then(|node| node.strip_prefix("hosts.")?.parse::<NodeName>().ok())?;
        let loss = |what: String| Some(Loss { instance: instance.name.clone(), what });
        let seen = self.inventory.facts(&host).filter(|f| f.instance.as_deref() == Some(instance.name.as_str()));
        let Some(data) = seen.and_then(|facts| facts.root_data.as_ref()) else {
            // infra put nothing on a host that it had no reason to look at.
            let unknown = self.inventory.hosts.contains_key(&host)
                && instance.tags.get(TAG_CARRIED).is_none()
                && !self.got_nothing_yet(instance);
            return if unknown { loss("whatever its root disk holds: nobody could look at it".into()) } else { None };
        };
        let copied = |item: &&RootData| {
            self.preceded(step, &|action| {
                let Action::Host(HostAction::Carry { from: HostRef::Instance { name, .. }, data, .. }) = action else {
                    return false;
                };
                name == &instance.name && data.contains(item)
            })
        };
        let gone: Vec<_> = data.iter().filter(|item| !copied(item)).map(ToString::to_string).collect();
        if gone.is_empty() { None } else { loss(gone.join(", ")) }
    }

    /// Made by a run that was cut off: an older instance of the same host, from which nothing was carried, has what the host has.
    fn got_nothing_yet(&self, instance: &Instance) -> bool {
        let attached = |to: &Instance| {
            let disks = self.inventory.disks.iter().map(|disk| &disk.attached_to);
            let mut all = disks.chain(self.inventory.addresses.iter().map(|address| &address.attached_to));
            all.any(|attached| attached.as_ref() == Some(&to.name))
        };
        let is_before = |other: &&Instance| {
            [TAG_PLAN, TAG_NODE].iter().all(|tag| other.tags.get(tag) == instance.tags.get(tag))
                && other.tags.get(TAG_CARRIED).is_none()
                && other.created_at.zip(instance.created_at).is_some_and(|(other, own)| other < own)
        };
        !attached(instance) && self.inventory.instances.iter().filter(is_before).any(attached)
    }

    fn names_twice(&self) -> Vec<Violation> {
        let mut seen = BTreeSet::new();
        let created = self.all.iter().filter_map(|s| Some((s, created_name(&s.action)?)));
        created
            .filter(|(_, name)| !seen.insert((*name).clone()))
            .map(|(s, name)| violation(s, &format!("creates {name} a second time")))
            .collect()
    }
}

fn created_name(action: &Action) -> Option<&ResourceName> {
    match action {
        Action::Cloud { action: CloudAction::CreateInstance(spec), .. } => Some(&spec.name),
        Action::Cloud {
            action:
                CloudAction::CreateDisk { name, .. }
                | CloudAction::CreateDiskFromSnapshot { name, .. }
                | CloudAction::AllocateAddress { name, .. }
                | CloudAction::SnapshotDisk { snapshot: name, .. },
            ..
        } => Some(name),
        _ => None,
    }
}

fn destroys_data(step: &Step) -> Option<Violation> {
    let is_data =
        |action: &CloudAction| matches!(action, CloudAction::DeleteDisk { .. } | CloudAction::DeleteSnapshot { .. });
    matches!(&step.action, Action::Cloud { action, .. } if is_data(action))
        .then(|| violation(step, "destroys data without --include-data"))
}

fn violation(step: &Step, rule: &str) -> Violation {
    Violation { step: step.id.clone(), rule: rule.into() }
}
