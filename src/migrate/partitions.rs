//! Partitions come and go while a database is used: jobs make them ahead of time and drop those that expired. Their rows
//! travel under the name of their root; the new database needs the same partitions to put them into.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::{Catalog, CatalogError, Oid, QualifiedName, Table, quote_identifier, read};
use crate::postgres::{Client, PostgresError};

#[derive(Debug, thiserror::Error)]
pub enum PartitionError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
}

/// What was done at the target, or is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partitions {
    pub made: Vec<QualifiedName>,
    /// The source has them no more. Changes of theirs may still be on their way.
    pub gone: Vec<QualifiedName>,
}

/// Makes at the target what partitions the source has and the target lacks, the outer ones first. Those that the source
/// has dropped are returned only.
pub async fn make_partitions(source: &Client, target: &Client) -> Result<Partitions, PartitionError> {
    let (here, there) = tokio::try_join!(read(source), read(target))?;
    let mut known: BTreeSet<&QualifiedName> = there.tables.iter().map(|table| &table.name).collect();
    let mut owners: BTreeMap<&QualifiedName, &str> =
        there.tables.iter().map(|table| (&table.name, table.owner.as_str())).collect();
    let mut missing: Vec<&Table> =
        here.tables.iter().filter(|table| table.is_partition() && !known.contains(&table.name)).collect();
    let mut made = vec![];
    // A partition may have partitions itself, which wait for it.
    while let Some(place) = missing.iter().position(|table| parent(&here, table).is_some_and(|p| known.contains(p))) {
        let table = missing.swap_remove(place);
        let Some(parent) = parent(&here, table) else { continue };
        // Its parent's, who may be called otherwise at the target, unless it has one of its own.
        let of_parent = here.tables.iter().find(|other| other.name == *parent).map(|other| &other.owner);
        let owner = if of_parent == Some(&table.owner) { owners.get(parent).copied() } else { None };
        let owner = owner.unwrap_or(&table.owner);
        make(target, table, parent, owner).await?;
        as_attached(source, target, &table.name).await?;
        rename_indexes(source, target, &table.name).await?;
        known.insert(&table.name);
        owners.insert(&table.name, owner);
        made.push(table.name.clone());
    }
    Ok(Partitions { made, gone: gone(&here, &there) })
}

/// Indexes of partitions that were made before their parents had any: what pg_dump does for the partitions that it knows.
/// Right only when the indexes of all others are there.
pub async fn complete_indexes(source: &Client, target: &Client) -> Result<usize, PartitionError> {
    let (here, there) = tokio::try_join!(attached(source), attached(target))?;
    let known: BTreeSet<_> = there.iter().map(|index| (&index.table, &index.parent)).collect();
    let mut made = 0;
    for index in here.iter().filter(|index| !known.contains(&(&index.table, &index.parent))) {
        let sql = "SELECT to_regclass($1) IS NOT NULL AND to_regclass($2) IS NOT NULL";
        let names = (index.parent.to_string(), index.table.to_string());
        if target.row("looking for a partition's index", sql, &[&names.0, &names.1]).await?.get(0) {
            let attach = format!("ALTER INDEX {} ATTACH PARTITION {}", index.parent, index.name);
            target.run("making a partition's index", &format!("{}; {attach}", index.definition)).await?;
            made += 1;
        }
    }
    Ok(made)
}

/// An index of a partition that is part of its parent's.
struct Attached {
    table: QualifiedName,
    parent: QualifiedName,
    name: QualifiedName,
    definition: String,
}

/// The outer ones first, as they were made.
async fn attached(client: &Client) -> Result<Vec<Attached>, PostgresError> {
    let sql = "SELECT tn.nspname::text, t.relname::text, pn.nspname::text, p.relname::text, cn.nspname::text, c.relname::text,
                      CASE WHEN k.oid IS NULL THEN pg_get_indexdef(c.oid)
                           ELSE format('ALTER TABLE ONLY %I.%I ADD CONSTRAINT %I %s', tn.nspname, t.relname, k.conname,
                                       pg_get_constraintdef(k.oid)) END
                 FROM pg_inherits h
                 JOIN pg_index i ON i.indexrelid = h.inhrelid
                 JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
                 JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
                 JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
                 LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.conrelid = t.oid AND k.contype IN ('p', 'u', 'x')
                ORDER BY c.oid";
    let rows = client.rows("listing indexes of partitions", sql, &[]).await?;
    let name = |row: &tokio_postgres::Row, at: usize| {
        QualifiedName::new(row.get::<_, String>(at), row.get::<_, String>(at + 1))
    };
    let index = |row: &tokio_postgres::Row| Attached {
        table: name(row, 0),
        parent: name(row, 2),
        name: name(row, 4),
        definition: row.get(6),
    };
    Ok(rows.iter().map(index).collect())
}

/// When nothing of theirs is on its way any more.
pub async fn drop_partitions(target: &Client, gone: &[QualifiedName]) -> Result<(), PartitionError> {
    for name in gone {
        target
            .run("dropping a partition that the old database has dropped", &format!("DROP TABLE IF EXISTS {name}"))
            .await?;
    }
    Ok(())
}

fn parent<'a>(catalog: &'a Catalog, table: &Table) -> Option<&'a QualifiedName> {
    let oid: Oid = *table.parents.first()?;
    catalog.table(oid).map(|parent| &parent.name)
}

