//! What a person must say yes to before steps run: which questions there are, in what sentence each is asked, and what answers it
//! without a terminal. Pure. That nothing is lost without such a yes is for `check` to see.

use std::collections::BTreeSet;

use crate::diff::{Diff, InstanceDiff, PortsDiff};
use crate::inventory::ResourceName;

/// What a person has agreed to lose. `--yes` is no such agreement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consent {
    /// Disks and snapshots, and all that instances hold.
    pub include_data: bool,
    /// What lies on the root disks of these instances.
    pub lost: BTreeSet<ResourceName>,
}

/// Data that go with an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    pub instance: ResourceName,
    pub what: String,
}

impl Loss {
    pub fn sentence(&self) -> String {
        format!("{} goes, and with it is LOST {}", self.instance, self.what)
    }

    /// The flag that agrees to it.
    pub fn answer(&self) -> String {
        format!("--lose {} goes on without asking; --yes does not answer this", self.instance)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The service is away for a while.
    Interruption { what: String },
    /// SSH from here may be cut off. Never answered by `--yes` alone.
    Lockout { what: String },
    /// Data go with an instance. Never answered by `--yes` alone.
    Loss(Loss),
}

impl Question {
    pub fn sentence(&self) -> String {
        match self {
            Self::Interruption { what } | Self::Lockout { what } => what.clone(),
            Self::Loss(loss) => loss.sentence(),
        }
    }

    /// What to do where nobody can be asked.
    pub fn answer(&self) -> String {
        match self {
            Self::Interruption { .. } => "--yes goes on without asking".into(),
            Self::Lockout { .. } => "--allow-lockout goes on; or keep a rule for port 22 that admits you".into(),
            Self::Loss(loss) => loss.answer(),
        }
    }
}

pub fn questions(diff: &Diff) -> Vec<Question> {
    let mut questions = vec![];
    for host in &diff.hosts {
        if let InstanceDiff::Replace(r) = &host.instance {
            let what = format!("{} is replaced by {}: its services stop while disks and address move", r.old, r.new);
            questions.push(Question::Interruption { what });
        }
        if let InstanceDiff::Resize { name, from, to } = &host.instance {
            let what = format!(
                "{name} becomes a {to} (it is a {from}): it is off for a few minutes, and its services with it"
            );
            questions.push(Question::Interruption { what });
        }
        if let PortsDiff::Put { lockout: Some(lockout), closes, .. } = &host.ports {
            let from = match lockout.operator {
                Some(ip) => format!("you are connected from {ip}, and no rule for port 22 admits it any more"),
                None => "the rules for port 22 shrink, and it is not known from where you connect".into(),
            };
            let what = format!("{}: {from} (closes {})", host.id, closes.join(", "));
            questions.push(Question::Lockout { what });
        }
    }
    questions
}
