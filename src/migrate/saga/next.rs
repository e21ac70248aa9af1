//! What comes next, from where it stands.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cutover::Cutover;
use super::stage::{Mode, Stage};
use super::status::{Direction, Progress, Status};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    Run(Stage),
    Undo(Stage),
    /// Everything is ready; its time has not come, and `infra migrate cutover` has not been said.
    AwaitCutover,
    /// The new database serves and the old one follows it; `infra migrate finish` or `rollback` says how it ends.
    AwaitFinish,
    /// Finished, aborted or rolled back.
    Nothing,
}

pub fn next(status: &Status, mode: Mode, cutover: Cutover, now: Timestamp) -> Next {
    match status.direction {
        Direction::Forward => forward(status, mode, cutover.is_due(now)),
        Direction::Aborting | Direction::RollingBack => backward(status),
    }
}

fn forward(status: &Status, mode: Mode, due: bool) -> Next {
    match Stage::of(mode).find(|stage| !status.is_done(*stage)) {
        Some(Stage::Cutover) if !due && !status.cutover_asked && !begun(status, Stage::Cutover) => Next::AwaitCutover,
        Some(Stage::Finish) if !status.finish_asked => Next::AwaitFinish,
        Some(stage) => Next::Run(stage),
        None => Next::Nothing,
    }
}

fn begun(status: &Status, stage: Stage) -> bool {
    status.stages.contains_key(&stage)
}

/// The last stage first. What was looked at or saved only stays.
fn backward(status: &Status) -> Next {
    let standing = |progress: &Progress| !matches!(progress, Progress::Undone);
    let last = status.stages.iter().rev().find(|(_, progress)| standing(progress));
    last.map_or(Next::Nothing, |(stage, _)| Next::Undo(*stage))
}
