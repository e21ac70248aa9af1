//! What the extension knows of a database, as typed data.

use serde::{Deserialize, Serialize};

use crate::migrate::catalog::{Oid, QualifiedName, quote_identifier};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timescale {
    /// Of the users; those in which the extension keeps compressed chunks and aggregates are left out.
    pub hypertables: Vec<Hypertable>,
    /// Chunks that lie in schemas of users.
    #[serde(default)]
    pub chunks_elsewhere: Vec<QualifiedName>,
    /// Those that others are made of come first.
    pub aggregates: Vec<Aggregate>,
    /// Policies, and what users let run.
    pub jobs: Vec<Job>,
    /// Functions of users whose text calls the extension.
    pub calls: Vec<Call>,
    /// Names of the extension's functions that people call.
    pub functions: Vec<String>,
    /// What it knows of all that, as far as a dump has it.
    #[serde(default)]
    pub own_tables: Vec<OwnTable>,
    #[serde(default)]
    pub own_sequences: Vec<QualifiedName>,
}

/// A table of the extension with rows that are the users'.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnTable {
    #[serde(flatten)]
    pub name: QualifiedName,
    /// A WHERE clause, maybe empty: rows that are not the extension's.
    pub filter: String,
    pub columns: Vec<OwnColumn>,
    /// Other tables that its foreign keys point to.
    pub needs: Vec<QualifiedName>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnColumn {
    pub name: String,
    /// Names a role.
    pub role: bool,
}

impl OwnColumn {
    pub fn quoted(&self) -> String {
        quote_identifier(&self.name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hypertable {
    #[serde(flatten)]
    pub name: QualifiedName,
    /// What it is cut by.
    pub column: String,
    /// As `format_type` writes it.
    pub column_type: String,
    /// Of a chunk: microseconds, or the column's own unit where it is a number.
    pub interval: i64,
    /// Columns of further dimensions.
    pub further: Vec<String>,
    /// Of the chunks, in order.
    pub ranges: Vec<Range>,
}

/// A range of time that one chunk covers, or several where there are further dimensions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Microseconds since 1970 in UTC, or the column's own unit; the smallest and largest number have no bound.
    pub from: i64,
    /// Not included.
    pub to: i64,
    pub chunks: u32,
    pub compressed: u32,
    /// Of rows, as they are on disk.
    pub stored_bytes: u64,
    /// As they were before they were compressed.
    pub bytes: u64,
}

/// A continuous aggregate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregate {
    /// The view's.
    pub oid: Oid,
    #[serde(flatten)]
    pub name: QualifiedName,
    /// The hypertable or aggregate that it reads.
    pub of: QualifiedName,
    /// The query that its user gave, with qualified names.
    pub definition: String,
    pub columns: Vec<ViewColumn>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewColumn {
    pub name: String,
    pub of_type: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub id: i32,
    pub schema: String,
    pub procedure: String,
    pub every_seconds: i64,
    /// The hypertable or aggregate that it cares for.
    pub of: Option<QualifiedName>,
    /// Of a retention policy: an interval, or a number.
    pub drop_after: Option<String>,
}

impl Job {
    /// A user's own, in contrast to a policy.
    pub fn is_users(&self) -> bool {
        !super::is_its_schema(&self.schema)
    }

    pub fn is_retention(&self) -> bool {
        !self.is_users() && self.procedure == "policy_retention"
    }

    pub fn is_refresh(&self) -> bool {
        !self.is_users() && self.procedure == "policy_refresh_continuous_aggregate"
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// `shop.bucketed()`
    pub routine: String,
    pub calls: Vec<String>,
}

impl Timescale {
    pub fn retention(&self, hypertable: &Hypertable) -> Option<&Job> {
        self.jobs.iter().find(|job| job.is_retention() && job.of.as_ref() == Some(&hypertable.name))
    }

    pub fn refresh(&self, aggregate: &Aggregate) -> Option<&Job> {
        self.jobs.iter().find(|job| job.is_refresh() && job.of.as_ref() == Some(&aggregate.name))
    }
}
