//! Where a migration stands: the journal, replayed. Status × event → status.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::stage::Stage;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Forward,
    /// Everything is undone; the old database never stopped being the one in service, or is again.
    Aborting,
    /// After the cutover: the old database takes over again.
    RollingBack,
}

/// How far one stage has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    Undone,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub direction: Direction,
    pub stages: BTreeMap<Stage, Progress>,
    /// The user's moment for the cutover has come.
    pub cutover_asked: bool,
    pub finish_asked: bool,
}

/// An event that cannot follow on what was before: the journal is not of this migration, or damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the migration's journal does not fit together: {event:?} while {stage} is {found:?}")]
pub struct Impossible {
    event: Event,
    stage: Stage,
    found: Option<Progress>,
}

impl Default for Status {
    fn default() -> Self {
        Self { direction: Direction::Forward, stages: BTreeMap::new(), cutover_asked: false, finish_asked: false }
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
            Event::CutoverAsked => self.cutover_asked = true,
            Event::FinishAsked => self.finish_asked = true,
            Event::AbortAsked => self.direction = Direction::Aborting,
            Event::RollbackAsked => self.direction = Direction::RollingBack,
            Event::Started { stage } => {
                self.set(event, *stage, Progress::Started)?;
                self.overtake(|later, progress| later > *stage && matches!(progress, Progress::Failed { .. }));
            }
            Event::Done { stage, note } => self.set(event, *stage, Progress::Done { note: note.clone() })?,
            Event::Failed { stage, error } => self.set(event, *stage, Progress::Failed { error: error.clone() })?,
            Event::Served => {
                self.overtake(|stage, progress| stage >= Stage::Prepare && matches!(progress, Progress::Done { .. }))
            }
            Event::UndoStarted { stage } => self.set(event, *stage, Progress::Undoing)?,
            Event::Undone { stage } => self.set(event, *stage, Progress::Undone)?,
            Event::UndoFailed { stage, error } => {
                self.set(event, *stage, Progress::UndoFailed { error: error.clone() })?;
            }
        }
        Ok(())
    }

    pub fn is_done(&self, stage: Stage) -> bool {
        matches!(self.stages.get(&stage), Some(Progress::Done { .. }))
    }

    /// Why it stands still, if a stage failed and nothing was begun since.
    pub fn failure(&self) -> Option<(Stage, &str)> {
        self.stages.iter().find_map(|(stage, progress)| match progress {
            Progress::Failed { error } | Progress::UndoFailed { error } => Some((*stage, error.as_str())),
            _ => None,
        })
    }

    /// The new database is the one in service.
    pub fn is_cut_over(&self) -> bool {
        self.is_done(Stage::Cutover)
    }

    /// Its clients and its database are to be left alone: the migration reads from it under one snapshot, or switches.
    pub fn holds_host(&self) -> bool {
        match self.direction {
            Direction::Forward => self.stages.range(Stage::Prepare..).next().is_some() && !self.is_cut_over(),
            Direction::Aborting | Direction::RollingBack => {
                self.stages.values().any(|progress| *progress != Progress::Undone)
            }
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
            return Err(Impossible { event: event.clone(), stage, found: found.cloned() });
        }
        self.stages.insert(stage, progress);
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
            | (Some(Undoing), Undone | UndoFailed { .. })
    )
}
