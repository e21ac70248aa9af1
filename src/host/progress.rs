//! What a long operation on a host tells while it runs. Consumers display it; nothing here does.

use tokio::sync::mpsc::UnboundedSender;

use crate::plan::names::NodeName;

/// The parts of a deployment that a person recognises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Connect,
    Prepare,
    Build,
    Push,
    Lock,
    Upload,
    Secrets,
    Pull,
    Start,
    Rollback,
    Prune,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostEvent {
    /// A new part begins; `detail` names its subject.
    Phase { phase: Phase, detail: String },
    /// One line of a tool's output, without its end of line.
    Line { text: String },
    /// Bytes on the wire so far, and how many there will be where that is known.
    Bytes { sent: u64, total: Option<u64> },
}

/// Where events go. Cheap to clone; a receiver that went away is no error.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    sender: Option<UnboundedSender<(Option<NodeName>, HostEvent)>>,
    host: Option<NodeName>,
}

impl Progress {
    /// Events are tagged with `host`; `None` is for work on the operator's machine.
    pub fn new(sender: UnboundedSender<(Option<NodeName>, HostEvent)>, host: Option<NodeName>) -> Self {
        Self { sender: Some(sender), host }
    }

    pub fn none() -> Self {
        Self::default()
    }

    pub fn emit(&self, event: HostEvent) {
        if let Some(sender) = &self.sender {
            let _ = sender.send((self.host.clone(), event));
        }
    }

    pub fn phase(&self, phase: Phase, detail: impl Into<String>) {
        self.emit(HostEvent::Phase { phase, detail: detail.into() });
    }

    pub fn line(&self, text: impl Into<String>) {
        self.emit(HostEvent::Line { text: text.into() });
    }
}
