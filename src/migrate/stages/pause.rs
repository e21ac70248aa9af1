//! How long writers wait, by a clock that goes on when the agent is killed: online within the cutover, offline from
//! before the copy on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StageError;
use super::context::Context;

/// In the migration's folder: since when.
const SINCE: &str = "paused.json";

/// How long writers waited, and for what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Pause {
    pub stop_ms: u64,
    pub drain_ms: u64,
    pub sequences_ms: u64,
    /// Comparing what changed since the verification.
    #[serde(default)]
    pub changes_ms: u64,
    /// Carrying what replication does not bring.
    #[serde(default)]
    pub carried_ms: u64,
    pub way_back_ms: u64,
    pub start_ms: u64,
    pub total_ms: u64,
}

/// They wait from now on, unless they did already.
pub fn begin(context: &Context) -> Result<(), StageError> {
    if context.folder.read::<Timestamp>(SINCE)?.is_none() {
        context.folder.write(SINCE, &Timestamp::now())?;
    }
    Ok(())
}

pub fn end(context: &Context) -> Result<(), StageError> {
    Ok(context.folder.remove(SINCE)?)
}

pub fn is_on(context: &Context) -> Result<bool, StageError> {
    Ok(context.folder.read::<Timestamp>(SINCE)?.is_some())
}

/// In milliseconds.
pub fn so_far(context: &Context) -> Result<u64, StageError> {
    let since = context.folder.read::<Timestamp>(SINCE)?;
    let waited = since.map_or(0, |since| Timestamp::now().duration_since(since).as_millis());
    Ok(u64::try_from(waited).unwrap_or(0))
}
