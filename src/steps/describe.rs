//! Steps in words: for people, one line each, in the imperative.

use super::action::{Action, CloudAction, HostAction, LocalAction};
use super::ec2::ProfileCall;
use crate::inventory::{OpenPort, ResourceName};

/// What the step does.
pub fn describe(action: &Action) -> String {
    match action {
        Action::Cloud { action, .. } => cloud(action),
        Action::Database(action) => super::describe_database(action),
        Action::Host(action) => host(action),
        Action::Local(LocalAction::BuildImages { services, .. }) => {
            format!("build images here: {}", services.join(", "))
        }
    }
}

/// What the step interrupts, if anything.
pub fn interrupts(action: &Action) -> Option<&'static str> {
    match action {
        Action::Cloud { action: CloudAction::StopInstance { .. }, .. } => Some("the host is off until it starts again"),
        Action::Cloud { action: CloudAction::DetachAddress { .. }, .. } => {
            Some("clients do not reach the host until it is attached")
        }
        Action::Database(action) => super::database::interrupts(action),
        Action::Host(HostAction::StopServices { .. }) => Some("the services are down from here on"),
        Action::Host(HostAction::Carry { .. }) => Some("the services are down until the new instance serves"),
        Action::Host(HostAction::Release { .. }) => Some("changed services restart"),
        _ => None,
    }
}

fn cloud(action: &CloudAction) -> String {
    match action {
        CloudAction::ImportKeyPair { name, .. } => format!("import key pair {name}"),
        CloudAction::DeleteKeyPair { name } => format!("delete key pair {name}"),
        CloudAction::CreateInstance(spec) => {
            format!("create instance {} ({}, {}, {})", spec.name, spec.size, spec.image, spec.zone)
        }
        CloudAction::StartInstance { name } => format!("start instance {name}"),
        CloudAction::StopInstance { name } => format!("stop instance {name}"),
        CloudAction::DeleteInstance { name } => format!("delete instance {name}"),
        CloudAction::PutPorts { instance, ports } => {
            let ranges: Vec<_> = ports.iter().map(|p| p.range.to_string()).collect();
            format!("open ports {} on {instance}, close all others", ranges.join(", "))
        }
        CloudAction::CreateFirewall { name, vpc, .. } => format!("create security group {name} in {vpc}"),
        CloudAction::OpenPorts { firewall, ports } => format!("open in {firewall}: {}", rules(ports)),
        CloudAction::ClosePorts { firewall, ports } => format!("close in {firewall}: {}", rules(ports)),
        CloudAction::SetFirewall { instance, firewall } => {
            format!("put {instance} behind {firewall}, and nothing else")
        }
        CloudAction::DeleteFirewall { name } => format!("delete security group {name}"),
        CloudAction::ResizeInstance { name, size } => format!("make {name} a {size}"),
        CloudAction::RequireTokens { instance } => format!("require session tokens for the metadata of {instance}"),
        CloudAction::SetCredits { instance, credits } => format!("set the CPU credits of {instance} to {credits}"),
        CloudAction::SetProfile { instance, profile } => format!("give {instance} the profile {profile}"),
        CloudAction::Protect { instance, on: true } => format!("protect {instance} from being deleted"),
        CloudAction::Protect { instance, on: false } => format!("let {instance} be deleted"),
        CloudAction::Profile { name, part } => profile(name, part),
        CloudAction::AllocateAddress { name, .. } => format!("allocate static IP {name}"),
        CloudAction::AttachAddress { name, instance } => format!("attach static IP {name} to {instance}"),
        CloudAction::DetachAddress { name } => format!("detach static IP {name}"),
        CloudAction::ReleaseAddress { name } => format!("release static IP {name}"),
        CloudAction::CreateDisk { name, size_gb, zone, volume: None, .. } => {
            format!("create disk {name} ({size_gb} GB, {zone})")
        }
        CloudAction::CreateDisk { name, size_gb, zone, volume: Some(volume), .. } => {
            format!("create volume {name} ({size_gb} GB, {volume}, {zone})")
        }
        CloudAction::ModifyDisk { name, size_gb, volume } => {
            format!("change volume {name} in place to {size_gb} GB, {volume}")
        }
        CloudAction::CreateDiskFromSnapshot { name, snapshot, size_gb, .. } => {
            format!("create disk {name} ({size_gb} GB) from snapshot {snapshot}")
        }
        CloudAction::AttachDisk { name, instance, path } => format!("attach disk {name} to {instance} as {path}"),
        CloudAction::DetachDisk { name } => format!("detach disk {name}"),
        CloudAction::DeleteDisk { name } => format!("delete disk {name} and its data"),
        CloudAction::SnapshotDisk { disk, snapshot, .. } => format!("snapshot disk {disk} as {snapshot}"),
        CloudAction::DeleteSnapshot { name } => format!("delete snapshot {name}"),
        CloudAction::Tag { name, tags } => {
            let pairs: Vec<_> = tags.0.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("tag {name} with {}", pairs.join(", "))
        }
        CloudAction::CreateContact { email, .. } => format!("register {email} for alarms"),
        CloudAction::DeleteContact => "remove the e-mail contact for alarms".into(),
        CloudAction::PutAlarm(spec) => format!("set alarm {} on {}", spec.name, spec.metric),
        CloudAction::DeleteAlarm { name } => format!("delete alarm {name}"),
    }
}

fn rules(ports: &[OpenPort]) -> String {
    let one = |port: &OpenPort| {
        let from = port.from.iter().map(ToString::to_string).chain(port.aliases.iter().cloned());
        format!("{} from {}", port.what(), from.collect::<Vec<_>>().join(", "))
    };
    ports.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn profile(name: &ResourceName, part: &ProfileCall) -> String {
    match part {
        ProfileCall::CreateRole { .. } => format!("create role {name}"),
        ProfileCall::PutPolicy { .. } => format!("let role {name} write this plan's measurements"),
        ProfileCall::CreateProfile { .. } => format!("create instance profile {name}"),
        ProfileCall::AddRole => format!("put role {name} into its instance profile"),
        ProfileCall::RemoveRole => format!("take role {name} out of its instance profile"),
        ProfileCall::DeleteProfile => format!("delete instance profile {name}"),
        ProfileCall::DeletePolicy => format!("delete the policy of role {name}"),
        ProfileCall::DeleteRole => format!("delete role {name}"),
    }
}

fn host(action: &HostAction) -> String {
    match action {
        HostAction::Wait { on } => format!("wait until {} is prepared", on.host()),
        HostAction::Prepare { on } => format!("prepare {}", on.host()),
        HostAction::PrepareDisk { on, disk } => {
            format!("mount {} at {} on {} (format only if proven blank)", disk.resource, disk.mount, on.host())
        }
        HostAction::RenameDisk { on, mount, from, to } => {
            format!("call the disk at {mount} on {} {to}, no longer {from}", on.host())
        }
        HostAction::Carry { from, data, state, .. } => {
            let mut items: Vec<_> = data.iter().map(ToString::to_string).collect();
            if *state {
                items.push("releases and secrets".into());
            }
            format!("copy to the new instance of {} and compare: {}", from.host(), items.join(", "))
        }
        HostAction::StopServices { on } => format!("stop the services on {}", on.host()),
        HostAction::PushImages { on, .. } => format!("send image layers to {}", on.host()),
        HostAction::Release { on, .. } => format!("deploy a release on {} and wait until it is healthy", on.host()),
    }
}