/// Partitions of the target that are nothing at all at the source, while what they are partitions of is there. One that
/// was only detached is a change that a person has to look at.
fn gone(here: &Catalog, there: &Catalog) -> Vec<QualifiedName> {
    let exists: BTreeSet<&QualifiedName> = here.tables.iter().map(|table| &table.name).collect();
    let is_gone = |table: &&Table| {
        let parent = parent(there, table).is_some_and(|parent| exists.contains(parent));
        table.is_partition() && parent && !exists.contains(&table.name)
    };
    there.tables.iter().filter(is_gone).map(|table| table.name.clone()).collect()
}

/// With its parent's columns, defaults, indexes and constraints. As its owner, so that default privileges are given as at
/// the source; where that role may not create tables, as this user: the comparison of the schema then tells.
async fn make(target: &Client, table: &Table, parent: &QualifiedName, owner: &str) -> Result<(), PartitionError> {
    let bound = table.partition_bound.as_deref().unwrap_or("DEFAULT");
    let key = table.partition_key.as_ref().map(|key| format!(" PARTITION BY {key}")).unwrap_or_default();
    let create = format!("CREATE TABLE {} PARTITION OF {parent} {bound}{key}", table.name);
    let operation = format!("making the partition {} that the old database has", table.name.plain());
    let as_owner = format!("BEGIN; SET LOCAL ROLE {}; {create}; COMMIT", quote_identifier(owner));
    match target.run(&operation, &as_owner).await {
        Err(error) if error.sqlstate() == Some("42501") => {
            target.run("ending the attempt", "ROLLBACK").await?;
            Ok(target.run(&operation, &create).await?)
        }
        Err(error) => {
            target.run("ending the attempt", "ROLLBACK").await?;
            Err(error.into())
        }
        Ok(()) => Ok(()),
    }
}

/// One that was a table of its own before it was attached need not have what a partition has of its parent: defaults, and what
/// it asks of its rows.
async fn as_attached(source: &Client, target: &Client, table: &QualifiedName) -> Result<(), PartitionError> {
    let (here, there) = tokio::try_join!(own_definitions(source, table), own_definitions(target, table))?;
    let missing = here.iter().filter(|(key, text)| there.get(*key) != Some(*text));
    let mut changes: Vec<String> = missing.map(|((kind, name), text)| kind.give(name, text)).collect();
    let extra = there.keys().filter(|key| !here.contains_key(*key));
    changes.extend(extra.filter_map(|(kind, name)| kind.take(name)));
    for change in changes {
        target.run("making a partition as it was attached", &format!("ALTER TABLE {table} {change}")).await?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Own {
    Default,
    NotNull,
    Check,
}

impl Own {
    fn give(self, name: &str, text: &str) -> String {
        let name = quote_identifier(name);
        match self {
            Self::Default => format!("ALTER {name} SET DEFAULT {text}"),
            Self::NotNull => format!("ALTER {name} SET NOT NULL"),
            Self::Check => format!("ADD CONSTRAINT {name} {text}"),
        }
    }

    /// What its parent asks of rows it asks too.
    fn take(self, name: &str) -> Option<String> {
        (self == Self::Default).then(|| format!("ALTER {} DROP DEFAULT", quote_identifier(name)))
    }
}

/// By column, or by the name of a check that is not its parent's.
async fn own_definitions(
    client: &Client,
    table: &QualifiedName,
) -> Result<BTreeMap<(Own, String), String>, PostgresError> {
    let sql = "SELECT 'd', a.attname::text, pg_get_expr(d.adbin, d.adrelid)
                 FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                WHERE a.attrelid = to_regclass($1) AND a.attgenerated = ''
               UNION ALL SELECT 'n', attname::text, '' FROM pg_attribute
                WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attnotnull
               UNION ALL SELECT 'c', conname::text, pg_get_constraintdef(oid) FROM pg_constraint
                WHERE conrelid = to_regclass($1) AND contype = 'c' AND coninhcount = 0";
    let rows = client.rows("reading what a partition has of its own", sql, &[&table.to_string()]).await?;
    let own = |row: &tokio_postgres::Row| {
        let kind = match row.get::<_, &str>(0) {
            "d" => Own::Default,
            "n" => Own::NotNull,
            _ => Own::Check,
        };
        ((kind, row.get(1)), row.get(2))
    };
    Ok(rows.iter().map(own).collect())
}

/// Names of a partition's indexes are the server's choice, and depend on what else was there when it was made.
async fn rename_indexes(source: &Client, target: &Client, table: &QualifiedName) -> Result<(), PartitionError> {
    let (here, there) = tokio::try_join!(indexes(source, table), indexes(target, table))?;
    for (parent, name) in here {
        let Some(found) = there.get(&parent).filter(|found| **found != name) else { continue };
        let found = QualifiedName::new(table.schema.clone(), found.clone());
        let sql = format!("ALTER INDEX {found} RENAME TO {}", quote_identifier(&name));
        target.run("naming a partition's index", &sql).await?;
    }
    Ok(())
}

/// By the index of the partitioned table that each belongs to.
async fn indexes(client: &Client, table: &QualifiedName) -> Result<BTreeMap<String, String>, PostgresError> {
    let sql = "SELECT p.relname::text, c.relname::text
                 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                 JOIN pg_inherits h ON h.inhrelid = c.oid JOIN pg_class p ON p.oid = h.inhparent
                WHERE i.indrelid = to_regclass($1)";
    let rows = client.rows("listing a partition's indexes", sql, &[&table.to_string()]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
