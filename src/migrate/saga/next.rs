//! What comes next, from where it stands.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cutover::Cutover;
use super::event::Event;
use super::stage::{Mode, Stage};
use super::status::{Progress, Status};
use super::switch::{Side, Step};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    Run(Stage),
    /// The clients go over, from this step on.
    Switch {
        to: Side,
        from: Step,
    },
    /// A switch that failed, or is not wanted any more: the clients are served where they were.
    TakeBack {
        to: Side,
    },
    Undo(Stage),
    /// Everything is ready; its time has not come, and `infra migrate cutover` has not been said.
    AwaitCutover,
    /// The new database serves and the old one follows it; `infra migrate finish` or `rollback` says how it ends.
    AwaitFinish,
    /// Finished, aborted or rolled back.
    Nothing,
}

impl Next {
    /// The clients go over, or back to where they were.
    pub fn is_switch(self) -> bool {
        matches!(self, Self::Switch { .. } | Self::TakeBack { .. })
    }

    /// What is written before its first effect.
    pub fn begun(self, status: &Status) -> Option<Event> {
        let cutover = Stage::Cutover;
        match self {
            Self::Run(stage) => Some(Event::Started { stage }),
            Self::Undo(stage) => Some(Event::UndoStarted { stage }),
            Self::Switch { to: Side::New, .. } if status.stages.get(&cutover) != Some(&Progress::Started) => {
                Some(Event::Started { stage: cutover })
            }
            Self::TakeBack { to } if status.switch.as_ref().is_some_and(|switch| !switch.taken_back) => {
                Some(Event::TakingBack { to })
            }
            _ => None,
        }
    }
}

pub fn next(status: &Status, mode: Mode, cutover: Cutover, now: Timestamp) -> Next {
    let wanted = status.wanted();
    match &status.switch {
        Some(switch) if !switch.is_over_the_point() => {
            let to = switch.to;
            if switch.taken_back || to != wanted {
                return Next::TakeBack { to };
            }
            return Next::Switch { to, from: switch.step.again() };
        }
        // Cut off: they are to be started, whatever is wanted by now.
        Some(switch) if switch.failed.is_none() => return Next::Switch { to: switch.to, from: Step::Serve },
        // Where they are to be, and not healthy; who gives up the way back has them as they are.
        Some(switch) if switch.to == wanted && !status.finish_asked => {
            return Next::Switch { to: wanted, from: Step::Serve };
        }
        Some(_) | None => {}
    }
    match (wanted, status.at) {
        (Side::Old, Side::New) => Next::Switch { to: Side::Old, from: Step::Drain },
        (Side::Old, Side::Old) => backward(status),
        (Side::New, Side::New) => guarded(status),
        (Side::New, Side::Old) => forward(status, mode, cutover.is_due(now)),
    }
}

fn forward(status: &Status, mode: Mode, due: bool) -> Next {
    let over = Next::Switch { to: Side::New, from: Step::Drain };
    // What is not done yet cannot be done without the old server; every row is there.
    if status.given_up.old {
        return over;
    }
    match Stage::of(mode).find(|stage| !status.is_done(*stage)) {
        Some(Stage::Cutover) if due || status.cutover_asked || status.stages.contains_key(&Stage::Cutover) => over,
        Some(Stage::Cutover) => Next::AwaitCutover,
        Some(stage) => Next::Run(stage),
        None => Next::Nothing,
    }
}

/// The clients are at the new database.
fn guarded(status: &Status) -> Next {
    if status.is_done(Stage::Finish) {
        return Next::Nothing;
    }
    if status.finish_asked {
        return Next::Run(Stage::Finish);
    }
    if !status.is_done(Stage::Cutover) {
        return Next::Switch { to: Side::New, from: Step::Serve };
    }
    if status.is_done(Stage::Guard) { Next::AwaitFinish } else { Next::Run(Stage::Guard) }
}

/// The last stage first. What was looked at or saved only stays.
fn backward(status: &Status) -> Next {
    let standing = |progress: &Progress| !matches!(progress, Progress::Undone { .. });
    let last = status.stages.iter().rev().find(|(_, progress)| standing(progress));
    last.map_or(Next::Nothing, |(stage, _)| Next::Undo(*stage))
}
