//! The rules: each a pure function from the situation to what it finds.

mod capacity;
mod connection;
mod content;
mod database;
mod hypertables;
mod losses;
mod replication;
mod state;
mod tables;

use super::facts::Situation;
use super::finding::Finding;

pub use capacity::cannot_be_dumped;

pub type Rule = fn(&Situation) -> Vec<Finding>;

pub const ALL: [Rule; 9] = [
    connection::rule,
    replication::rule,
    state::rule,
    tables::rule,
    capacity::rule,
    database::rule,
    content::rule,
    hypertables::rule,
    losses::rule,
];

/// What holds, as a list.
fn all(found: impl IntoIterator<Item = Option<Finding>>) -> Vec<Finding> {
    found.into_iter().flatten().collect()
}

/// How a setting of the source's server is changed: it is a service of the bundle.
fn of_bundle(setting: &str) -> String {
    format!("start the source's service with -c {setting} (its command in compose.yaml, then infra deploy)")
}
