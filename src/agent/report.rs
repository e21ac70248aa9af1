//! Where a migration stands, for whoever looks from outside.

use serde::{Deserialize, Serialize};

use super::health::{SourceHealth, health};
use super::{AgentError, Secured};
use crate::host::unit;
use crate::inventory::host_facts::MigrationFacts;
use crate::migrate::catalog::QualifiedName;
use crate::migrate::files;
use crate::migrate::folder::{Folder, FolderError};
use crate::migrate::job::Destination;
use crate::migrate::old_data_retention::OldDataRetention;
use crate::migrate::preflight::{Finding, Severity};
use crate::migrate::safety_copy::SafetyCopy;
use crate::migrate::saga::{Cutover, Direction, Mode, Next, Side, Stage, Status, Step, next};
use crate::migrate::stages::{
    Context, Missing, Pause, WayBack, comes_home, missing_clients, waiting_since, way_back_stands,
};
use crate::migrate::verify::incremental::to_be_verified;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    pub id: String,
    /// The database that moves.
    #[serde(default)]
    pub database: String,
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
    /// Codes of warnings and losses that keep the migration from going on until somebody agrees to them.
    #[serde(default)]
    pub open: Vec<String>,
    /// If it was asked for, and the migration is not over.
    #[serde(default)]
    pub source: Option<SourceHealth>,
    /// The old data, once the migration is finished.
    #[serde(default)]
    pub kept: Option<OldDataRetention>,
    /// Tables that had so much written since the verification that all rows are compared once more before the switch.
    #[serde(default)]
    pub verified_anew: Vec<String>,
    /// The clients wait, and since when.
    #[serde(default)]
    pub waiting_since: Option<jiff::Timestamp>,
    /// After the cutover, where there is one to look after.
    #[serde(default)]
    pub way_back: Option<WayBack>,
    /// After the cutover, where nothing comes back by itself: every row can, while the clients wait.
    #[serde(default)]
    pub comes_home: bool,
    /// After the cutover: clients that run and have not come to the new database.
    #[serde(default)]
    pub missing_clients: Vec<Missing>,
}

/// What the migration waits for that only the operator's side can do: it has the cloud's credentials,
/// and enters every host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    Provide(Destination),
    /// Before the cutover: RDS restarts a database when its backups begin, and the service must not run without vacuum. And whoever
    /// is to hear of a way back that nobody reads has to be told of alarms by then.
    Revert,
}

impl Report {
    pub fn owed(&self) -> Option<Work> {
        if self.status.direction != Direction::Forward || !self.to.is_made() {
            return None;
        }
        if self.next == Next::Run(Stage::Provision) && !self.has_target && !self.running {
            return Some(Work::Provide(self.to.clone()));
        }
        // A server of the bundle's own is never given settings of a load.
        self.to.engine()?;
        let loaded = self.status.is_done(Stage::Index) && !self.status.is_cut_over();
        (loaded && !self.secured.reverted).then_some(Work::Revert)
    }

    /// Nothing goes on until the operator's side has done its part.
    pub fn waits_for_operator(&self) -> bool {
        let ready = matches!(
            self.next,
            Next::AwaitCutover | Next::Run(Stage::Provision) | Next::Switch { to: Side::New, from: Step::Drain }
        );
        ready && self.status.failure().is_none() && self.owed().is_some()
    }

    pub fn is_finished(&self) -> bool {
        self.next == Next::Nothing && self.status.direction == Direction::Forward
    }

    /// Aborted or rolled back, to the end.
    pub fn is_undone(&self) -> bool {
        self.next == Next::Nothing && self.status.direction != Direction::Forward
    }
}

pub(super) async fn report(folder: Folder, source: bool) -> Result<Report, AgentError> {
    let job = folder.job()?;
    let status = folder.status()?;
    let next = next(&status, job.mode, job.cutover, jiff::Timestamp::now());
    let context = Context::new(folder.clone())?;
    let open = if status.failure().is_some() { open(&context)? } else { vec![] };
    let waits = !status.is_cut_over() && status.direction != Direction::RollingBack;
    let waiting_since = if waits { waiting_since(&folder)? } else { None };
    let serves = status.is_cut_over() && next != Next::Nothing;
    let missing_clients = if serves { missing_clients(&folder)? } else { vec![] };
    let is_guarded = serves && !status.given_up.old;
    let way_back = if is_guarded { way_back_stands(&folder)? } else { None };
    let source = if source && next != Next::Nothing { Some(health(&context).await) } else { None };
    Ok(Report {
        next,
        source,
        open,
        id: job.id,
        database: job.source.database,
        mode: job.mode,
        to: job.to,
        has_target: folder.file(files::TARGET).exists(),
        secured: folder.read(files::SECURED)?.unwrap_or_default(),
        cutover: job.cutover,
        status,
        progress: folder.read(files::PROGRESS)?,
        safety_copy: folder.read(files::SAFETY_COPY)?,
        pause: folder.read(files::PAUSE)?,
        kept: folder.read(files::OLD_DATA)?,
        verified_anew: to_be_verified(&folder)?.iter().map(QualifiedName::plain).collect(),
        waiting_since,
        way_back,
        comes_home: serves && comes_home(&folder)?,
        missing_clients,
        running: unit::is_active("infra-migrate").await,
    })
}

