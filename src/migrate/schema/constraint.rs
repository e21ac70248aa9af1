//! Indexes and constraints after the data. A primary key or unique constraint becomes an index, which is built beside
//! others, and a constraint that takes it; a foreign key is added without looking, and validated beside others.
//! PostgreSQL offers neither for partitioned tables, whose constraints stay as they are.

use std::collections::HashMap;

use super::archive::Item;
use super::entry::{Entry, Phase};
use super::split::statements;
use crate::migrate::catalog::{Catalog, Constraint, ConstraintKind, Index, Oid, Table, TableKind, quote_identifier};

/// The source's catalogue by number.
pub struct Lookup<'a> {
    tables: HashMap<Oid, &'a Table>,
    indexes: HashMap<Oid, &'a Index>,
    index_of_constraint: HashMap<Oid, &'a Index>,
    constraints: HashMap<Oid, &'a Constraint>,
}

impl<'a> Lookup<'a> {
    pub fn new(source: &'a Catalog) -> Self {
        let owner = |index: &'a Index| index.constraint.map(|constraint| (constraint, index));
        Self {
            tables: source.tables_by_oid(),
            indexes: source.indexes.iter().map(|index| (index.oid, index)).collect(),
            index_of_constraint: source.indexes.iter().filter_map(owner).collect(),
            constraints: source.constraints.iter().map(|constraint| (constraint.oid, constraint)).collect(),
        }
    }
}

/// Entries for one index: its build, and apart from it what locks the table harder, such as `CLUSTER ON`. Two builds that
/// both wanted more than a share lock at their end would wait for each other.
pub fn index(item: &Item, name: &str, lookup: &Lookup<'_>) -> Vec<Entry> {
    let index = lookup.indexes.get(&item.oid);
    let table = index.and_then(|index| lookup.tables.get(&index.table)).map(|table| table.name.clone());
    let mut parts = statements(&item.definition).into_iter().map(str::to_owned);
    let build: Vec<_> = parts.next().into_iter().collect();
    let rest: Vec<_> = parts.collect();
    let mut entries = vec![Entry::new(Phase::Index, &item.kind, name, build).of(table.clone())];
    if !rest.is_empty() {
        entries.push(Entry::new(Phase::Constraint, "INDEX SETTING", name, rest).of(table));
    }
    entries
}

/// Entries for a primary key, unique or exclusion constraint.
pub fn constraint(item: &Item, name: &str, lookup: &Lookup<'_>) -> Vec<Entry> {
    let known = lookup.constraints.get(&item.oid);
    let table = known.and_then(|known| lookup.tables.get(&known.table));
    let of = table.map(|table| table.name.clone());
    let mut parts = statements(&item.definition).into_iter().map(str::to_owned);
    let first = parts.next();
    let rest = parts;
    let by_index = known.zip(table).and_then(|(known, table)| {
        let index = lookup.index_of_constraint.get(&known.oid)?;
        Some((index, using_index(known, table, index)?))
    });
    if let Some((index, take)) = by_index {
        let build = Entry::new(Phase::Index, "INDEX", name, vec![index.definition.clone()]).of(of.clone());
        let statements = std::iter::once(take).chain(rest).collect();
        return vec![build, Entry::new(Phase::Constraint, &item.kind, name, statements).of(of)];
    }
    // Of a partitioned table there is nothing to build; an exclusion constraint builds its own index.
    let partitioned = table.is_some_and(|table| table.kind == TableKind::Partitioned);
    let phase = if partitioned { Phase::Constraint } else { Phase::Index };
    let mut entries = vec![Entry::new(phase, &item.kind, name, first.into_iter().collect()).of(of.clone())];
    let rest: Vec<_> = rest.collect();
    if !rest.is_empty() {
        entries.push(Entry::new(Phase::Constraint, "INDEX SETTING", name, rest).of(of));
    }
    entries
}

fn using_index(constraint: &Constraint, table: &Table, index: &Index) -> Option<String> {
    let kind = match constraint.kind {
        ConstraintKind::PrimaryKey => "PRIMARY KEY",
        ConstraintKind::Unique => "UNIQUE",
        _ => return None,
    };
    if table.kind != TableKind::Ordinary || index.method != "btree" {
        return None;
    }
    let deferred = match (constraint.deferrable, constraint.deferred) {
        (true, true) => " DEFERRABLE INITIALLY DEFERRED",
        (true, false) => " DEFERRABLE",
        _ => "",
    };
    let (name, index) = (quote_identifier(&constraint.name), quote_identifier(&index.name.name));
    Some(format!("ALTER TABLE ONLY {} ADD CONSTRAINT {name} {kind} USING INDEX {index}{deferred}", table.name))
}

pub fn foreign_key(item: &Item, name: &str, lookup: &Lookup<'_>) -> Vec<Entry> {
    let known = lookup.constraints.get(&item.oid);
    let table = known.and_then(|known| lookup.tables.get(&known.table));
    let of = table.map(|table| table.name.clone());
    let parts = statements(&item.definition);
    let as_it_is = || {
        vec![
            Entry::new(Phase::ForeignKey, &item.kind, name, parts.iter().map(ToString::to_string).collect())
                .undone_by(&item.drop)
                .of(of.clone()),
        ]
    };
    let (Some(known), Some(table), [add]) = (known, table, parts.as_slice()) else { return as_it_is() };
    let referenced = known.references.and_then(|oid| lookup.tables.get(&oid));
    let partitioned = table.kind != TableKind::Ordinary || referenced.is_none_or(|to| to.kind != TableKind::Ordinary);
    if !known.validated || partitioned {
        return as_it_is();
    }
    let validate = format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", table.name, quote_identifier(&known.name));
    vec![
        Entry::new(Phase::ForeignKey, &item.kind, name, vec![format!("{add} NOT VALID")])
            .undone_by(&item.drop)
            .of(of.clone()),
        Entry::new(Phase::Validate, "VALIDATE", name, vec![validate]).of(of),
    ]
}
