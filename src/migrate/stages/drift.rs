//! The schema of both databases is the same, or the migration stops and says what changed. Partitions that jobs make and
//! drop meanwhile are carried.

use std::time::Duration;

use super::context::{Context, FORWARD};
use super::{StageError, compare, definitions, structure};
use crate::migrate::drift::{Drift, DriftError, Fingerprints, told};
use crate::migrate::partitions::drop_partitions;
use crate::migrate::replicate::{Channel, ReplicateError};
use crate::migrate::saga::Mode;
use crate::postgres::Client;

/// Of the last time when both were the same.
const FILE: &str = "schema-same.json";
/// What was on its way to a partition that is gone has mostly arrived.
const DRAIN: Duration = Duration::from_secs(5);
/// Each round carries what was made or dropped during the one before.
const ROUNDS: usize = 5;
/// More than a screen is not read: the file has all.
const MOST_TOLD: usize = 20;
/// All that changed, for a person to read.
const CHANGES: &str = "schema-changes.txt";

/// Cheap while nothing changes. Good only after the indexes were built.
pub async fn same_schema(context: &Context, source: &Client, target: &Client) -> Result<(), StageError> {
    if context.job.mode == Mode::Offline {
        return Ok(());
    }
    let mut differences = vec![];
    for _ in 0..ROUNDS {
        let now = Fingerprints::read(source, target).await?;
        if context.folder.read::<Fingerprints>(FILE)?.as_ref() == Some(&now) {
            return Ok(());
        }
        let drift =
            Drift::look(source, target, &structure::read(context).await?.losses, &definitions::prints(context)?)
                .await?;
        let user = &target.endpoint().user;
        differences = drift.differences;
        differences.retain(|difference| !compare::is_ours(&difference.object, user));
        if !drift.partitions.gone.is_empty() {
            let forward = Channel { name: FORWARD, publisher: source, subscriber: target };
            match forward.drain(DRAIN).await {
                Ok(_) => drop_partitions(target, &drift.partitions.gone).await.map_err(DriftError::from)?,
                // Far behind: looked at again later.
                Err(ReplicateError::NotDrained { .. } | ReplicateError::ApplyFailed { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        } else if differences.is_empty() && drift.partitions.made.is_empty() {
            return Ok(context.folder.write(FILE, &now)?);
        } else if !differences.is_empty() {
            break;
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    let said: Vec<String> = differences.iter().map(told).collect();
    context.folder.write_text(CHANGES, &(said.join("\n") + "\n"))?;
    let more = said.len().saturating_sub(MOST_TOLD);
    let file = context.folder.file(CHANGES);
    let more =
        if more > 0 { format!("\n    and {more} more: {} on the host has all", file.display()) } else { String::new() };
    let said = &said[..said.len().min(MOST_TOLD)];
    Err(StageError::SchemaChanged { what: format!("{}{more}", said.join("\n    ")) })
}
