//! Runs statements at the old database, each in a transaction of its own: what one refuses keeps no other from being made.

use std::collections::BTreeMap;

use crate::migrate::carried::all_or_nothing;
use crate::migrate::verify::ObjectKey;
use crate::postgres::{Client, PostgresError};

/// For a lock: readers of the old database may have a table for long, and everybody who comes after waits behind this.
const WAIT: &str = "2s";

/// One object, and what brings it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    pub key: ObjectKey,
    pub sql: String,
}

/// What was made, and what was refused with the server's words.
#[derive(Debug, Default)]
pub struct Made {
    pub done: Vec<ObjectKey>,
    pub refused: BTreeMap<ObjectKey, String>,
}

/// One needs another: what is refused is tried again as long as something else was made.
pub async fn make(client: &Client, mut works: Vec<Work>) -> Result<Made, PostgresError> {
    let mut made = Made::default();
    loop {
        let mut left = vec![];
        made.refused.clear();
        let before = made.done.len();
        for work in works {
            match once(client, &work).await? {
                None => made.done.push(work.key),
                Some(words) => {
                    made.refused.insert(work.key.clone(), words);
                    left.push(work);
                }
            }
        }
        if left.is_empty() || made.done.len() == before {
            return Ok(made);
        }
        works = left;
    }
}

/// The server's words, if it refuses.
async fn once(client: &Client, work: &Work) -> Result<Option<String>, PostgresError> {
    attempt(client, &format!("making {} {} in the old database", work.key.kind, work.key.name), &work.sql).await
}

pub async fn attempt(client: &Client, operation: &str, sql: &str) -> Result<Option<String>, PostgresError> {
    // Bodies of functions may name what comes later.
    let sql = format!(
        "BEGIN; SET LOCAL lock_timeout = '{WAIT}'; SET LOCAL check_function_bodies = off;\n{};\nCOMMIT",
        sql.trim_end().trim_end_matches(';')
    );
    match all_or_nothing(client, operation, &sql).await {
        Ok(()) => Ok(None),
        Err(PostgresError::Server { report, .. }) => Ok(Some(report.message.clone())),
        Err(error) => Err(error),
    }
}
