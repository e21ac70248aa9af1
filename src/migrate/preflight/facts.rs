//! What the rules decide on. Plain data, so that a preflight can be kept and looked at again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::migrate::catalog::Catalog;
use crate::migrate::saga::Mode;
use crate::migrate::schema::{Loss, Target};
use crate::migrate::timescale::Timescale;

/// Everything about both ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Situation {
    pub mode: Mode,
    pub source: ServerFacts,
    pub target: ServerFacts,
    pub catalog: Catalog,
    pub target_catalog: Catalog,
    pub abilities: Target,
    /// What the source has of TimescaleDB, if it has it.
    #[serde(default)]
    pub timescale: Option<Timescale>,
    /// Of the schema, as `schema::build` tells them.
    pub losses: Vec<Loss>,
    pub capacity: Capacity,
    /// None: the rows were not read.
    pub row_faults: Option<RowFaults>,
}

/// What only the rows of the source tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowFaults {
    pub fk_violations: Vec<FkViolations>,
    /// Tables, with what the server says when they are read.
    pub unreadable: Vec<RowFault>,
    /// CHECKs and columns of domains whose rows break them.
    pub checks: Vec<RowFault>,
    /// Materialized views that cannot be filled anew.
    pub views: Vec<RowFault>,
    pub large_rows: Vec<LargeRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowFault {
    pub object: String,
    pub what: String,
}

/// What no query tells; None is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    pub target_storage_bytes: Option<u64>,
    /// Where the source writes its WAL, which is kept while rows are copied.
    pub source_free_bytes: Option<u64>,
    /// Connections that the copy opens on each end.
    pub connections: u32,
}

/// One server, as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFacts {
    pub tls: bool,
    /// Consecutive statements reached different sessions.
    pub pooled: bool,
    pub in_recovery: bool,
    pub user: String,
    pub superuser: bool,
    pub replication: bool,
    pub bypass_row_security: bool,
    /// May create schemas in the database.
    pub may_create: bool,
    /// By name; absent where the version does not have it.
    pub settings: BTreeMap<String, String>,
    pub connections: u32,
    pub slots: Vec<Slot>,
    pub senders: u32,
    /// Older than five minutes, of anybody.
    pub long_transactions: Vec<LongTransaction>,
    pub prepared: Vec<PreparedTransaction>,
    /// Transactions since the oldest row that is not frozen.
    pub xid_age: i64,
    /// Tables, sequences and schemas of the database that the user may not read.
    pub unreadable: Vec<String>,
    /// Schemas, publications, subscriptions and slots of an earlier migration.
    pub left_over: Vec<String>,
    /// Event triggers that fire for what infra does for itself, whatever it does about that.
    #[serde(default)]
    pub firing_event_triggers: Vec<String>,
    /// Materialized views that use functions without a search_path of their own.
    pub path_dependent_views: Vec<String>,
    pub cron_jobs: u32,
    /// How a client of the database reads an amount of money.
    #[serde(default)]
    pub money: String,
}

impl ServerFacts {
    pub fn setting(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.setting(name).parse().ok()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    pub name: String,
    pub active: bool,
    /// WAL that is kept for it.
    pub kept_bytes: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongTransaction {
    pub pid: i32,
    pub user: String,
    pub application: String,
    pub seconds: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedTransaction {
    pub name: String,
    #[serde(default)]
    pub database: String,
    /// Not in the database that moves: a slot waits for it all the same.
    #[serde(default)]
    pub elsewhere: bool,
    pub seconds: i64,
}

/// A row that is too long as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeRow {
    pub table: String,
    /// The longest.
    pub column: String,
    /// `ctid`
    pub place: String,
    pub text_bytes: i64,
}

/// A foreign key with rows that point to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FkViolations {
    pub table: String,
    pub constraint: String,
    pub rows: i64,
}
