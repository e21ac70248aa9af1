//! Where a migration stands, for whoever looks from outside.

use serde::{Deserialize, Serialize};

use super::{AgentError, Secured};
use crate::migrate::folder::Folder;
use crate::migrate::job::Destination;
use crate::migrate::saga::{Cutover, Direction, Mode, Next, Status, next};
use crate::migrate::stages::{Pause, SafetyCopy};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    pub id: String,
    pub mode: Mode,
    pub to: Destination,
    /// The new database is there, as far as the agent has been told.
    pub has_target: bool,
    #[serde(default)]
    pub secured: Secured,
    #[serde(default)]
    pub cutover: Cutover,
    pub status: Status,
    pub next: Next,
    /// Of the stage that runs: its own words.
    pub progress: Option<serde_json::Value>,
    pub safety_copy: Option<SafetyCopy>,
    /// The agent is at work.
    pub running: bool,
    /// How long writers waited.
    pub pause: Option<Pause>,
}

impl Report {
    /// Aborted or rolled back, to the end.
    pub fn is_undone(&self) -> bool {
        self.next == Next::Nothing && self.status.direction != Direction::Forward
    }
}

pub(super) async fn report(folder: Folder) -> Result<Report, AgentError> {
    let job = folder.job()?;
    let status = folder.status()?;
    Ok(Report {
        next: next(&status, job.mode, job.cutover, jiff::Timestamp::now()),
        id: job.id,
        mode: job.mode,
        to: job.to,
        has_target: folder.file("target.json").exists(),
        secured: folder.read("secured.json")?.unwrap_or_default(),
        cutover: job.cutover,
        status,
        progress: folder.read("progress.json")?,
        safety_copy: folder.read("safety.json")?,
        pause: folder.read("pause.json")?,
        running: is_running().await,
    })
}

async fn is_running() -> bool {
    let state =
        tokio::process::Command::new("systemctl").args(["is-active", "--quiet", "infra-migrate"]).status().await;
    state.is_ok_and(|status| status.success())
}
