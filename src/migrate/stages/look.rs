//! Preflight: everything that stands in the way, of both ends, at once. Reads only.

use super::StageError;
use super::context::{Context, FINDINGS};
use super::structure;
use crate::migrate::catalog;
use crate::migrate::preflight::{Capacity, Finding, Severity, Situation, check, find_large_rows, find_orphans, gather};
use crate::migrate::{schema, timescale};

pub async fn perform(context: &Context) -> Result<String, StageError> {
    if !context.has_target()? {
        // The stage `provision` looks at both, once there are two.
        gather(&context.old().await?).await?;
        return Ok("the new database is looked at as soon as it is there".into());
    }
    // What an earlier look found in the way may have been changed since.
    context.folder.remove(FINDINGS)?;
    structure::forget(context)?;
    let (old, new) = (context.old().await?, context.new_database().await?);
    let built = structure::read(context).await?;
    let catalog = catalog::read(&old).await?;
    let orphans = find_orphans(&old, &catalog).await?;
    let large_rows = find_large_rows(&old, &catalog).await?;
    let abilities = schema::examine(&new, &catalog).await?;
    let timescale = timescale::read(&old).await?;
    let situation = Situation {
        mode: context.job.mode,
        source: gather(&old).await?,
        abilities,
        timescale,
        target_catalog: catalog::read(&new).await?,
        target: gather(&new).await?,
        losses: built.losses.clone(),
        capacity: Capacity { connections: u32::try_from(context.jobs()).unwrap_or(8), ..Capacity::default() },
        catalog: built.conversion.seen(catalog),
        orphans: Some(orphans),
        large_rows,
    };
    let findings = check(&situation);
    context.folder.write(FINDINGS, &findings)?;
    let accepted = context.accepted()?;
    // Losses are findings too.
    let open: Vec<&Finding> = findings.iter().filter(|finding| !is_settled(&accepted, finding)).collect();
    if open.is_empty() {
        return Ok(format!("{} findings, none in the way", findings.len()));
    }
    let said = open.iter().map(|f| format!("{} [{}]: {}; {}", f.object, f.code, f.what, f.remedy));
    Err(StageError::InTheWay { findings: said.collect::<Vec<_>>().join("\n    ") })
}

fn is_settled(accepted: &[String], finding: &Finding) -> bool {
    match finding.severity {
        Severity::Note => true,
        Severity::Warning => accepted.contains(&finding.code),
        Severity::Blocker => false,
    }
}
