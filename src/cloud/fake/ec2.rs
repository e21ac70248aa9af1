//! EC2 in memory: security groups, the profile, and what changes on a machine or a volume that is there. It refuses what EC2
//! refuses.

use std::collections::BTreeSet;

use super::world::World;
use super::{Done, ensure, refused};
use crate::inventory::{
    CloudKind, Ec2Instance, Ec2Subnet, Ec2View, Firewall, InstanceState, InstanceType, Modification, ModificationState,
    OpenPort, ResourceName, Vpc,
};
use crate::plan::Credits;
use crate::steps::{CloudAction, InstanceSpec, ProfileCall};

/// A region with a default network of two zones.
pub(super) fn view() -> Ec2View {
    let subnet = |id: &str, zone: &str| Ec2Subnet {
        id: id.into(),
        name: None,
        vpc: "vpc-1".into(),
        zone: zone.into(),
        is_default: true,
    };
    let size = |id: &str, architecture: &str, burstable| InstanceType {
        id: id.into(),
        vcpu: 2,
        memory_gb: 4.0,
        architectures: BTreeSet::from([architecture.to_owned()]),
        burstable,
    };
    Ec2View {
        vpcs: vec![Vpc { id: "vpc-1".into(), name: None, is_default: true }],
        subnets: vec![subnet("subnet-a", "us-east-1a"), subnet("subnet-b", "us-east-1b")],
        images: [("ubuntu_24_04/x86_64", "ami-1"), ("debian_12/x86_64", "ami-2"), ("ubuntu_24_04/arm64", "ami-3")]
            .map(|(name, id)| (name.to_owned(), id.to_owned()))
            .into(),
        types: vec![
            size("t3.medium", "x86_64", true),
            size("t3.large", "x86_64", true),
            size("m7i.large", "x86_64", false),
            size("t4g.medium", "arm64", true),
        ],
        ..Ec2View::default()
    }
}

/// How an instance comes out of `RunInstances`.
pub(super) fn made(
    world: &World,
    spec: &InstanceSpec,
) -> Result<Option<Ec2Instance>, (crate::cloud::CloudErrorKind, String)> {
    let Some(ec2) = &spec.ec2 else { return Ok(None) };
    let view = &world.inventory.ec2;
    let size = view.types.iter().find(|size| size.id == spec.size);
    let subnet = view.subnets.iter().find(|subnet| subnet.id == ec2.subnet && subnet.zone == spec.zone);
    ensure(size.is_some(), "no such type")?;
    ensure(subnet.is_some(), "no such subnet in this zone")?;
    ensure(view.firewalls.iter().any(|firewall| firewall.name == ec2.firewall), "no such security group")?;
    ensure(view.profile.profile && view.profile.has_role, "no such profile, or it has no role")?;
    Ok(Some(Ec2Instance {
        id: format!("i-{}", spec.name),
        image_id: ec2.image_id.clone(),
        architecture: size.and_then(|size| size.architectures.first().cloned()).unwrap_or_default(),
        vpc: subnet.map(|subnet| subnet.vpc.clone()).unwrap_or_default(),
        subnet: ec2.subnet.clone(),
        firewalls: BTreeSet::from([ec2.firewall.clone()]),
        profile: Some(ec2.profile.clone()),
        tokens_required: true,
        hop_limit: 2,
        credits: size.filter(|size| size.burstable).map(|_| ec2.credits.unwrap_or(Credits::Unlimited)),
        events: vec![],
    }))
}

impl World {
    /// The rules of the groups that an instance is behind.
    pub(super) fn rules_of(&self, instance: &Ec2Instance) -> Vec<OpenPort> {
        let groups = self.inventory.ec2.firewalls.iter().filter(|group| instance.firewalls.contains(&group.name));
        groups.flat_map(|group| group.ports.clone()).collect()
    }

