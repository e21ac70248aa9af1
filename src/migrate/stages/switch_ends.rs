//! What both directions of a switch work with.

use std::time::Duration;

use tokio::time::Instant;

use crate::migrate::catalog::Catalog;
use crate::postgres::Client;

/// Under load the last changes take a moment; more means that something is wrong, and the pause must end.
pub const DRAIN: Duration = Duration::from_secs(60);

/// Sessions that work within the fence, opened before it.
pub struct Ends {
    pub old: Client,
    pub new: Client,
    /// At the server that is closed, in another database.
    pub maintenance: Client,
    pub catalog: Catalog,
}

pub fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
