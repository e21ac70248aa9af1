//! Preflight: everything that stands in the way, of both ends, at once. Reads only.

use super::StageError;
use super::context::Context;
use super::source_schema;
use crate::migrate::catalog;
use crate::migrate::preflight::{Capacity, Finding, RowFaults, Sections, Situation, check, gather};
use crate::migrate::prose::FEW;
use crate::migrate::saga::Stage;
use crate::migrate::{files, schema, timescale};

pub async fn perform(context: &Context) -> Result<String, StageError> {
    if !context.has_target()? {
        // The stage `provision` looks at both, once there are two.
        gather(&context.old().await?).await?;
        return Ok("the new database is looked at as soon as it is there".into());
    }
    // What an earlier look found in the way may have been changed since.
    context.folder.remove(files::FINDINGS)?;
    source_schema::forget(context)?;
    let (old, new) = (context.old().await?, context.new_database().await?);
    let built = source_schema::read(context).await?;
    let catalog = catalog::read(&old).await?;
    let row_faults = Some(RowFaults::find(&old, &catalog).await?);
    let abilities = schema::examine(&new, &catalog).await?;
    let timescale = timescale::read(&old).await?;
    let (mut source, mut target) = (gather(&old).await?, gather(&new).await?);
    if context.folder.status()?.stages.contains_key(&Stage::Prepare) {
        // It is this migration's own.
        source.left_over.clear();
        target.left_over.clear();
    }
    let situation = Situation {
        mode: context.job.mode,
        source,
        abilities,
        timescale,
        target_catalog: catalog::read(&new).await?,
        target,
        losses: built.losses.clone(),
        capacity: Capacity { connections: u32::try_from(context.jobs()).unwrap_or(8), ..Capacity::default() },
        catalog: built.conversion.seen(catalog),
        row_faults,
    };
    let findings = check(&situation);
    agreed(context, &findings)?;
    Ok(format!("{} findings, none in the way", findings.len()))
}

/// Nothing stops the migration, and somebody has agreed to whatever needs it. All of the findings go to the folder, where
/// `status` finds them.
fn agreed(context: &Context, findings: &[Finding]) -> Result<(), StageError> {
    context.folder.write(files::FINDINGS, &findings)?;
    let open = Sections::of(findings, &context.accepted()?).open();
    if open.are_clear() { Ok(()) } else { Err(StageError::InTheWay { findings: open.told(FEW) }) }
}
