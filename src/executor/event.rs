//! What the executor tells while it runs. The JSON form is documented in docs/json.md and stable.

use serde::Serialize;
use tokio::sync::mpsc::UnboundedSender;

use crate::steps::StepId;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    RunStarted {
        steps: usize,
    },
    StepStarted {
        step: StepId,
        what: String,
    },
    /// The step waits for something outside.
    StepWaiting {
        step: StepId,
        on: String,
    },
    StepRetry {
        step: StepId,
        reason: String,
        attempt: u32,
        after_ms: u64,
    },
    /// A line of output of long work.
    StepOutput {
        step: StepId,
        line: String,
    },
    /// Bytes done, of a total if it is known.
    StepBytes {
        step: StepId,
        done: u64,
        total: Option<u64>,
    },
    StepDone {
        step: StepId,
        ms: u64,
    },
    StepFailed {
        step: StepId,
        error: String,
        hint: Option<String>,
    },
    /// Ctrl-C: running steps end, no other begins.
    Stopping {
        running: Vec<StepId>,
    },
    RunEnded {
        done: usize,
        failed: usize,
        left: usize,
        ms: u64,
    },
}

/// Where a step's own events go.
#[derive(Debug, Clone)]
pub struct Reporter {
    pub step: StepId,
    pub to: UnboundedSender<Event>,
}

impl Reporter {
    /// Nobody listening is no reason to stop the work.
    pub fn send(&self, event: Event) {
        drop(self.to.send(event));
    }

    pub fn waiting(&self, on: impl Into<String>) {
        self.send(Event::StepWaiting { step: self.step.clone(), on: on.into() });
    }

    pub fn output(&self, line: impl Into<String>) {
        self.send(Event::StepOutput { step: self.step.clone(), line: line.into() });
    }
}
