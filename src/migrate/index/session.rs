//! Sessions that build, and how much memory they may take.

use std::time::Duration;

use backon::Retryable as _;

use super::{Builds, IndexError};
use crate::migrate::schema::prepare_session;
use crate::postgres::{Client, Endpoint, connect, set};

/// What the smallest servers can spare.
const LEAST_MEMORY: u64 = 256 << 20;
/// What one build can use: the server takes no more than 2 GB for each.
const MOST_OF_ONE: u64 = 2_000_000 << 10;
const LEAST_OF_ONE: u64 = 1 << 20;
/// A process of a build gets at least this much, or the server starts fewer of them.
const LEAST_OF_PROCESS: u64 = 32 << 20;
/// With which a sort reads each of its runs while it merges them (`MERGE_BUFFER_SIZE` and two blocks).
const BUFFER_OF_RUN: u64 = 272 << 10;
/// What is sorted can be this much larger than the table: a narrow key's entry has an address and two headers.
const ENTRIES_TO_ROWS: u64 = 2;

/// What builds can have of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Bytes for all of them together.
    pub bytes: u64,
    /// Processes that one build sorts in.
    pub processes: u64,
}

/// As much as the server keeps for its buffers, which is a quarter of its memory where somebody has sized it. Nobody else
/// uses it yet.
pub async fn memory(target: &Client) -> Result<Memory, IndexError> {
    let sql = "SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('shared_buffers')), \
               coalesce(pg_catalog.current_setting('max_parallel_maintenance_workers', true)::bigint, 0)";
    let row = target.row("asking for the new server's memory", sql, &[]).await?;
    let number = |column| u64::try_from(row.get::<_, i64>(column)).unwrap_or(0);
    Ok(Memory { bytes: number(0).max(LEAST_MEMORY), processes: number(1) + 1 })
}

impl Memory {
    /// For each of `builds` side by side, none of a table larger than this. Not more than a sort needs to merge all of its
    /// runs at once: runs that stay in the processor's cache are sorted in up to half the time, and merging them costs
    /// less than that (4.2 million rows by a text and a time: 8.7 s of processor time with 16 MB, 13.1 s with 512 MB).
    fn of_one(self, builds: usize, largest_table: u64) -> u64 {
        let run = largest_table.saturating_mul(ENTRIES_TO_ROWS).saturating_mul(BUFFER_OF_RUN).isqrt();
        let needed = run.max(LEAST_OF_PROCESS) * self.processes;
        needed.min(self.bytes / builds.max(1) as u64).clamp(LEAST_OF_ONE, MOST_OF_ONE)
    }
}

/// Together about five minutes, in which a server can restart and recover, and others give connections back.
const ATTEMPTS: u32 = 12;
const PAUSE: Duration = Duration::from_secs(4);

pub fn waits() -> impl Iterator<Item = Duration> + Clone {
    (1..ATTEMPTS).map(|attempt| PAUSE * attempt)
}

/// How to come to a session.
#[derive(Clone)]
pub struct Sessions {
    target: Endpoint,
    memory: String,
}

impl Sessions {
    pub fn new(builds: &Builds) -> Self {
        let each = builds.memory.of_one(builds.jobs, builds.largest_table);
        Self { target: builds.target.clone(), memory: format!("{}kB", each >> 10) }
    }

    /// Outlasts a restart of the server, and a shortage of connections.
    pub async fn open_patiently(&self) -> Result<Client, IndexError> {
        (|| self.open()).retry(waits()).when(IndexError::is_transient).await
    }

    pub async fn open(&self) -> Result<Client, IndexError> {
        let client = connect(&self.target, "infra index").await?;
        prepare_session(&client).await?;
        client.run("preparing to build", &set(&[("maintenance_work_mem", &self.memory)])).await?;
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_gets_what_it_needs_to_merge_once_and_no_more_than_its_share() {
        let megabytes =
            |memory: u64, largest: u64| Memory { bytes: memory << 30, processes: 3 }.of_one(2, largest << 30) >> 20;
        assert_eq!([megabytes(4, 0), megabytes(4, 1), megabytes(4, 100), megabytes(4, 1000)], [96, 96, 699, 1953]);
        assert_eq!([megabytes(1, 1), megabytes(1, 100)], [96, 512]);
        assert_eq!(Memory { bytes: 64 << 20, processes: 3 }.of_one(3, 1 << 30) >> 20, 21);
        assert_eq!(Memory { bytes: 1 << 20, processes: 1 }.of_one(8, u64::MAX), LEAST_OF_ONE);
    }
}
