//! Before the first part: what the parts are. They are decided once for a snapshot and kept, because what the target says
//! about a part only means something while the part's borders stay. Under another snapshot everything starts over.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::error::CopyError;
use super::event::{CopyEvent, Tell};
use super::plan::{Part, Relation, Sizing, parts};
use super::rewrite::File;
use super::session::Ends;
use super::snapshot_holder::HeldSnapshot;
use super::{ledger, objects, sql};
use crate::migrate::catalog::{Catalog, QualifiedName, is_users_schema};
use crate::migrate::files;
use crate::migrate::folder::Folder;
use crate::migrate::unseen::unseen;
use crate::postgres::{Client, PostgresError, connect};

const VERSION: u32 = 1;
/// Tables emptied in one statement: each is locked.
const BATCH: usize = 500;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    v: u32,
    /// Names the plan in the target's list of parts.
    pub id: String,
    pub parts: Vec<Part>,
}

/// What is to be copied, and what the target already has of it.
pub struct Prepared {
    pub plan: Plan,
    pub done: HashSet<i32>,
    /// Tables that were started over: parts of them count from this file.
    pub files: HashMap<QualifiedName, File>,
}

pub async fn prepare(
    folder: &Folder,
    ends: &Ends,
    catalog: &Catalog,
    sizing: Sizing,
    tell: &Tell,
) -> Result<Prepared, CopyError> {
    let target = connect(&ends.target, "infra copy").await?;
    unseen(&target).await?;
    ledger::prepare(&target).await?;
    let id = identity(&ends.held);
    if let Some(plan) = load(folder)?.filter(|plan| plan.id == id) {
        let (done, files) = (ledger::done(&target, &id).await?, ledger::rewritten(&target, &id).await?);
        return Ok(Prepared { plan, done, files });
    }
    let objects = objects::list(&mut ends.open().await?.source).await?;
    let plan = Plan { v: VERSION, id, parts: parts(catalog, &objects, sizing) };
    empty(&target, &plan, tell).await?;
    folder.write(files::PARTS, &plan)?;
    Ok(Prepared { plan, done: HashSet::new(), files: HashMap::new() })
}

/// A snapshot's name alone comes again after a restart of the server.
fn identity(held: &HeldSnapshot) -> String {
    format!("{} {} {}", held.snapshot, held.lsn, held.at)
}

fn load(folder: &Folder) -> Result<Option<Plan>, CopyError> {
    match folder.read::<Plan>(files::PARTS)? {
        Some(plan) if plan.v > VERSION => Err(CopyError::Newer { path: folder.file(files::PARTS) }),
        plan => Ok(plan),
    }
}

/// All tables of the copy that was planned last; those that share a part together.
pub fn tables(folder: &Folder) -> Result<Vec<Vec<QualifiedName>>, CopyError> {
    let parts = load(folder)?.map(|plan| plan.parts).unwrap_or_default();
    let mut seen = HashSet::new();
    let names = |part: &Part| part.work.relations().iter().map(|relation| relation.name.clone()).collect::<Vec<_>>();
    // Ranges of one table are next to each other.
    Ok(parts.iter().map(names).filter(|names| !names.is_empty() && seen.insert(names.clone())).collect())
}

/// The target's tables must be empty. Rows of an earlier copy are thrown away; others are not ours to touch.
async fn empty(target: &Client, plan: &Plan, tell: &Tell) -> Result<(), CopyError> {
    let ours = ledger::is_used(target).await?;
    let relations: Vec<&Relation> = plan.parts.iter().flat_map(|part| part.work.relations()).collect();
    let full = full_tables(target, &relations).await?;
    if !ours {
        let objects = objects::any(target).await?;
        let table =
            full.first().map(|name| name.plain()).or_else(|| objects.then(|| "the list of large objects".into()));
        return table.map_or(Ok(()), |table| Err(CopyError::TargetNotEmpty { table }));
    }
    tell(CopyEvent::StartedOver);
    for batch in full.chunks(BATCH) {
        target.run("emptying the tables of an earlier copy", &sql::truncate(batch.iter().copied())).await?;
    }
    for relation in &relations {
        if let Some(filter) = &relation.filter {
            let delete = format!("DELETE FROM ONLY {} {filter}", relation.name);
            target.run("emptying the tables of an earlier copy", &delete).await?;
        }
    }
    objects::remove(target).await?;
    ledger::forget(target).await
}

/// Those that have blocks, among tables that are wholly ours. One query, whatever their number.
async fn full_tables<'a>(target: &Client, relations: &[&'a Relation]) -> Result<Vec<&'a QualifiedName>, CopyError> {
    let sql = format!(
        "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class AS c \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE c.relkind = 'r' AND {} AND pg_catalog.pg_relation_size(c.oid) > 0",
        is_users_schema("n.nspname")
    );
    let rows = target.rows("looking for rows at the target", &sql, &[]).await?;
    let full: HashSet<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let is_full = |name: &QualifiedName| full.contains(&(name.schema.clone(), name.name.clone()));
    let mut seen = HashSet::new();
    let wholly_ours = relations.iter().filter(|relation| relation.filter.is_none()).map(|relation| &relation.name);
    Ok(wholly_ours.filter(|name| is_full(name) && seen.insert(*name)).collect())
}

/// Of the source's database: its name as PostgreSQL has it.
pub async fn encoding(source: &Client) -> Result<String, PostgresError> {
    Ok(source.row("asking for the encoding", "SELECT pg_catalog.current_setting('server_encoding')", &[]).await?.get(0))
}