    fn firewall(&mut self, name: &ResourceName) -> Result<&mut Firewall, (crate::cloud::CloudErrorKind, String)> {
        let found = self.inventory.ec2.firewalls.iter_mut().find(|firewall| &firewall.name == name);
        found.ok_or_else(|| (crate::cloud::CloudErrorKind::NotFound, format!("security group {name}")))
    }

    fn machine(&mut self, name: &ResourceName) -> Result<&mut Ec2Instance, (crate::cloud::CloudErrorKind, String)> {
        let found = self.inventory.instances.iter_mut().find(|i| &i.name == name).and_then(|i| i.ec2.as_mut());
        found.ok_or_else(|| (crate::cloud::CloudErrorKind::NotFound, format!("instance {name}")))
    }

    pub(super) fn submit_ec2(&mut self, action: &CloudAction) -> Done {
        match action {
            CloudAction::ResizeInstance { name, size } => {
                let off = self.inventory.instance(name).is_some_and(|i| i.state == InstanceState::Stopped);
                ensure(off, "not stopped")?;
                self.inventory.instances.iter_mut().filter(|i| &i.name == name).for_each(|i| i.size.clone_from(size));
            }
            CloudAction::RequireTokens { instance } => {
                let machine = self.machine(instance)?;
                (machine.tokens_required, machine.hop_limit) = (true, 2);
            }
            CloudAction::SetCredits { instance, credits } => {
                let machine = self.machine(instance)?;
                ensure(machine.credits.is_some(), "its type does not burst")?;
                machine.credits = Some(*credits);
            }
            CloudAction::SetProfile { instance, profile } => self.machine(instance)?.profile = Some(profile.clone()),
            CloudAction::SetFirewall { instance, firewall } => {
                self.firewall(firewall)?;
                self.machine(instance)?.firewalls = BTreeSet::from([firewall.clone()]);
            }
            CloudAction::Protect { instance, on } => {
                self.machine(instance)?;
                if *on {
                    self.protected.insert(instance.clone())
                } else {
                    self.protected.remove(instance)
                };
            }
            CloudAction::ModifyDisk { name, size_gb, volume } => {
                let disk = self.inventory.disks.iter_mut().find(|disk| &disk.name == name);
                let Some(disk) = disk else { return refused("no such volume") };
                ensure(disk.size_gb <= *size_gb, "a volume does not shrink")?;
                (disk.size_gb, disk.volume) = (*size_gb, Some(*volume));
                let state = ModificationState::Completed;
                disk.modification = Some(Modification { state, percent: 100, started_at: None });
            }
            CloudAction::Profile { part, .. } => return self.submit_profile(part),
            _ => return self.submit_firewall(action),
        }
        Ok(())
    }

    fn submit_firewall(&mut self, action: &CloudAction) -> Done {
        match action {
            CloudAction::CreateFirewall { name, vpc, tags } => {
                ensure(self.firewall(name).is_err(), "there is a group of this name")?;
                let (name, id) = (name.clone(), format!("sg-{name}"));
                let firewall = Firewall { name, id, tags: tags.clone(), vpc: vpc.clone(), ports: vec![] };
                self.inventory.ec2.firewalls.push(firewall);
            }
            CloudAction::OpenPorts { firewall, ports } => {
                let group = self.firewall(firewall)?;
                ensure(!ports.iter().any(|port| group.ports.contains(port)), "the rule is there already")?;
                group.ports.extend(ports.clone());
                group.ports.sort();
            }
            CloudAction::ClosePorts { firewall, ports } => {
                let group = self.firewall(firewall)?;
                ensure(ports.iter().all(|port| group.ports.contains(port)), "no such rule")?;
                group.ports.retain(|port| !ports.contains(port));
            }
            CloudAction::DeleteFirewall { name } => {
                let behind =
                    |i: &crate::inventory::Instance| i.ec2.as_ref().is_some_and(|e| e.firewalls.contains(name));
                ensure(!self.inventory.instances.iter().any(behind), "an instance is behind it")?;
                self.inventory.ec2.firewalls.retain(|firewall| &firewall.name != name);
            }
            other => return refused(format!("EC2 does not know {other:?}")),
        }
        Ok(())
    }

