//! The diff as a list that a person reads: what, why, what it interrupts.

use serde::{Deserialize, Serialize};

use super::{
    AddressDiff, AlarmDiff, ContactDiff, Diff, DiskDiff, GrowthStage, HostDiff, InstanceDiff, KeyPairDiff, Mend,
    OldRoot, PortsDiff, ProfileDiff, ReleaseDiff, Replacement, VolumeDiff,
};
use crate::graph::NodeId;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    Create,
    Update,
    Replace,
    Delete,
    Keep,
}

impl Verb {
    /// One character, as it stands before a line.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "±",
            Self::Delete => "-",
            Self::Keep => " ",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub node: NodeId,
    pub verb: Verb,
    pub what: String,
    pub why: Option<String>,
    pub interrupts: Option<String>,
}

impl Change {
    pub(super) fn new(node: &NodeId, verb: Verb, what: impl Into<String>) -> Self {
        Self { node: node.clone(), verb, what: what.into(), why: None, interrupts: None }
    }

    pub(super) fn because(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }

    pub(super) fn interrupting(self, what: impl Into<String>) -> Self {
        Self { interrupts: Some(what.into()), ..self }
    }
}

impl Diff {
    /// All nodes in plan order, kept ones too.
    pub fn changes(&self) -> Vec<Change> {
        let mut changes: Vec<_> = self.key_pairs.iter().map(key_pair).collect();
        changes.extend(profile(&self.profile));
        changes.extend(contact(&self.contact));
        for host in &self.hosts {
            changes.extend(instance(host));
            changes.extend(host.ec2.iter().flat_map(|ec2| &ec2.mends).map(|mend| mended(&host.id, mend)));
            changes.extend(address(host));
            changes.extend(ports(host));
            changes.extend(host.disks.iter().map(disk));
            changes.extend(host.volumes.iter().map(volume));
            changes.extend(host.alarms.iter().map(alarm));
        }
        changes.extend(self.database.lines());
        changes.extend(release(&self.release));
        changes
    }
}

fn key_pair(diff: &KeyPairDiff) -> Change {
    match diff.exists {
        true => Change::new(&diff.id, Verb::Keep, diff.name.as_str()),
        false => Change::new(&diff.id, Verb::Create, format!("{}: your public key, for SSH", diff.name)),
    }
}

fn profile(diff: &ProfileDiff) -> Option<Change> {
    let what = |name| format!("role and instance profile {name}: measurements of this plan, nothing else");
    match diff {
        ProfileDiff::None => None,
        ProfileDiff::Keep { id, name } => Some(Change::new(id, Verb::Keep, name.as_str())),
        ProfileDiff::Make { id, name, differs: true, .. } => {
            Some(Change::new(id, Verb::Update, what(name)).because("its policy is another"))
        }
        ProfileDiff::Make { id, name, role: true, .. } => Some(Change::new(id, Verb::Create, what(name))),
        ProfileDiff::Make { id, name, .. } => {
            Some(Change::new(id, Verb::Update, what(name)).because("a part of it is missing"))
        }
    }
}

fn mended(host: &NodeId, mend: &Mend) -> Change {
    let set = |what: &str, why: String| Change::new(host, Verb::Update, what).because(why);
    match mend {
        Mend::Firewall { was } => {
            let was: Vec<_> = was.iter().map(ToString::to_string).collect();
            set("its own security group, and no other", format!("it is behind {}", was.join(", ")))
        }
        Mend::Tokens => set(
            "metadata for a session's token only (IMDSv2), as far as into a container",
            "it was set otherwise outside of infra".into(),
        ),
        Mend::Profile { was: None } => set("its instance profile", "it has none".into()),
        Mend::Profile { was: Some(was) } => set("its instance profile", format!("it has {was}")),
        Mend::Credits { was, to } => set(&format!("credits {to}"), format!("they are {was}")),
    }
}

