//! When the rows are copied anew, under another snapshot: what was built for the first ones goes. Rows come faster into
//! bare tables, and statistics are of the rows that are there.

use std::collections::BTreeMap;

use super::{Builds, IndexError, entries};
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::QualifiedName;
use crate::migrate::schema::{Entry, EntryId, Phase, prepare_session};
use crate::postgres::Client;

const OPERATION: &str = "removing indexes of an earlier copy";
/// Tables that share a transaction: each locks itself and its indexes.
const BATCH: usize = 50;

/// Of tables of these names; not of extensions' tables, whose indexes come with the extension.
const OURS: &str = "
    SELECT c.oid FROM pg_catalog.unnest($1::text[]) AS name JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(name)
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

/// Before the keys that they need.
const DROP_FOREIGN_KEYS: &str = "
    SELECT pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname)
      FROM pg_catalog.pg_constraint AS c JOIN ours ON ours.oid = c.conrelid WHERE c.contype = 'f' AND c.conparentid = 0";

/// What belongs to a constraint, or to an index of the partitioned table, goes with it.
const DROP_INDEXES: &str = "
    SELECT pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname)
      FROM pg_catalog.pg_constraint AS c JOIN ours ON ours.oid = c.conrelid
     WHERE c.contype IN ('p', 'u', 'x') AND c.conparentid = 0
    UNION ALL
    SELECT pg_catalog.format('DROP INDEX %s', i.indexrelid::regclass)
      FROM pg_catalog.pg_index AS i JOIN ours ON ours.oid = i.indrelid
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS c WHERE c.conindid = i.indexrelid AND c.contype <> 'f')
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS p WHERE p.inhrelid = i.indexrelid)";

/// Removes indexes, constraints and statistics of the tables at the target, with the marks that they were made.
pub async fn start_over(target: &Client, builds: &Builds) -> Result<(), IndexError> {
    prepare_session(target).await?;
    let (of_tables, others): (Vec<Entry>, Vec<Entry>) =
        entries(builds).into_iter().partition(|entry| entry.table.is_some());
    // Attaching to a partitioned table's index may be repeated. Indexes of materialized views stay: they do not depend on
    // copied rows.
    let attached = others.iter().filter(|entry| entry.phase == Phase::Constraint).map(|entry| &entry.id);
    forget(target, attached, vec![]).await?;
    let (keys, rest): (Vec<Entry>, Vec<Entry>) =
        of_tables.into_iter().partition(|entry| matches!(entry.phase, Phase::ForeignKey | Phase::Validate));
    for (entries, drops) in [(keys, DROP_FOREIGN_KEYS), (rest, DROP_INDEXES)] {
        for batch in by_table(entries).chunks(BATCH) {
            let names: Vec<String> = batch.iter().map(|(table, _)| table.to_string()).collect();
            let sql = format!("WITH ours AS ({OURS}) {drops}");
            let drops = target.rows(OPERATION, &sql, &[&names]).await?;
            let marks = batch.iter().flat_map(|(_, marks)| marks);
            forget(target, marks, drops.iter().map(|row| row.get(0)).collect()).await?;
        }
    }
    Ok(())
}

type Marks = (QualifiedName, Vec<EntryId>);

fn by_table(entries: Vec<Entry>) -> Vec<Marks> {
    let mut marks: BTreeMap<QualifiedName, Vec<EntryId>> = BTreeMap::new();
    for entry in entries {
        if let Some(table) = entry.table {
            marks.entry(table).or_default().push(entry.id);
        }
    }
    marks.into_iter().collect()
}

/// Mark and object together: a mark without its object would say that nothing is missing.
async fn forget<'a>(
    target: &Client,
    marks: impl Iterator<Item = &'a EntryId>,
    mut statements: Vec<String>,
) -> Result<(), IndexError> {
    let marks: Vec<String> = marks.map(|mark| format!("'{}'", mark.0)).collect();
    if !marks.is_empty() {
        statements.push(format!("DELETE FROM {HELPER_SCHEMA}.entries WHERE id IN ({})", marks.join(", ")));
    }
    Ok(target.run(OPERATION, &statements.join("; ")).await?)
}
