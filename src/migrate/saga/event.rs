//! What the journal of a migration holds, one line an event.

use serde::{Deserialize, Serialize};

use super::stage::Stage;

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
    /// `infra migrate cutover`: the user's moment has come.
    CutoverAsked,
    /// `infra migrate abort`, before the cutover is done: undo everything, last stage first.
    AbortAsked,
    /// `infra migrate rollback`, after it: back to the old database with every row.
    RollbackAsked,
    /// `infra migrate finish`: the way back is given up.
    FinishAsked,
    UndoStarted {
        stage: Stage,
    },
    Undone {
        stage: Stage,
    },
    UndoFailed {
        stage: Stage,
        error: String,
    },
}
