//! Every row, into the database beside the old one: schema, copy, indexes, what TimescaleDB knows, comparison, each the stage that
//! brought it there, in a migration within this one whose source is the new database. It has a folder of its own, by which it goes on
//! after a kill. Nobody writes at either end.

use super::super::context::Context;
use super::super::{StageError, cleanup, copy, index, pause, reverse_replication, schema, source_schema, verify};
use super::{database, dump, folder, look};
use crate::migrate::files;
use crate::migrate::folder::{Folder, FolderError};
use crate::migrate::job::{Destination, Job, Source};
use crate::migrate::replicate::rows_written;
use crate::migrate::saga::Mode;
use crate::migrate::sequences;
use crate::postgres::{Client, Endpoint};

/// The new database is read from, and has been closed to writers since before.
pub fn is_begun(context: &Context) -> Result<bool, FolderError> {
    Ok(pause::waiting_since(&folder(context))?.is_some())
}

/// Everything is there and was compared, and the clients may come.
pub fn is_ready(context: &Context) -> Result<bool, FolderError> {
    Ok(folder(context).read(files::HOME_READY)?.unwrap_or(false))
}

/// A fresh database and a fresh folder, and how each end is entered.
pub async fn begin(context: &Context, old: &Client) -> Result<Context, StageError> {
    database::discard(context).await?;
    database::make(context, old).await?;
    let there = context.target().await?;
    let folder = folder(context);
    folder.make()?;
    dump::write(&folder, &reverse_replication::target_for_source(context).await?)?;
    folder.write(files::SOURCE, &there)?;
    // Last: without the file before it, the old database would be taken for the one to read.
    folder.write(files::JOB, &job(&context.job, &there))?;
    enter(context, folder).await
}

/// As this migration, but for what is read.
fn job(job: &Job, there: &Endpoint) -> Job {
    let source = Source { database: there.database.clone(), ..job.source.clone() };
    Job { mode: Mode::Offline, to: Destination::Url, max_rate: None, source, ..job.clone() }
}

/// The old server's container may have another address by now.
async fn enter(context: &Context, folder: Folder) -> Result<Context, StageError> {
    let here = super::super::source(&context.container().await?, &context.job.source);
    folder.write(files::TARGET, &here.with_database(&database::name(context)))?;
    Context::new(folder)
}

/// In the pause. Returns when the clients may come: nothing is left but to give it its name.
pub async fn bring(context: &Context, new: &Client) -> Result<(), StageError> {
    if is_ready(context)? {
        return Ok(());
    }
    let home = resumed(context).await?;
    if !home.folder.read(files::HOME_COMPARED)?.unwrap_or(false) {
        for brought in [
            Box::pin(schema::perform(&home)).await?,
            Box::pin(copy::perform(&home)).await?,
            Box::pin(index::perform(&home)).await?,
            Box::pin(compared(context, &home)).await?,
        ] {
            tracing::info!("on the way home: {brought}");
        }
        home.folder.write(files::HOME_COMPARED, &true)?;
    }
    hand_over(&home, new).await?;
    Ok(home.folder.write(files::HOME_READY, &true)?)
}

/// Its folder goes with the attempt: what differs is shown with the rest of the migration.
async fn compared(context: &Context, home: &Context) -> Result<String, StageError> {
    let done = verify::perform(home).await;
    let Err(StageError::Differs { what, .. }) = done else { return done };
    let (report, page) = (files::VERIFICATION, files::VERIFICATION_REPORT);
    if let Some(data) = home.folder.read::<serde_json::Value>(report)? {
        context.folder.write(report, &data)?;
    }
    context.folder.write_text(page, &home.folder.read_text(page)?.unwrap_or_default())?;
    Err(StageError::Differs { what, report: context.folder.file(page) })
}

/// Where it was cut off; or from the beginning, with the schema as it is now: chunks come with the clock.
async fn resumed(context: &Context) -> Result<Context, StageError> {
    let folder = folder(context);
    let home = match folder.read::<Job>(files::JOB)? {
        Some(_) => enter(context, folder).await?,
        // Somebody wrote between the look and the pause.
        None => begin(context, &context.old_maintenance().await?).await?,
    };
    if !pause::is_on(&home)? {
        source_schema::forget(&home)?;
        pause::begin(&home)?;
    }
    let what = look::obstacles(&Box::pin(source_schema::read(&home)).await?);
    if what.is_empty() { Ok(home) } else { Err(StageError::NotHome { what: what.join("\n") }) }
}

/// What the stages leave for a cutover, whose part this is: sequences, and the end of restore mode.
async fn hand_over(home: &Context, new: &Client) -> Result<(), StageError> {
    let here = home.new_database().await?;
    sequences::carry(new, &here).await?;
    if home.folder.read::<i64>(files::ROWS_WRITTEN)? != Some(rows_written(new).await?) {
        return Err(StageError::WrittenOnTheWay);
    }
    cleanup::clean_new(home).await?;
    schema::hand_over(home, &here).await
}
