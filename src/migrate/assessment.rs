//! What a migration would meet, before there is one: findings, sizes and speeds of both ends, or of the old one alone.
//! Reads only, and leaves nothing behind.

use serde::{Deserialize, Serialize};

use super::catalog::{self, Catalog, CatalogError, ServerVersion, Table};
use super::measure::{self, Reading};
use super::preflight::{
    Capacity, Finding, Made, PreflightError, RowFaults, Situation, cannot_be_dumped, check, gather, presume,
};
use super::saga::Mode;
use super::schema::{self, ArchiveError, DumpError, Loss, Names, TargetError};
use super::strategy;
use super::timescale::{self, TimescaleError};
use crate::postgres::{Client, Endpoint, PostgresError, connect};

#[derive(Debug, thiserror::Error)]
pub enum AssessError {
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    #[error(transparent)]
    Dump(#[from] DumpError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Timescale(#[from] TimescaleError),
    #[error(transparent)]
    Examine(#[from] TargetError),
}

/// Where to look.
pub struct Ends {
    pub source: Endpoint,
    /// None: it is still to be made.
    pub target: Option<Endpoint>,
    /// As what, if it is.
    pub made: Made,
    /// pg_dump of the old server's version, up to and with the options that say which database.
    pub dump: Vec<String>,
    pub mode: Mode,
    pub capacity: Capacity,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    pub source_version: ServerVersion,
    /// None: it is still to be made, and findings are about the old database alone.
    pub target_version: Option<ServerVersion>,
    pub volume: Volume,
    /// None: there is nothing to read, or it was too slow to tell.
    pub reading: Option<Reading>,
    /// What the old server writes into its WAL.
    pub wal_bytes_per_second: u64,
    /// Of the disk that keeps that WAL.
    pub free_bytes: Option<u64>,
    /// Connections that would copy side by side.
    pub jobs: u32,
    /// Blockers first.
    pub findings: Vec<Finding>,
    /// What is not carried over, or not as it was; each is a finding too.
    pub losses: Vec<Loss>,
}

/// How much there is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Indexes and the catalogue with it.
    pub database_bytes: u64,
    /// Rows, TOAST included, and large objects.
    pub data_bytes: u64,
    pub tables: u64,
    /// As of the last ANALYZE of each table.
    pub rows: u64,
    pub indexes: u64,
    pub index_bytes: u64,
    pub large_objects: u64,
}

impl From<&Catalog> for Volume {
    fn from(catalog: &Catalog) -> Self {
        let own: std::collections::HashSet<_> = catalog.with_rows().map(|table| table.oid).collect();
        let indexes = || catalog.indexes.iter().filter(|index| own.contains(&index.table));
        Self {
            database_bytes: catalog.database.bytes,
            data_bytes: catalog.data_bytes(),
            tables: own.len() as u64,
            rows: catalog.with_rows().filter_map(|table| table.estimated_rows).sum(),
            indexes: indexes().count() as u64,
            index_bytes: indexes().map(|index| index.bytes).sum(),
            large_objects: catalog.large_objects.count,
        }
    }
}

/// Rows are read for a look up to so many bytes of tables; the stage preflight always reads them.
const ROWS_UP_TO: u64 = 1 << 30;

pub async fn assess(ends: &Ends) -> Result<Assessment, AssessError> {
    let source = connect(&ends.source, "infra look").await?;
    let catalog = catalog::read(&source).await?;
    let few = catalog.with_rows().map(Table::bytes).sum::<u64>() <= ROWS_UP_TO;
    let row_faults = if few { Some(RowFaults::find(&source, &catalog).await?) } else { None };
    let (reading, wal) = measure::written(&source, measure::read(&ends.source, &catalog)).await?;
    let situation = situation(ends, &source, catalog, row_faults).await?;
    Ok(Assessment {
        source_version: situation.catalog.database.server_version,
        target_version: ends.target.is_some().then_some(situation.abilities.version),
        volume: Volume::from(&situation.catalog),
        reading: reading?,
        wal_bytes_per_second: wal,
        free_bytes: ends.capacity.source_free_bytes,
        jobs: ends.capacity.connections,
        findings: check(&situation),
        losses: situation.losses,
    })
}

async fn situation(
    ends: &Ends,
    source: &Client,
    catalog: Catalog,
    row_faults: Option<RowFaults>,
) -> Result<Situation, AssessError> {
    let large_objects = schema::read_large_objects(source).await;
    let large_objects = large_objects.map_err(|error| PostgresError::of("reading the large objects", error))?;
    let facts = gather(source).await?;
    let (target, target_catalog, abilities) = match &ends.target {
        Some(endpoint) => {
            let target = connect(endpoint, "infra look").await?;
            // Last: from then on the session refuses the trials.
            let abilities = schema::examine(&target, &catalog).await?;
            (gather(&target).await?, catalog::read(&target).await?, abilities)
        }
        None => {
            let presumed = presume(&catalog, &facts, ends.made);
            (presumed.facts, presumed.catalog, presumed.abilities)
        }
    };
    // Told with the rest of the findings, instead of as pg_dump's failure.
    let items = match cannot_be_dumped(&facts, &catalog) {
        true => vec![],
        false => schema::parse(&schema::dump(&ends.dump, Names::Plain).await?)?,
    };
    let timescale = timescale::read(source).await?;
    let built = strategy::build(items, &catalog, timescale.as_ref(), large_objects, &abilities);
    Ok(Situation {
        mode: ends.mode,
        source: facts,
        target,
        catalog: built.conversion.seen(catalog),
        target_catalog,
        abilities,
        timescale,
        losses: built.losses,
        capacity: ends.capacity,
        row_faults,
    })
}
