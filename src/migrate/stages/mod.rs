//! What each stage does on the host, and how it is undone. Every one may be cut off anywhere and begun again.

mod backup;
mod carry;
mod chunks;
mod compare;
mod context;
mod cutover;
mod definitions;
mod drift;
mod encrypt;
mod finish;
mod follow;
mod identity;
mod log_watch;
mod look;
mod overlap;
mod pause;
mod prepare;
mod quiet;
mod role;
mod rows;
mod settle;
mod structure;
mod unit;
mod way_back;

use std::path::PathBuf;
use std::time::Duration;

pub use backup::SafetyCopy;
pub use compare::{REPORT, VERIFICATION};
pub use context::{ACCEPTED, Context, FINDINGS, RELAY_PORT, SCHEMA_CHANGES, pg_dump, source};
pub use finish::remove_old;
pub use log_watch::{is_given_up, is_watched, leave_watch, log_watch, relieve_watch, watch_log};
pub use pause::{Pause, is_on as is_paused, waiting_since};
pub use prepare::serve_again;
pub use rows::hold;
pub use settle::{try_stop_recording, watch};
pub use unit::is_active;
pub use way_back::{carry_partitions, is_there as has_way_back};

use super::alike::make_alike;
use super::carried::CarriedError;
use super::catalog::CatalogError;
use super::copy::CopyError;
use super::drift::DriftError;
use super::folder::FolderError;
use super::identity::IdentityError;
use super::index::IndexError;
use super::preflight::PreflightError;
use super::rehearse::RehearseError;
use super::replicate::{QuietError, ReplicateError};
use super::saga::Stage;
use super::schema::{ApplyError, ArchiveError, DumpError, RemoveError, TargetError};
use super::sequences::SequenceError;
use super::since::SinceError;
use super::timescale::TimescaleError;
use super::verify::VerifyError;
use crate::host::HostError;
use crate::postgres::PostgresError;

#[derive(Debug, thiserror::Error)]
pub enum StageError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Timescale(#[from] TimescaleError),
    #[error(transparent)]
    Examine(#[from] TargetError),
    #[error(transparent)]
    SchemaDump(#[from] DumpError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Rehearse(#[from] RehearseError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Remove(#[from] RemoveError),
    #[error(transparent)]
    Drift(#[from] DriftError),
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Carried(#[from] CarriedError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Replicate(#[from] ReplicateError),
    #[error(transparent)]
    Sequence(#[from] SequenceError),
    #[error(transparent)]
    Since(#[from] SinceError),
    #[error(transparent)]
    Quiet(#[from] QuietError),
    #[error("cannot use {}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("somebody wrote to the old database although it is read-only: end them, then infra migrate resume")]
    Written,
    #[error("cannot make a certificate")]
    Certificate { source: Box<rcgen::Error> },
    #[error("the old database does not speak TLS although it was told to: its log says why")]
    NoTls,
    #[error("systemd refused: {message}")]
    Systemd { message: String },
    #[error(
        "the safety copy needs {needed_mb} MB in {} on the host, which has {free_mb} MB free: make room there, or mount a larger disk at that place, then infra migrate resume",
        place.display()
    )]
    NoRoom { place: PathBuf, needed_mb: u64, free_mb: u64 },
    #[error("pg_dump or pg_restore failed: {message}")]
    Dump { message: String },
    #[error("no snapshot could be taken within {} s: {who}", waited.as_secs())]
    NoSnapshot { waited: Duration, who: String },
    #[error("the process that takes the snapshot ended: {why}")]
    NoHolder { why: String },
    #[error("it cannot go on yet\n{findings}all of it: infra migrate status --report")]
    InTheWay { findings: String },
    #[error("the databases differ\n{what}all of it: infra migrate status --report ({} on the host)", report.display())]
    Differs { what: String, report: PathBuf },
    #[error(
        "the databases differ in what changed since they were compared\n{what}all of it: infra migrate status --report ({} on the host)",
        report.display()
    )]
    Changed { what: String, report: PathBuf },
    #[error(
        "{looks} comparisons in a row left as much to compare as before, too much for the pause: more is written than can be compared; infra migrate resume when less is written"
    )]
    TooBusy { looks: usize },
    #[error(
        "{why}, and again while all rows were compared because of it: infra migrate resume when that is over, which compares them once more"
    )]
    AgainToVerify { why: String },
    #[error(
        "the schema changed while the migration ran:\n{what}\nmake the same change in the new database, or take it back in the old one, then infra migrate resume; or infra migrate abort"
    )]
    SchemaChanged { what: String },
    #[error(
        "the old database is not what was looked at, so the clients were not paused for it, or run again:\n{what}\ninfra migrate resume looks at it anew (--accept CODE,… for what has a code), infra migrate abort undoes everything"
    )]
    ChangedBeforePause { what: String },
    #[error(
        "{megabytes} MB of unlogged tables, large objects and tables without a key that replication can use are to be carried while the clients wait: make them less, or infra migrate resume --accept carried-in-pause"
    )]
    LongPause { megabytes: u64 },
    #[error("the new database is not known yet: it has not been provisioned")]
    NoTarget,
    #[error("the migration has not been prepared")]
    NotPrepared,
    #[error("the cutover was undone, the old database serves: {}", crate::error::chain(why.as_ref()))]
    CutoverUndone { why: Box<StageError> },
    #[error(
        "the cutover failed, and undoing it failed too: {}; {}",
        crate::error::chain(why.as_ref()),
        crate::error::chain(undo.as_ref())
    )]
    CutoverStuck { why: Box<StageError>, undo: Box<StageError> },
    #[error(
        "the old database had hypertables, into which nothing can be brought back, and rows were written to the new one: going back would lose them. The new database serves; infra migrate finish when all is well"
    )]
    NoWayBack,
    #[error(
        "the clients do not work with the new database, and there is no way back, since rows were written to it: {}; infra migrate resume starts them again",
        crate::error::chain(why.as_ref())
    )]
    MustGoOn { why: Box<StageError> },
    #[error("the clients do not work with the new database: {}", crate::error::chain(why.as_ref()))]
    MustRollBack { why: Box<StageError> },
}

