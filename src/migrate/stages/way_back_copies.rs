//! Tables that came at the new database, and whose rows the old server fails to copy: each with what the servers answer.

use super::StageError;
use crate::migrate::catalog::QualifiedName;
use crate::migrate::prose::FEW;
use crate::migrate::replicate::{Channel, CopyRefusal};

const FAILS: &str = "the old server fails to copy its rows";

/// A sentence for each. `said`: those of the last look, of everything. `fails`: an attempt failed since. It may be long until the
/// next one does: what was said of a table is said until its rows are there.
pub async fn failing(channel: &Channel<'_>, said: &[String], fails: Fails) -> Result<Vec<String>, StageError> {
    let mut failing = vec![];
    let arriving = channel.arriving().await?;
    for (count, table) in arriving.iter().enumerate() {
        let known = said.iter().find(|what| what.starts_with(&begins(table))).cloned();
        let new = if fails == Fails::Anew && count < FEW { why(channel, table).await } else { None };
        failing.extend(new.or(known).map(|what| (table, what)));
    }
    if failing.is_empty() && fails == Fails::Anew {
        failing.extend(arriving.iter().map(|table| (table, format!("{}, its log says why", begins(table)))));
    }
    let arriving = channel.arriving().await?;
    Ok(failing.into_iter().filter(|(table, _)| arriving.contains(table)).map(|(_, what)| what).collect())
}

/// Since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fails {
    Anew,
    NotAnew,
}

fn begins(table: &QualifiedName) -> String {
    format!("TABLE {}: {FAILS}", table.plain())
}

async fn why(channel: &Channel<'_>, table: &QualifiedName) -> Option<String> {
    let (who, words) = match channel.copy_refusal(table).await {
        Ok(Some(CopyRefusal::Subscriber(words))) => ("it", words),
        Ok(Some(CopyRefusal::Publisher(words))) => ("the new one", words),
        Ok(None) => return None,
        Err(error) => {
            tracing::debug!("the copy of a table cannot be tried: {}", crate::error::chain(&error));
            return None;
        }
    };
    Some(format!("{}: {who} answers: {words}", begins(table)))
}
