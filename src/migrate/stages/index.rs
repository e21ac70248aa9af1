//! Indexes, constraints and statistics at the new database, then all of the schema that may wait for them. Most are built
//! while rows are still copied (`overlap`); this waits for those, and does itself what they could not.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::sleep;

use super::context::Context;
use super::{StageError, identity, schema, source_schema};
use crate::migrate::catalog::Catalog;
use crate::migrate::index::{self, Builds, Progress};
use crate::migrate::schema::{Phase, Schema};
use crate::migrate::{copy, files, timescale};

const TELL: Duration = Duration::from_secs(1);
/// What follows indexes and constraints, in this order.
const REST: [Phase; 4] = [Phase::AfterData, Phase::Grants, Phase::Refresh, Phase::Settings];

/// What to build around these tables.
pub async fn builds(context: &Context, schema: &Schema, source: &Catalog) -> Result<Builds, StageError> {
    let memory = index::memory(&context.new_database().await?).await?;
    Ok(Builds::of(source, schema.entries.clone(), context.target().await?, context.jobs(), memory))
}

/// Indexes, constraints and statistics, then all that may wait for them.
pub async fn perform(context: &Context) -> Result<String, StageError> {
    let schema = source_schema::read(context).await?;
    tokio::select! {
        built = built(context, &schema) => built?,
        never = tell(context, &schema) => match never {},
    }
    schema::run(context, &schema, &REST).await?;
    if let Some(restore) = &schema.conversion.restore {
        timescale::carry(&context.old().await?, &context.new_database().await?, restore).await?;
    }
    identity::at_target(context, &context.old().await?, &context.new_database().await?).await?;
    let indexes = schema.phase(Phase::Index).count();
    Ok(format!("{indexes} indexes"))
}

async fn built(context: &Context, schema: &Schema) -> Result<(), StageError> {
    if context.overlap.finish().await { Ok(()) } else { build(context, schema).await }
}

/// Only shown: what cannot be told now is told in a second.
async fn tell(context: &Context, schema: &Schema) -> Infallible {
    loop {
        if let Ok(progress) = progress(context, schema).await {
            drop(context.folder.write(files::PROGRESS, &progress));
        }
        sleep(TELL).await;
    }
}

async fn progress(context: &Context, schema: &Schema) -> Result<Progress, StageError> {
    Ok(index::progress(&*context.new_database().await?, &schema.entries).await?)
}

/// All rows are there. What builds beside the copy did is marked, and passed over.
async fn build(context: &Context, schema: &Schema) -> Result<(), StageError> {
    let source = source_schema::source(context, schema).await?;
    let (announce, complete) = tokio::sync::mpsc::unbounded_channel();
    for tables in copy::tables(&context.folder)? {
        announce.send(tables).expect("the receiver is here");
    }
    drop(announce);
    Ok(index::build(builds(context, schema, &source).await?, complete, |_| {}).await?)
}

/// Indexes go with the tables.
pub async fn undo(context: &Context) -> Result<(), StageError> {
    context.overlap.stop().await;
    Ok(())
}