fn contact(diff: &ContactDiff) -> Option<Change> {
    let node = NodeId::new("alerts.email");
    match diff {
        ContactDiff::None => None,
        ContactDiff::Keep { email, .. } => Some(Change::new(&node, Verb::Keep, email)),
        ContactDiff::Create { email } => Some(
            Change::new(&node, Verb::Create, email)
                .because("alarms reach it once the link in Amazon's mail is followed"),
        ),
        ContactDiff::Replace { from, email } => {
            Some(Change::new(&node, Verb::Replace, format!("{from} → {email}")).because("the new address must verify"))
        }
    }
}

fn instance(host: &HostDiff) -> Option<Change> {
    let id = &host.id;
    match &host.instance {
        InstanceDiff::Existing => None,
        InstanceDiff::Keep { name, start: false } => Some(Change::new(id, Verb::Keep, name.as_str())),
        InstanceDiff::Keep { name, start: true } => {
            Some(Change::new(id, Verb::Update, format!("start {name}")).because("it is stopped"))
        }
        InstanceDiff::Create { name } => Some(Change::new(id, Verb::Create, format!("instance {name}"))),
        InstanceDiff::Resize { name, from, to } => Some(
            Change::new(id, Verb::Update, format!("{name}: size {from} → {to}, with its disks and its address"))
                .because("stop, change, start")
                .interrupting("its services stop for the few minutes in which it is off"),
        ),
        InstanceDiff::Replace(r) if r.root == OldRoot::Nothing => Some(
            Change::new(id, Verb::Update, format!("keep {}, delete {}", r.new, r.old)).because(r.reasons.join(", ")),
        ),
        InstanceDiff::Replace(r) => Some(
            Change::new(id, Verb::Replace, format!("instance {} by {}", r.old, r.new))
                .because(r.reasons.join(", "))
                .interrupting(interrupted_by(r)),
        ),
    }
}

fn interrupted_by(replacement: &Replacement) -> String {
    let carried = match &replacement.root {
        OldRoot::Known { carried, .. } if !carried.is_empty() => {
            let items: Vec<_> = carried.iter().map(ToString::to_string).collect();
            format!("; carried over before: {}", items.join(", "))
        }
        _ => String::new(),
    };
    let lost = replacement.loses().map(|lost| format!("; LOST with the old one: {lost}")).unwrap_or_default();
    format!("services stop while disks and address move to the new instance{carried}{lost}")
}

fn address(host: &HostDiff) -> Option<Change> {
    let node = host.id.child("address");
    match &host.address {
        AddressDiff::None => None,
        AddressDiff::Keep { name } => Some(Change::new(&node, Verb::Keep, name.as_str())),
        AddressDiff::Attach { name, allocate: true, .. } => {
            Some(Change::new(&node, Verb::Create, format!("static IP {name}")))
        }
        AddressDiff::Attach { name, detach_from, .. } => {
            let change = Change::new(&node, Verb::Update, format!("attach static IP {name}"));
            Some(match detach_from {
                Some(old) => change.because(format!("it moves from {old}; the address stays the same")),
                None => change.because("it is not attached"),
            })
        }
        AddressDiff::Release { name, .. } => Some(
            Change::new(&node, Verb::Delete, format!("static IP {name}"))
                .because("static_ip is not set any more")
                .interrupting("clients that know the old address do not find the host any more"),
        ),
    }
}

fn ports(host: &HostDiff) -> Option<Change> {
    let node = host.id.child("ports");
    match &host.ports {
        PortsDiff::None => None,
        PortsDiff::Keep => Some(Change::new(&node, Verb::Keep, "firewall")),
        PortsDiff::Put { opens, closes, lockout } => {
            let created = closes.is_empty() && !matches!(host.instance, InstanceDiff::Keep { .. });
            let parts = opens.iter().map(|o| format!("open {o}")).chain(closes.iter().map(|c| format!("close {c}")));
            let verb = if created { Verb::Create } else { Verb::Update };
            let change = Change::new(&node, verb, parts.collect::<Vec<_>>().join(", "));
            Some(match lockout {
                Some(_) => change.interrupting("YOUR SSH ACCESS from where you are now"),
                None => change,
            })
        }
    }
}

