//! What the user may say, and when. A command that loses something needs the consent to it.

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::stage::Stage;
use super::status::{Direction, Progress, Status};
use super::switch::Side;

/// A word of the user to a migration that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserCommand {
    Resume,
    Cutover,
    Abort,
    Rollback,
    Finish,
}

/// What a word carries besides itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consent {
    /// To what it loses.
    pub loss: bool,
    /// To clients that wait while every row is copied back.
    pub wait: bool,
}

/// Its time is not now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untimely {
    #[error("the clients use the new database already")]
    CutOver,
    #[error("the clients use the new database already: infra migrate rollback goes back with every row")]
    RollBack,
    #[error("the clients still use the old database")]
    NotCutOver,
    #[error("it is being undone: infra migrate resume goes on with that")]
    Undoing,
    #[error("the clients use the old database again: infra migrate resume ends the clean-up")]
    RolledBack,
    #[error("not all rows are in the new database yet: without the old one there is no going on")]
    NotCopied,
    #[error(
        "the way back is given up: infra migrate resume goes on with that; infra migrate rollback --leave-rows goes back all the same, without what was written since"
    )]
    GivenUp,
}

impl UserCommand {
    pub const ALL: [Self; 5] = [Self::Resume, Self::Cutover, Self::Abort, Self::Rollback, Self::Finish];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resume => "resume",
            Self::Cutover => "cutover",
            Self::Abort => "abort",
            Self::Rollback => "rollback",
            Self::Finish => "finish",
        }
    }

    /// The flag by which it goes on without a server that is gone, or with what one of them will not have.
    pub fn consent(self) -> Option<&'static str> {
        match self {
            Self::Resume => None,
            Self::Cutover | Self::Abort | Self::Rollback => Some("--leave-rows"),
            Self::Finish => Some("--give-up-way-back"),
        }
    }
}

/// What is written down of a word, if its time has come and has not passed. `consent`: to what it loses.
pub fn admit(word: UserCommand, consent: bool, status: &Status) -> Result<Option<Event>, Untimely> {
    let back = status.direction != Direction::Forward;
    let undone = |progress: &Progress| matches!(progress, Progress::Undone { .. } | Progress::Undoing);
    let is_undone = status.stages.values().any(undone);
    match (word, status.at) {
        (UserCommand::Resume, _) => Ok(None),
        (UserCommand::Cutover, Side::New) => Err(Untimely::CutOver),
        // Undoing stopped before it undid anything, since the old server is gone: every row may be in the new one.
        (UserCommand::Cutover, Side::Old) if is_undone || back && !consent => Err(Untimely::Undoing),
        (UserCommand::Cutover, Side::Old) if consent && !status.has_rows() => Err(Untimely::NotCopied),
        (UserCommand::Cutover, Side::Old) => Ok(Some(Event::CutoverAsked { leave_rows: consent })),
        (UserCommand::Abort, Side::New) => Err(Untimely::RollBack),
        (UserCommand::Abort, Side::Old) => Ok(Some(Event::AbortAsked { leave_rows: consent })),
        (UserCommand::Rollback, Side::Old) if !back => Err(Untimely::NotCutOver),
        (UserCommand::Rollback, Side::New) if !consent && status.stages.contains_key(&Stage::Finish) => {
            Err(Untimely::GivenUp)
        }
        (UserCommand::Rollback, _) => Ok(Some(Event::RollbackAsked { leave_rows: consent, offline: false })),
        (UserCommand::Finish, Side::Old) if back => Err(Untimely::RolledBack),
        (UserCommand::Finish, Side::Old) => Err(Untimely::NotCutOver),
        (UserCommand::Finish, Side::New) => Ok(Some(Event::FinishAsked { give_up_way_back: consent })),
    }
}