impl StageError {
    /// The clients are pointed to the new database, or nobody knows where they are: they are not to be started with the old one.
    pub fn is_after_switch(&self) -> bool {
        matches!(self, Self::MustRollBack { .. } | Self::MustGoOn { .. } | Self::CutoverStuck { .. })
    }
}

/// Does a stage; what a person wants to know of it comes back.
pub async fn perform(stage: Stage, context: &Context) -> Result<String, StageError> {
    match stage {
        Stage::Preflight => look::perform(context).await,
        Stage::Backup => backup::perform(context).await,
        // What preflight could not see; a database that was there before has been looked at.
        Stage::Provision if context.job.to.engine().is_none() => Ok("it was there".into()),
        Stage::Provision => {
            make_alike(&context.old().await?, &context.target().await?).await?;
            look::perform(context).await
        }
        Stage::Prepare => prepare::perform(context).await,
        Stage::Schema => structure::before(context).await,
        Stage::Copy => rows::perform(context).await,
        Stage::Index => structure::after(context).await,
        Stage::Follow => follow::perform(context).await,
        Stage::Verify => compare::perform(context).await,
        Stage::Cutover => cutover::perform(context).await,
        Stage::Guard => Ok(match way_back::comes_back(context).await? {
            true => "infra migrate rollback goes back with every row, until infra migrate finish".into(),
            false => "there is no way back once rows are written: infra migrate finish when all is well".into(),
        }),
        Stage::Finish => finish::perform(context).await,
    }
}

/// Undoes a stage that was done, or begun.
pub async fn undo(stage: Stage, context: &Context) -> Result<(), StageError> {
    match stage {
        // What was looked at or saved stays; the cloud's database goes by the operator's word alone.
        Stage::Preflight | Stage::Backup | Stage::Provision | Stage::Verify | Stage::Guard | Stage::Finish => Ok(()),
        Stage::Prepare => prepare::undo(context).await,
        Stage::Schema => structure::undo(context).await,
        Stage::Copy => rows::undo(context).await,
        Stage::Index => structure::undo_after(context).await,
        Stage::Follow => follow::undo(context).await,
        Stage::Cutover => cutover::undo(context).await,
    }
}
