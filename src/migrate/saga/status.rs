//! Where a migration stands: the journal, replayed. Status × event → status.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::stage::Stage;
use super::switch::{Side, Switching};
use super::user_command::UserCommand;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Forward,
    /// Everything is undone; the old database never stopped being the one in service, or is again.
    Aborting,
    /// After the cutover: the old database takes over again, then everything is undone.
    RollingBack,
}

/// How far one stage has come.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Progress {
    /// Begun, and no end written: running now, or cut off.
    Started,
    Done {
        note: String,
    },
    Failed {
        error: String,
    },
    /// It was done, or had failed, and an earlier stage is done once more: then so is this one.
    Overtaken,
    Undoing,
    UndoFailed {
        error: String,
    },
    Undone {
        /// What could not be, and stays.
        #[serde(default)]
        left: String,
    },
}

/// Servers that the user has given up: what is to be done there is tried, and passed over where it fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GivenUp {
    pub old: bool,
    pub new: bool,
}

impl GivenUp {
    pub fn has(self, side: Side) -> bool {
        match side {
            Side::Old => self.old,
            Side::New => self.new,
        }
    }

    pub fn any(self) -> bool {
        self.old || self.new
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Status {
    pub direction: Direction,
    pub stages: BTreeMap<Stage, Progress>,
    /// The user's moment for the cutover has come.
    pub cutover_asked: bool,
    pub finish_asked: bool,
    /// Where the clients are: they are served there, or are to be. While a switch is in its step `point` they may be pointed
    /// to the other one already.
    pub at: Side,
    pub switch: Option<Switching>,
    /// Why the clients did not become healthy there.
    pub unwell: Option<String>,
    /// Why the last rollback was taken back: the new database serves on.
    pub refused: Option<String>,
    /// The new database has had the clients: its rows may be the only ones.
    pub has_served: bool,
    pub given_up: GivenUp,
    /// The last rollback may let the clients wait while every row is copied back.
    #[serde(default)]
    pub waits_for_rows: bool,
}

/// An event that cannot follow on what was before: the journal is not of this migration, or damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the migration's journal does not fit together: {event:?} after {found}")]
pub struct Impossible {
    event: Event,
    found: String,
}

impl Impossible {
    pub(super) fn new(event: &Event, found: String) -> Self {
        Self { event: event.clone(), found }
    }
}

impl Default for Status {
    fn default() -> Self {
        Self {
            direction: Direction::Forward,
            stages: BTreeMap::new(),
            cutover_asked: false,
            finish_asked: false,
            at: Side::Old,
            switch: None,
            unwell: None,
            refused: None,
            has_served: false,
            given_up: GivenUp::default(),
            waits_for_rows: false,
        }
    }
}

impl Status {
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<Self, Impossible> {
        let mut status = Self::default();
        for event in events {
            status.apply(event)?;
        }
        Ok(status)
    }

    pub fn apply(&mut self, event: &Event) -> Result<(), Impossible> {
        match event {
            Event::CutoverAsked { leave_rows } => drop(self.ask(UserCommand::Cutover, *leave_rows)),
            Event::AbortAsked { leave_rows } => drop(self.ask(UserCommand::Abort, *leave_rows)),
            Event::RollbackAsked { leave_rows, offline } => {
                if self.ask(UserCommand::Rollback, *leave_rows) {
                    self.waits_for_rows = *offline;
                }
            }
            Event::FinishAsked { give_up_way_back } => drop(self.ask(UserCommand::Finish, *give_up_way_back)),
            Event::Step { to, step } => return self.step(event, *to, *step),
            Event::SwitchFailed { to, error } => return self.switch_failed(event, *to, error),
            Event::TakingBack { to } => return self.taking_back(event, *to),
            Event::TakenBack { to } => return self.taken_back(event, *to),
            Event::Switched { to } => return self.switched(event, *to),
            Event::Started { stage } => {
                self.set(event, *stage, Progress::Started)?;
                self.overtake(|later, progress| later > *stage && matches!(progress, Progress::Failed { .. }));
            }
            Event::Done { stage, note } => {
                self.set(event, *stage, Progress::Done { note: note.clone() })?;
                if *stage == Stage::Cutover {
                    // Journals of before there were steps have nothing else to say it by.
                    (self.at, self.has_served) = (Side::New, true);
                }
            }
            Event::Failed { stage, error } => self.set(event, *stage, Progress::Failed { error: error.clone() })?,
            Event::Served => {
                self.overtake(|stage, progress| stage >= Stage::Prepare && matches!(progress, Progress::Done { .. }))
            }
            Event::UndoStarted { stage } => self.set(event, *stage, Progress::Undoing)?,
            Event::Undone { stage, left } => self.set(event, *stage, Progress::Undone { left: left.clone() })?,
            Event::UndoFailed { stage, error } => {
                self.set(event, *stage, Progress::UndoFailed { error: error.clone() })?;
            }
        }
        Ok(())
    }

    pub fn is_done(&self, stage: Stage) -> bool {
        matches!(self.stages.get(&stage), Some(Progress::Done { .. }))
    }

    /// Why it stands still, if something failed and nothing was begun since; and what.
    pub fn failure(&self) -> Option<(&'static str, &str)> {
        if self.is_done(Stage::Finish) {
            return None;
        }
        if let Some(Switching { to: Side::Old, failed: Some(error), .. }) = &self.switch {
            return Some(("rollback", error));
        }
        if let Some(Switching { to: Side::New, failed: Some(error), .. }) = &self.switch {
            return Some((Stage::Cutover.name(), error));
        }
        // Who gives up the way back has everything else as it is.
        let finishes = self.stages.contains_key(&Stage::Finish);
        let from = if finishes { Stage::Finish } else { Stage::Preflight };
        self.stages.range(from..).find_map(|(stage, progress)| match progress {
            Progress::Failed { error } | Progress::UndoFailed { error } => Some((stage.name(), error.as_str())),
            _ => None,
        })
    }

    /// The new database is the one in service.
    pub fn is_cut_over(&self) -> bool {
        self.at == Side::New
    }

    /// Its clients and its database are to be left alone: the migration reads from it under one snapshot, or switches. Clients
    /// that do not become healthy after a switch may be mended.
    pub fn holds_host(&self) -> bool {
        match (&self.switch, self.direction) {
            (Some(switch), _) => !(switch.is_over_the_point() && switch.failed.is_some()),
            (None, Direction::Forward) => self.stages.range(Stage::Prepare..).next().is_some() && self.at == Side::Old,
            (None, Direction::Aborting | Direction::RollingBack) => {
                self.stages.values().any(|progress| !matches!(progress, Progress::Undone { .. }))
            }
        }
    }

    /// The new database may have rows.
    pub fn has_copied(&self) -> bool {
        self.stages.contains_key(&Stage::Copy)
    }

    /// The new database has every row of the copy, and its indexes; also after a pause that was ended, until another begins.
    pub fn has_rows(&self) -> bool {
        use Progress::{Done, Failed, Overtaken, UndoFailed, Undoing};
        let is = |stage: Stage, which: fn(&Progress) -> bool| self.stages.get(&stage).is_some_and(which);
        let is_kept = is(Stage::Prepare, |progress| matches!(progress, Overtaken | Failed { .. }));
        let copied = self.is_done(Stage::Copy) || is(Stage::Copy, |progress| *progress == Overtaken) && is_kept;
        copied && is(Stage::Index, |progress| matches!(progress, Done { .. } | Overtaken | Undoing | UndoFailed { .. }))
    }

    /// The database that the clients are to have in the end.
    pub fn wanted(&self) -> Side {
        match self.direction {
            Direction::Forward => Side::New,
            Direction::Aborting | Direction::RollingBack => Side::Old,
        }
    }

    fn overtake(&mut self, which: impl Fn(Stage, &Progress) -> bool) {
        for (_, progress) in self.stages.iter_mut().filter(|(stage, progress)| which(**stage, progress)) {
            *progress = Progress::Overtaken;
        }
    }

    fn set(&mut self, event: &Event, stage: Stage, progress: Progress) -> Result<(), Impossible> {
        let found = self.stages.get(&stage);
        if !follows(found, &progress) {
            return Err(Impossible::new(event, format!("{found:?}")));
        }
        self.stages.insert(stage, progress);
        if stage == Stage::Finish {
            self.as_they_are(Side::New);
        }
        Ok(())
    }
}

/// A stage that was cut off or failed may be begun again; one that is done is undone, or turns out to be so no longer, as
/// a verification does when a database has changed in a way that it cannot follow. To a failure more may come.
fn follows(found: Option<&Progress>, next: &Progress) -> bool {
    use Progress::{Done, Failed, Overtaken, Started, UndoFailed, Undoing, Undone};
    matches!(
        (found, next),
        (None | Some(Started | Failed { .. } | Overtaken), Started)
            | (Some(Started), Done { .. } | Failed { .. })
            | (Some(Done { .. } | Failed { .. }), Failed { .. })
            | (Some(Started | Done { .. } | Failed { .. } | Overtaken | Undoing | UndoFailed { .. }), Undoing)
            | (Some(Undoing), Undone { .. } | UndoFailed { .. })
    )
}