    fn submit_profile(&mut self, part: &ProfileCall) -> Done {
        let used = self.inventory.instances.iter().any(|i| i.cloud == CloudKind::Ec2);
        let profile = &mut self.inventory.ec2.profile;
        match part {
            ProfileCall::CreateRole { .. } => {
                ensure(!profile.role, "there is such a role")?;
                profile.role = true;
            }
            ProfileCall::PutPolicy { policy } => {
                ensure(profile.role, "no such role")?;
                profile.policy = Some(policy.clone());
            }
            ProfileCall::CreateProfile { .. } => {
                ensure(!profile.profile, "there is such a profile")?;
                profile.profile = true;
            }
            ProfileCall::AddRole => {
                ensure(profile.role && profile.profile && !profile.has_role, "a part is missing, or it is there")?;
                profile.has_role = true;
            }
            ProfileCall::RemoveRole => {
                ensure(!used, "an instance uses it")?;
                profile.has_role = false;
            }
            ProfileCall::DeleteProfile => {
                ensure(!profile.has_role, "it has a role")?;
                profile.profile = false;
            }
            ProfileCall::DeletePolicy => profile.policy = None,
            ProfileCall::DeleteRole => {
                ensure(profile.policy.is_none() && !profile.has_role, "it has a policy, or a profile has it")?;
                profile.role = false;
            }
        }
        Ok(())
    }

    /// Would the change change nothing, or has it been made?
    pub(super) fn has_of_ec2(&self, action: &CloudAction) -> bool {
        let group = |name: &ResourceName| self.inventory.ec2.firewalls.iter().find(|firewall| &firewall.name == name);
        let profile = &self.inventory.ec2.profile;
        match action {
            CloudAction::CreateFirewall { name, .. } => group(name).is_some(),
            CloudAction::DeleteFirewall { name } => group(name).is_none(),
            CloudAction::OpenPorts { firewall, ports } => {
                group(firewall).is_some_and(|group| ports.iter().all(|port| group.ports.contains(port)))
            }
            CloudAction::ClosePorts { firewall, ports } => {
                group(firewall).is_none_or(|group| !ports.iter().any(|port| group.ports.contains(port)))
            }
            CloudAction::Profile { part, .. } => match part {
                ProfileCall::CreateRole { .. } => profile.role,
                ProfileCall::PutPolicy { policy } => profile.policy.as_ref() == Some(policy),
                ProfileCall::CreateProfile { .. } => profile.profile,
                ProfileCall::AddRole => profile.has_role,
                ProfileCall::RemoveRole => !profile.has_role,
                ProfileCall::DeleteProfile => !profile.profile,
                ProfileCall::DeletePolicy => profile.policy.is_none(),
                ProfileCall::DeleteRole => !profile.role,
            },
            CloudAction::ResizeInstance { name, size } => {
                self.inventory.instance(name).is_some_and(|instance| &instance.size == size)
            }
            other => {
                let mut after = self.clone();
                after.submit_ec2(other).is_ok()
                    && after.inventory == self.inventory
                    && after.protected == self.protected
            }
        }
    }
}

/// Actions that only EC2 takes.
pub(super) fn is_of_ec2(action: &CloudAction) -> bool {
    matches!(
        action,
        CloudAction::CreateFirewall { .. }
            | CloudAction::OpenPorts { .. }
            | CloudAction::ClosePorts { .. }
            | CloudAction::SetFirewall { .. }
            | CloudAction::DeleteFirewall { .. }
            | CloudAction::ResizeInstance { .. }
            | CloudAction::RequireTokens { .. }
            | CloudAction::SetCredits { .. }
            | CloudAction::SetProfile { .. }
            | CloudAction::Protect { .. }
            | CloudAction::Profile { .. }
            | CloudAction::ModifyDisk { .. }
    )
}
