//! Sessions that build, and how much memory they may take.

use super::{Builds, IndexError};
use crate::migrate::schema::prepare_session;
use crate::postgres::{Client, Endpoint, connect, set};

/// What the smallest servers can spare, and what one build can use: the server takes no more than 2 GB for each.
const LEAST_MEMORY: u64 = 256 << 20;
const MOST_OF_ONE: u64 = 2_000_000 << 10;
const LEAST_OF_ONE: u64 = 1 << 20;

/// Bytes for all builds together: as much as the server keeps for its buffers, which is a quarter of its memory where
/// somebody has sized it. Nobody else uses it yet.
pub async fn memory(target: &Client) -> Result<u64, IndexError> {
    let sql = "SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('shared_buffers'))";
    let buffers: i64 = target.row("asking for the new server's memory", sql, &[]).await?.get(0);
    Ok(u64::try_from(buffers).unwrap_or(0).max(LEAST_MEMORY))
}

/// How to come to a session.
#[derive(Clone)]
pub struct Sessions {
    target: Endpoint,
    memory: String,
}

impl Sessions {
    pub fn new(builds: &Builds) -> Self {
        // An index of a gigabyte is sorted in memory instead of in files.
        let each = (builds.memory / builds.jobs.max(1) as u64).clamp(LEAST_OF_ONE, MOST_OF_ONE);
        Self { target: builds.target.clone(), memory: format!("{}kB", each >> 10) }
    }

    pub async fn open(&self) -> Result<Client, IndexError> {
        let client = connect(&self.target, "infra index").await?;
        prepare_session(&client).await?;
        client.run("preparing to build", &set(&[("maintenance_work_mem", &self.memory)])).await?;
        Ok(client)
    }
}
