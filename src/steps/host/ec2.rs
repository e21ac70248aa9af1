//! What only a host of EC2 has: its security group, what a living instance takes, another size, volumes that change in place.

use super::{Context, Stopped};
use crate::diff::{InstanceDiff, Mend, VolumeDiff};
use crate::inventory::Tags;
use crate::steps::StepId;
use crate::steps::action::CloudAction;
use crate::steps::build::{Account, Steps};
use crate::steps::ec2::Ec2Spec;

impl Context<'_> {
    pub(super) fn ec2_spec(&self) -> Option<Ec2Spec> {
        let (settings, diff) = (self.cloud.ec2()?, self.diff.ec2.as_ref()?);
        Some(Ec2Spec {
            image_id: diff.image_id.clone(),
            subnet: diff.subnet.clone(),
            firewall: settings.firewall.clone(),
            profile: settings.profile.clone(),
            root_gb: settings.root_gb,
            credits: settings.credits,
        })
    }

    /// EC2's security group: made, then opened; what is closed is closed last, so that nobody is shut out in between.
    pub(super) fn firewall(&self, steps: &mut Steps) -> Vec<StepId> {
        let Some(ec2) = &self.diff.ec2 else { return vec![] };
        let (node, firewall) = (self.host.id.child("ports"), &ec2.firewall);
        let name = || firewall.name.clone();
        let mut done = vec![];
        if !firewall.exists {
            let tags = Tags::for_node(&self.graph.plan, node.as_str());
            let create = CloudAction::CreateFirewall { name: name(), vpc: ec2.vpc.clone(), tags };
            done.push(self.put(steps, &node, "create", create, []));
        }
        if !firewall.open.is_empty() {
            let open = CloudAction::OpenPorts { firewall: name(), ports: firewall.open.clone() };
            done.push(self.put(steps, &node, "open", open, done.clone()));
        }
        if !firewall.close.is_empty() {
            let close = CloudAction::ClosePorts { firewall: name(), ports: firewall.close.clone() };
            done.push(self.put(steps, &node, "close", close, done.clone()));
        }
        done
    }

    /// What a living instance takes.
    pub(super) fn mends(&self, steps: &mut Steps, account: &Account, ports: &[StepId]) -> Vec<StepId> {
        let (Some(settings), Some(diff)) = (self.cloud.ec2(), &self.diff.ec2) else { return vec![] };
        let instance = || self.target.clone();
        let mend = |mend: &Mend| match mend {
            Mend::Firewall { .. } => {
                let firewall = settings.firewall.clone();
                ("set_firewall", CloudAction::SetFirewall { instance: instance(), firewall }, ports.to_vec())
            }
            Mend::Tokens => ("require_tokens", CloudAction::RequireTokens { instance: instance() }, vec![]),
            Mend::Profile { .. } => {
                let profile = settings.profile.clone();
                let needs = account.profile.iter().cloned().collect();
                ("set_profile", CloudAction::SetProfile { instance: instance(), profile }, needs)
            }
            Mend::Credits { to, .. } => {
                ("set_credits", CloudAction::SetCredits { instance: instance(), credits: *to }, vec![])
            }
        };
        let mends: Vec<_> = diff.mends.iter().map(mend).collect();
        mends.into_iter().map(|(verb, action, needs)| self.put(steps, &self.host.id, verb, action, needs)).collect()
    }

    /// Volumes take their change attached or not, in use or not; a copy of one that moves is made of what it was.
    pub(super) fn volumes(&self, steps: &mut Steps, safety: &[StepId]) -> Vec<StepId> {
        let change = |volume: &VolumeDiff| {
            let (name, size_gb) = (volume.name.clone(), volume.to_gb);
            let action = CloudAction::ModifyDisk { name, size_gb, volume: volume.to };
            self.put(steps, &volume.id, "modify", action, safety.iter().cloned())
        };
        self.diff.volumes.iter().map(change).collect()
    }

    pub(super) fn resize(&self, steps: &mut Steps, stopped: &Stopped) -> Option<StepId> {
        let InstanceDiff::Resize { name, to, .. } = &self.diff.instance else { return None };
        let action = CloudAction::ResizeInstance { name: name.clone(), size: to.clone() };
        Some(self.put(steps, &self.host.id, "resize", action, stopped.steps.iter().cloned()))
    }
}
