//! The schema of both databases is the same, or the migration stops and says what changed. Partitions that jobs make and
//! drop meanwhile are carried.

use std::time::Duration;

use super::context::{Context, FORWARD};
use super::{StageError, definitions, identity, own_objects, source_schema};
use crate::migrate::drift::{Drift, DriftError, Fingerprints};
use crate::migrate::files;
use crate::migrate::partitions::drop_partitions;
use crate::migrate::prose::{FEW, wrapped};
use crate::migrate::replicate::{Channel, ReplicateError};
use crate::migrate::saga::Mode;
use crate::migrate::verify::told_of_object;
use crate::postgres::Client;

/// What was on its way to a partition that is gone has mostly arrived.
const DRAIN: Duration = Duration::from_secs(5);
/// Each round carries what was made or dropped during the one before.
const ROUNDS: usize = 5;

/// Cheap while nothing changes. Good only after the indexes were built.
pub async fn same_schema(context: &Context, source: &Client, target: &Client) -> Result<(), StageError> {
    if context.job.mode == Mode::Offline {
        return Ok(());
    }
    let mut differences = vec![];
    for _ in 0..ROUNDS {
        let now = Fingerprints::read(source, target).await?;
        if context.folder.read::<Fingerprints>(files::SAME_SCHEMA)?.as_ref() == Some(&now) {
            return Ok(());
        }
        identity::of_new_tables(context, source, target).await?;
        let drift =
            Drift::look(source, target, &source_schema::read(context).await?.losses, &definitions::prints(context)?)
                .await?;
        let user = &target.endpoint().user;
        differences = drift.differences;
        differences.retain(|difference| !own_objects::is_ours(&difference.object, user));
        if !drift.partitions.gone.is_empty() {
            let forward = Channel { name: FORWARD, publisher: source, subscriber: target };
            match forward.drain(DRAIN).await {
                Ok(_) => drop_partitions(target, &drift.partitions.gone).await.map_err(DriftError::from)?,
                // Far behind: looked at again later.
                Err(ReplicateError::NotDrained { .. } | ReplicateError::ApplyFailed { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        } else if differences.is_empty() && drift.partitions.made.is_empty() {
            return Ok(context.folder.write(files::SAME_SCHEMA, &now)?);
        } else if !differences.is_empty() {
            break;
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    let said: Vec<String> = differences.iter().map(told_of_object).collect();
    Err(StageError::SchemaChanged { what: first_of(context, &said)? })
}

/// A line each of the first; all of them go to the folder, where `status` finds them.
pub fn first_of(context: &Context, changes: &[String]) -> Result<String, StageError> {
    context.folder.write(files::SCHEMA_CHANGES, &changes)?;
    let mut lines: Vec<String> = changes.iter().take(FEW).map(|change| wrapped("  ", 4, change)).collect();
    let more = changes.len().saturating_sub(FEW);
    lines.extend((more > 0).then(|| format!("  and {more} more: infra migrate status --report")));
    Ok(lines.join("\n"))
}