/// None of them while there is something that nobody can agree to.
fn open(context: &Context) -> Result<Vec<String>, AgentError> {
    let findings: Vec<Finding> = context.folder.read(files::FINDINGS)?.unwrap_or_default();
    if findings.iter().any(|finding| finding.severity == Severity::Blocker) {
        return Ok(vec![]);
    }
    let accepted = context.accepted()?;
    let warnings = findings.into_iter().filter(|finding| finding.severity == Severity::Warning);
    let mut codes: Vec<_> = warnings.map(|finding| finding.code).filter(|code| !accepted.contains(code)).collect();
    codes.dedup();
    Ok(codes)
}

/// The journal alone: it is asked for with everything else of a host.
pub(super) fn brief(folder: &Folder) -> Result<Option<MigrationFacts>, AgentError> {
    let job = folder.job()?;
    let status = folder.status()?;
    let next = next(&status, job.mode, job.cutover, jiff::Timestamp::now());
    let what = match (next, status.failure()) {
        (Next::Nothing, _) => return Ok(rest(folder, job.id)?),
        (_, Some((what, error))) => format!("stopped at {what}: {}", error.lines().next().unwrap_or_default()),
        (Next::Run(stage), _) => stage.purpose().to_owned(),
        (Next::Switch { to, .. }, _) => format!("the clients go to {to}"),
        (Next::TakeBack { to }, _) => format!("the clients go back to {}", to.other()),
        (Next::Undo(stage), _) => format!("undo {stage}"),
        (Next::AwaitCutover, _) => "ready to switch the clients".to_owned(),
        (Next::AwaitFinish, _) => match &status.refused {
            Some(why) => format!("rollback failed: {}", why.lines().next().unwrap_or_default()),
            None => match way_back_stands(folder)?.and_then(|stands| stands.gone()) {
                Some(gone) => format!("the new database serves, {gone}"),
                None => "the new database serves, the old one is the way back".to_owned(),
            },
        },
    };
    Ok(Some(MigrationFacts { id: job.id, what, holds: status.holds_host(), end: end(&status, next).to_owned() }))
}

/// What a verb that has to wait for it tells its user.
fn end(status: &Status, next: Next) -> &'static str {
    let failed = status.failure().is_some();
    match (next, status.direction) {
        (Next::Switch { to: Side::Old, .. }, _) if !failed && status.waits_for_rows => {
            "every row is copied back, and the clients wait: infra migrate status shows when it is over"
        }
        (Next::Switch { .. } | Next::TakeBack { .. }, _) if !failed => {
            "a matter of a minute: infra migrate status shows when it is over"
        }
        (_, Direction::Aborting | Direction::RollingBack) if failed => {
            "infra migrate resume goes on with undoing it; where a server is gone for good, infra migrate abort --leave-rows ends it"
        }
        (_, Direction::Aborting | Direction::RollingBack) => {
            "it is being undone: infra migrate status shows when it is over"
        }
        (_, Direction::Forward) if failed => {
            "infra migrate resume goes on, infra migrate abort undoes it; where the old server is gone for good, infra migrate cutover --leave-rows goes over without it"
        }
        (_, Direction::Forward) => {
            "its services have to run on: wait for the cutover (infra migrate status; infra migrate cutover where it waits for that word), or infra migrate abort"
        }
    }
}

/// What a finished migration has left to decide.
fn rest(folder: &Folder, id: String) -> Result<Option<MigrationFacts>, FolderError> {
    let now = jiff::Timestamp::now();
    let kept = folder.read::<OldDataRetention>(files::OLD_DATA)?.filter(|kept| kept.may_go(now).is_some());
    Ok(kept.map(|kept| MigrationFacts {
        id,
        what: format!("finished; the old data: {}", kept.told(now)),
        holds: false,
        end: String::new(),
    }))
}
