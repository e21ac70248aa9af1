//! What the journal of a migration holds, one line an event.

use serde::{Deserialize, Serialize};

use super::stage::Stage;
use super::switch::{Side, Step};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Written before the stage's first effect.
    Started {
        stage: Stage,
    },
    /// `note`: what a person wants to know of it.
    Done {
        stage: Stage,
        #[serde(default)]
        note: String,
    },
    Failed {
        stage: Stage,
        error: String,
    },
    /// Offline, after a failure: the clients run again, on the old database. What was made since they were paused is of rows
    /// that may have changed, and is made anew. Written before they start.
    Served,
    /// Written before the step's effect.
    Step {
        to: Side,
        step: Step,
    },
    /// In the step that was written last.
    SwitchFailed {
        to: Side,
        error: String,
    },
    /// It is not wanted any more, or failed: written before anything of it is taken back.
    TakingBack {
        to: Side,
    },
    /// After a failure before the clients were started there: they are served where they were.
    TakenBack {
        to: Side,
    },
    /// The clients are served there.
    Switched {
        to: Side,
    },
    /// `infra migrate cutover`: the user's moment has come. `leave_rows`: also without the old server.
    CutoverAsked {
        #[serde(default)]
        leave_rows: bool,
    },
    /// `infra migrate abort`, before the cutover is done: undo everything, last stage first. `leave_rows`: what a server that
    /// is gone holds stays there.
    AbortAsked {
        #[serde(default)]
        leave_rows: bool,
    },
    /// `infra migrate rollback`, after it: back to the old database. `leave_rows`: also without what does not come back.
    /// `offline`: the clients may wait while every row is copied back.
    RollbackAsked {
        #[serde(default)]
        leave_rows: bool,
        #[serde(default)]
        offline: bool,
    },
    /// `infra migrate finish`: the way back is given up. `give_up_way_back`: also where the old server cannot be cleaned.
    FinishAsked {
        #[serde(default)]
        give_up_way_back: bool,
    },
    UndoStarted {
        stage: Stage,
    },
    /// `left`: what could not be, and stays by the user's consent.
    Undone {
        stage: Stage,
        #[serde(default)]
        left: String,
    },
    UndoFailed {
        stage: Stage,
        error: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_version_before_lets_nobody_wait() {
        let written = r#"{"event":"rollback_asked","leave_rows":false}"#;
        let event: Event = serde_json::from_str(written).unwrap();
        assert_eq!(event, Event::RollbackAsked { leave_rows: false, offline: false });
    }
}