fn disk(diff: &DiskDiff) -> Change {
    let id = diff.id();
    match diff {
        DiskDiff::Keep { name, .. } => Change::new(id, Verb::Keep, name.as_str()),
        DiskDiff::Mount { name, reason, .. } => {
            Change::new(id, Verb::Update, format!("mount {name}")).because(reason.clone())
        }
        DiskDiff::Rename { name, from, .. } => Change::new(id, Verb::Update, format!("disk {name}, data kept"))
            .because(format!("the plan called it {from}")),
        DiskDiff::Create { name, exists: false, .. } => Change::new(id, Verb::Create, format!("disk {name}")),
        DiskDiff::Create { name, .. } => {
            Change::new(id, Verb::Update, format!("attach disk {name}")).because("it exists and is not attached")
        }
        DiskDiff::Move { name, from, safety, .. } => {
            let change = Change::new(id, Verb::Update, format!("move disk {name} to the new instance, data kept"))
                .because(format!("{from} is replaced"));
            match safety {
                Some(snapshot) => Change { what: format!("{}; first a snapshot {snapshot}", change.what), ..change },
                None => change,
            }
        }
        DiskDiff::Grow { old, from_gb, new, stage, .. } => {
            let how = match stage {
                GrowthStage::Attached { .. } => "stop, snapshot, larger disk, start, grow the file system",
                GrowthStage::Detached { .. } => "continues where it stopped",
            };
            Change::new(
                id,
                Verb::Replace,
                format!("disk {old} by the larger {new}, data kept; {old} stays as a way back"),
            )
            .because(format!("it has {from_gb} GB ({how})"))
            .interrupting("the host stops while the copy is made")
        }
    }
}

fn volume(diff: &VolumeDiff) -> Change {
    let size = diff.grows().then(|| format!("{} → {} GB", diff.from_gb, diff.to_gb));
    let kind = (diff.from != diff.to).then(|| format!("{} → {}", diff.from, diff.to));
    let what: Vec<_> = size.into_iter().chain(kind).collect();
    let change = Change::new(&diff.id, Verb::Update, format!("volume {}: {}", diff.name, what.join("; ")));
    match &diff.after {
        None => change.because("in place, while it is in use; until its next change AWS lets some hours pass"),
        Some(after) => change.because(format!("after {after}: AWS changes a volume once at a time")),
    }
}

fn alarm(diff: &AlarmDiff) -> Change {
    match diff {
        AlarmDiff::Keep { id, name } => Change::new(id, Verb::Keep, name.as_str()),
        AlarmDiff::Put { alarm, reason, create } => {
            let what = format!("alarm {}: {} at {}", alarm.name, alarm.metric, alarm.threshold);
            if *create {
                Change::new(&alarm.id, Verb::Create, what)
            } else {
                Change::new(&alarm.id, Verb::Update, what).because(reason.clone())
            }
        }
        AlarmDiff::Delete { id, name } => {
            Change::new(id, Verb::Delete, format!("alarm {name}")).because("its threshold is not in the plan any more")
        }
    }
}

fn release(diff: &ReleaseDiff) -> Option<Change> {
    let node = NodeId::new("bundle");
    match diff {
        ReleaseDiff::None => None,
        ReleaseDiff::Keep { .. } => Some(Change::new(&node, Verb::Keep, "release")),
        ReleaseDiff::Deploy { host, reason, first } => {
            let verb = if *first { Verb::Create } else { Verb::Update };
            let change = Change::new(&node, verb, format!("release on {host}")).because(reason.clone());
            Some(if *first { change } else { change.interrupting("changed services restart") })
        }
    }
}
