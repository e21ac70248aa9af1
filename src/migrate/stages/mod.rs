//! What each stage does on the host, and how it is undone. Every one may be cut off anywhere and begun again.

mod backup;
mod carry;
mod changes_back;
mod chunks;
mod cleanup;
mod client_connections;
mod context;
mod copy;
mod cutover;
mod definitions;
mod drift;
mod encrypt;
mod finish;
mod follow;
mod forward_replication;
mod guard;
mod home;
mod identity;
mod incremental_verify;
mod index;
mod log_watch;
mod overlap;
mod own_objects;
mod pause;
mod preflight;
mod prepare;
mod provision;
mod reverse_replication;
mod role;
mod rollback;
mod schema;
mod source_schema;
mod switch;
mod switch_ends;
mod verify;
mod way_back_copies;
mod way_back_places;
mod way_back_slots;
mod way_back_watch;
mod write_fence;

use std::path::PathBuf;
use std::time::Duration;

pub use client_connections::{Missing, missing as missing_clients};
pub use context::{Context, RELAY_PORT, pg_dump, source};
pub use copy::hold;
pub use finish::remove_old;
pub use guard::look as look_at_the_way_back;
pub use home::{
    is_possible as can_come_home, is_there as comes_home, refusal as refuses_to_go_back, reopen_new as open_to_clients,
};
pub use incremental_verify::{try_stop_recording, while_waiting};
pub use log_watch::{is_given_up, is_watched, leave_watch, log_watch, relieve_watch, watch_log};
pub use pause::{Pause, is_on as is_paused, waiting_since};
pub use prepare::serve_again;
pub use reverse_replication::is_lossless as has_way_back;
pub use switch::{Switch, restore, take_back, told as told_of_switch};
pub use way_back_watch::{Carried, WayBack, read as way_back_stands, told as told_of_obstacle};

use super::carried::CarriedError;
use super::catalog::CatalogError;
use super::copy::CopyError;
use super::ddl::DdlError;
use super::drift::DriftError;
use super::folder::FolderError;
use super::identity::IdentityError;
use super::index::IndexError;
use super::preflight::PreflightError;
use super::rehearse::RehearseError;
use super::replicate::{ReadOnlyError, ReplicateError};
use super::safety_copy::SafetyCopyError;
use super::saga::{GivenUp, Stage, Status};
use super::schema::{ApplyError, ArchiveError, DumpError, RemoveError, TargetError};
use super::sequences::SequenceError;
use super::timescale::TimescaleError;
use super::verify::VerifyError;
use super::verify::incremental::ChangeVerificationError;
use crate::host::HostError;
use crate::host::unit::UnitError;
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
    Ddl(#[from] DdlError),
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
    ChangeVerification(#[from] ChangeVerificationError),
    #[error(transparent)]
    ReadOnly(#[from] ReadOnlyError),
    #[error("cannot use {}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("somebody wrote to the old database although it is read-only: end them, then infra migrate resume")]
    Written,
    #[error("cannot make a certificate")]
    Certificate { source: Box<rcgen::Error> },
    #[error("the old database does not speak TLS although it was told to: its log says why")]
    NoTls,
    #[error(transparent)]
    Unit(#[from] UnitError),
    #[error(transparent)]
    SafetyCopy(#[from] SafetyCopyError),
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
    #[error("{why}")]
    Switch { why: String },
    #[error(
        "the new database has what the old one has no place for:\n{what}\ninfra migrate rollback --leave-rows goes back without it; to take it along make it there too, as superuser, in a transaction that begins with BEGIN READ WRITE"
    )]
    Lacks { what: String },
    #[error(
        "there is no way back with every row:\n{what}\ninfra migrate rollback --leave-rows goes back without what does not come over"
    )]
    NoWayBackSince { what: String },
    #[error(
        "definitions of the new database were changed a moment ago: infra migrate rollback again, which brings them over first"
    )]
    CameMeanwhile,
    #[error("the {which} server: it does not answer, and nothing comes back meanwhile")]
    NoAnswer { which: &'static str, source: Box<StageError> },
    #[error(
        "the old database had hypertables, into which nothing can be brought back, and rows were written to the new one: going back would lose them. The new database serves; infra migrate finish when all is well"
    )]
    NoWayBack,
    #[error(
        "rows were written to the new database, and none can follow into hypertables: infra migrate rollback --offline goes back with every row, and the clients wait while all of it is copied back and compared: {told}"
    )]
    WaitsForRows { told: String },
    #[error("not every row can come home to the old server:\n{what}")]
    NotHome { what: String },
    #[error(
        "somebody wrote to the new database although it is read-only, while everything was read from it: end them, then infra migrate rollback --offline again"
    )]
    WrittenOnTheWay,
}

/// Does a stage; what a person wants to know of it comes back.
pub async fn perform(stage: Stage, context: &Context, given_up: GivenUp) -> Result<String, StageError> {
    match stage {
        Stage::Preflight => preflight::perform(context).await,
        Stage::Backup => backup::perform(context).await,
        Stage::Provision => provision::perform(context).await,
        Stage::Prepare => prepare::perform(context).await,
        Stage::Schema => schema::perform(context).await,
        Stage::Copy => copy::perform(context).await,
        Stage::Index => index::perform(context).await,
        Stage::Follow => follow::perform(context).await,
        Stage::Verify => verify::perform(context).await,
        Stage::Guard => guard::perform(context, given_up.old).await,
        Stage::Finish => finish::perform(context, given_up.old).await,
        Stage::Cutover => unreachable!("the switch is made step by step"),
    }
}

/// Undoes a stage that was done, or begun. What could not be, and stays by the user's word, comes back.
pub async fn undo(stage: Stage, context: &Context, status: &Status) -> Result<String, StageError> {
    if let Err(error) = clients_first(context, status).await {
        tracing::warn!("the clients could not be started: {}", crate::error::chain(&error));
    }
    let given_up = status.given_up;
    // All of this leads back to it. Without it the new database may have the only rows.
    if status.has_copied()
        && let Err(error) = context.old().await
    {
        if !given_up.old {
            return Err(error);
        }
        if stage == Stage::Schema {
            let why = crate::error::chain(&error);
            return Ok(format!("the new database keeps what was copied, since the old one does not answer: {why}"));
        }
    }
    match undo_stage(stage, context).await {
        Err(error) if given_up.any() => Ok(crate::error::chain(&error)),
        done => done,
    }
}

/// Those who wait since `prepare`, and those who did not come up after a rollback.
async fn clients_first(context: &Context, status: &Status) -> Result<(), StageError> {
    if pause::is_on(context)? {
        prepare::serve(context).await?;
    } else if status.has_served && context.is_time("starting the clients before undoing", Duration::MAX) {
        context.host.start_clients(context.site(), &context.job.source.clients).await?;
    }
    Ok(())
}

async fn undo_stage(stage: Stage, context: &Context) -> Result<String, StageError> {
    match stage {
        // What was looked at or saved stays; the cloud's database goes by the operator's word alone.
        Stage::Preflight | Stage::Backup | Stage::Provision | Stage::Verify | Stage::Guard | Stage::Finish => Ok(()),
        Stage::Prepare => prepare::undo(context).await,
        Stage::Schema => return schema::undo(context).await,
        Stage::Copy => copy::undo(context).await,
        Stage::Index => index::undo(context).await,
        Stage::Follow => follow::undo(context).await,
        Stage::Cutover => cutover::undo(context).await,
    }
    .map(|()| String::new())
}
