//! The schema around the rows at the new database: what they need before they come, and what waits until they have been
//! compared, or until the clients come. What is between the two is the stage `index`.

use super::context::Context;
use super::{StageError, cleanup, definitions, preflight, source_schema};
use crate::migrate::files;
use crate::migrate::saga::Mode;
use crate::migrate::schema::{self, Entry, Phase, Schema, apply, settle};
use crate::migrate::timescale;
use crate::postgres::Client;

/// What exists before the rows come.
const BEFORE: [Phase; 2] = [Phase::Roles, Phase::BeforeData];

/// Makes the schema's first half at the new database.
pub async fn perform(context: &Context) -> Result<String, StageError> {
    read_again(context).await?;
    let schema = source_schema::read(context).await?;
    let objects = run(context, &schema, &BEFORE).await?;
    Ok(format!("{objects} objects"))
}

/// The last look before anything is made: the schema may have changed since it was read and rehearsed. Offline that was seen
/// when the clients were paused.
async fn read_again(context: &Context) -> Result<(), StageError> {
    if context.job.mode == Mode::Offline || context.folder.read::<bool>(files::SCHEMA_IS_FINAL)?.unwrap_or(false) {
        return Ok(());
    }
    if definitions::changed(context, &context.old().await?).await? {
        // Whatever else changed since it was asked about.
        preflight::perform(context).await?;
    }
    Ok(context.folder.write(files::SCHEMA_IS_FINAL, &true)?)
}

/// What acts by itself: once the databases have been compared.
pub async fn last(context: &Context) -> Result<(), StageError> {
    run(context, &source_schema::read(context).await?, &[Phase::Last]).await.map(drop)
}

/// The clients are about to come, and nothing is to be brought or compared any more.
pub async fn hand_over(context: &Context, new: &Client) -> Result<(), StageError> {
    let schema = source_schema::read(context).await?;
    schema::hand_over(new, &schema).await?;
    if schema.conversion.restore.is_some() {
        // A session that saw the end of restore mode may know too little.
        timescale::same_counts(&context.old().await?, &context.new_database().await?).await?;
    }
    Ok(())
}

/// Open to the migration again.
pub async fn take_back(context: &Context, new: &Client) -> Result<(), StageError> {
    Ok(schema::take_back(new, &source_schema::read(context).await?).await?)
}

/// Entries of phases, one after the other; they outlive a crash of the new server when it returns.
pub async fn run(context: &Context, schema: &Schema, phases: &[Phase]) -> Result<usize, StageError> {
    let new = context.new_database().await?;
    let entries: Vec<&Entry> = phases.iter().flat_map(|phase| schema.phase(*phase)).collect();
    apply(&new, entries.iter().copied(), |_| {}).await?;
    settle(&new, entries.iter().copied(), |_| {}).await?;
    Ok(entries.len())
}

/// What the migration made at the new database goes; what was there before, and what others made there, stays, and is named.
pub async fn undo(context: &Context) -> Result<String, StageError> {
    let mut left = vec![];
    if let Some(schema) = context.folder.read::<Schema>(files::SCHEMA)? {
        let removed = schema::remove(&context.new_database().await?, &schema).await?;
        left = removed.kept;
        left.extend(removed.kept_roles.iter().map(|role| format!("ROLE {role}, which owns something else")));
    }
    source_schema::forget(context)?;
    context.folder.remove(files::SCHEMA_IS_FINAL)?;
    cleanup::clean_new(context).await?;
    Ok(left.join("; "))
}
