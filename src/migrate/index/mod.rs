//! Builds indexes and constraints while other tables are still copied: a table's own as soon as its rows are complete,
//! several at a time, and its statistics right after. Small tables that are completed together are built in one
//! transaction. Foreign keys come at the end, added without looking at rows and then validated side by side.
//!
//! Everything is an entry of the schema, which marks at the target what is done: a run that was killed continues.

mod pool;
mod session;
mod start_over;
mod tables;

use std::collections::HashSet;
use std::ops::RangeInclusive;

use serde::Serialize;
use tokio::sync::mpsc::UnboundedReceiver;

use super::catalog::{Catalog, QualifiedName, TableKind};
use super::schema::{ApplyError, Entry, Phase, apply, done, settle};
use crate::postgres::{Endpoint, PostgresError, SqlState};
use pool::Pool;
use session::Sessions;
use tables::{Tables, Work};

pub use session::{Memory, memory};
pub use start_over::start_over;

const PHASES: RangeInclusive<Phase> = Phase::Index..=Phase::Validate;

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
}

impl IndexError {
    /// Connecting anew and repeating is worth a try.
    fn is_transient(&self) -> bool {
        match self {
            Self::Postgres(error) => error.is_transient(),
            Self::Apply(ApplyError::Prepare { source } | ApplyError::Entry { source, .. }) => {
                let state = source.code().map(|code| SqlState(code.code().to_owned()));
                state.map_or(source.is_closed() || source.as_db_error().is_none(), |state| state.is_transient())
            }
        }
    }
}

pub struct Builds {
    pub target: Endpoint,
    /// Sessions side by side.
    pub jobs: usize,
    pub memory: Memory,
    /// In bytes of rows.
    pub largest_table: u64,
    /// Of the schema; those of other phases than indexes and constraints are passed over.
    pub entries: Vec<Entry>,
    /// Tables that will be announced. What belongs to others may be built at once.
    pub announced: HashSet<QualifiedName>,
    /// Tables without rows of their own, whose statistics are over those of their partitions.
    pub partitioned: Vec<QualifiedName>,
}

impl Builds {
    /// For all tables of a database, to be announced as they are complete.
    pub fn of(source: &Catalog, entries: Vec<Entry>, target: Endpoint, jobs: usize, memory: Memory) -> Self {
        let announced = source.with_rows().map(|table| table.name.clone()).collect();
        let roots =
            source.tables.iter().filter(|table| table.kind == TableKind::Partitioned && table.parents.is_empty());
        let partitioned = roots.map(|table| table.name.clone()).collect();
        let largest_table = source.with_rows().map(|table| table.bytes()).max().unwrap_or(0);
        Self { target, jobs, memory, largest_table, entries, announced, partitioned }
    }
}

/// Takes tables as they are completed, and returns when the sender is gone and everything is built, validated and
/// analyzed. Tables that come together are small. `told` hears of each entry that was run.
pub async fn build(
    builds: Builds,
    complete: UnboundedReceiver<Vec<QualifiedName>>,
    told: impl Fn(&Entry),
) -> Result<(), IndexError> {
    let sessions = Sessions::new(&builds);
    // The first one makes what the others look for.
    let first = sessions.open_patiently().await?;
    let done = done(&first).await?;
    let all = entries(&builds);
    let open: Vec<Entry> = all.iter().filter(|entry| !done.contains(&entry.id)).cloned().collect();
    let mut pool = Pool::new(builds.jobs, sessions.clone(), first);
    pool.tables(Tables::new(&open, &builds.announced), complete, &told).await?;
    let client = sessions.open_patiently().await?;
    // Takes over what the tables' own turns have not done: partitioned tables, what needs two tables.
    let rest = |phase| open.iter().filter(move |entry| entry.phase == phase);
    apply(&client, rest(Phase::Constraint), &told).await?;
    apply(&client, rest(Phase::ForeignKey), &told).await?;
    let last = rest(Phase::Validate).chain(rest(Phase::Statistics).filter(|entry| of_partitioned(&builds, entry)));
    pool.all(last.cloned().map(Work::single).collect(), &told).await?;
    let client = sessions.open_patiently().await?;
    Ok(settle(&client, &all, &told).await?)
}

/// How many of the indexes and constraints are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename = "index")]
pub struct Progress {
    pub done: usize,
    pub total: usize,
}

pub async fn progress(target: &tokio_postgres::Client, entries: &[Entry]) -> Result<Progress, IndexError> {
    let marked = done(target).await?;
    let wanted = entries.iter().filter(|entry| PHASES.contains(&entry.phase));
    let (there, missing): (Vec<&Entry>, Vec<&Entry>) = wanted.partition(|entry| marked.contains(&entry.id));
    Ok(Progress { done: there.len(), total: there.len() + missing.len() })
}

fn of_partitioned(builds: &Builds, entry: &Entry) -> bool {
    entry.table.as_ref().is_some_and(|table| builds.partitioned.contains(table))
}

/// All that is to be there in the end, in the order of phases.
fn entries(builds: &Builds) -> Vec<Entry> {
    let ours = builds.entries.iter().filter(|entry| PHASES.contains(&entry.phase)).cloned();
    ours.chain(builds.announced.iter().chain(&builds.partitioned).map(Entry::statistics)).collect()
}
