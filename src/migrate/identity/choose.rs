//! Which identity a table is to have: the key that it has, else the best unique index, else all of its columns. Pure.
//!
//! Changes of partitions travel under the name of their root, described by the root's identity, while what the log says
//! of an old row is the partition's: both must be of one kind, and the root's must not promise more than the partition tells.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::migrate::catalog::{
    Catalog, DataType, Index, Oid, Persistence, QualifiedName, ReplicaIdentity, Table, TableKind, TypeKind,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The primary key.
    Default,
    /// By its name, in the table's schema.
    Index(String),
    Full,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub table: QualifiedName,
    pub extension: bool,
    pub wanted: Wanted,
}

/// What is to be changed so that every row of every published table can be found, parents before their partitions.
pub fn changes(catalog: &Catalog) -> Vec<Change> {
    let tree = Tree::new(catalog);
    let mut found = vec![];
    let mut decided = HashMap::new();
    for table in tree.in_order() {
        let parent = table.parents.first().filter(|_| table.is_partition());
        let parent = parent.and_then(|parent| decided.get(parent)).copied();
        let (by, wanted) = tree.decide(table, parent);
        decided.insert(table.oid, by);
        if let Some(wanted) = wanted {
            found.push(Change { table: table.name.clone(), extension: table.extension.is_some(), wanted });
        }
    }
    found
}

/// Tables whose UPDATE and DELETE no subscriber can apply, or that refuse them when they are published: without a key, and with
/// a column whose values cannot be compared, or that the server computes, or an index that misses rows.
pub fn unfollowed(catalog: &Catalog) -> Vec<&Table> {
    let tree = Tree::new(catalog);
    // A partition's changes are found as its root says.
    let has_no_key = |table: &&Table| !tree.is_found_whole(table) && tree.key(catalog.root(table)).is_none();
    let logged = |table: &&Table| table.persistence == Persistence::Permanent && table.extension.is_none();
    catalog.with_rows().filter(logged).filter(has_no_key).collect()
}

/// What is not to be published: a subscriber would fail at the first change, and at every one after it. Partitions are
/// published with their root.
pub fn unpublished(catalog: &Catalog) -> BTreeSet<QualifiedName> {
    unfollowed(catalog).into_iter().map(|table| catalog.root(table).name.clone()).collect()
}

/// By what a row of a table is found.
#[derive(Debug, Clone, Copy)]
enum By<'a> {
    Key(&'a Index),
    Full,
}

struct Tree<'a> {
    catalog: &'a Catalog,
    indexes: BTreeMap<Oid, Vec<&'a Index>>,
    types: HashMap<Oid, &'a DataType>,
    /// Roots of tables, or these themselves, where a row is looked for in an index that may not hold it.
    missed: BTreeSet<Oid>,
}

impl<'a> Tree<'a> {
    fn new(catalog: &'a Catalog) -> Self {
        let mut tables = catalog.tables_by_oid();
        tables.retain(|_, table| table.kind != TableKind::Foreign);
        let mut indexes: BTreeMap<Oid, Vec<&Index>> = BTreeMap::new();
        for index in &catalog.indexes {
            if tables.get(&index.table).is_some_and(|table| is_usable(index, table)) {
                indexes.entry(index.table).or_default().push(index);
            }
        }
        let misses = |index: &&Index| {
            tables.get(&index.table).is_some_and(|table| misses_nulls(index, table) || is_computed(index, table))
        };
        let missing = catalog.indexes.iter().filter(misses).filter_map(|index| tables.get(&index.table));
        let missed = missing.map(|table| catalog.root(table).oid).collect();
        Self { catalog, indexes, types: catalog.types_by_oid(), missed }
    }

    /// What may be published: a partition after what it is a partition of.
    fn in_order(&self) -> Vec<&'a Table> {
        let tables = self.catalog.tables_by_oid();
        let depth = |table: &Table| {
            let up = |table: &&Table| table.parents.first().and_then(|parent| tables.get(parent)).copied();
            std::iter::successors(Some(table), up).take(tables.len()).count()
        };
        let published =
            |table: &&Table| table.kind != TableKind::Foreign && table.persistence == Persistence::Permanent;
        let mut all: Vec<&Table> = self.catalog.tables.iter().filter(published).collect();
        all.sort_by_cached_key(|table| (depth(table), table.name.clone()));
        all
    }

    fn of(&self, table: &Table) -> &[&'a Index] {
        self.indexes.get(&table.oid).map_or(&[], Vec::as_slice)
    }

    fn primary(&self, table: &Table) -> Option<&'a Index> {
        self.of(table).iter().copied().find(|index| index.primary)
    }

    /// The primary key, or the unique index of the fewest columns. The same at both ends: their names decide.
    fn key(&self, table: &Table) -> Option<&'a Index> {
        self.primary(table)
            .or_else(|| self.of(table).iter().copied().min_by_key(|index| (index.columns.len(), &index.name.name)))
    }

    /// A row can be found by all of its columns.
    fn is_found_whole(&self, table: &Table) -> bool {
        !refuses_full(self.catalog, table)
            && (self.missed.is_empty() || !self.missed.contains(&self.catalog.root(table).oid))
            && table.stored_columns().all(|column| has_equality(column.type_oid, &self.types))
    }

    /// What it has as long as nothing is changed.
    fn present(&self, table: &Table) -> Option<By<'a>> {
        match table.replica_identity {
            ReplicaIdentity::Default => self.primary(table).map(By::Key),
            ReplicaIdentity::Index => self.of(table).iter().copied().find(|index| index.replica_identity).map(By::Key),
            ReplicaIdentity::Full => Some(By::Full),
            ReplicaIdentity::Nothing => None,
        }
    }

    fn decide(&self, table: &Table, parent: Option<By<'a>>) -> (By<'a>, Option<Wanted>) {
        let present = self.present(table);
        match (parent, present) {
            (Some(_), Some(By::Full)) => (By::Full, None),
            // Its own key may be less than the whole row that its root promises.
            (Some(By::Full), _) => (By::Full, Some(Wanted::Full)),
            (Some(By::Key(of_parent)), present) => {
                match self.of(table).iter().copied().find(|index| index.parent == Some(of_parent.oid)) {
                    Some(index) if present.is_some_and(|by| matches!(by, By::Key(known) if known.oid == index.oid)) => {
                        (By::Key(index), None)
                    }
                    Some(index) => (By::Key(index), Some(wanted(index))),
                    None => (By::Full, Some(Wanted::Full)),
                }
            }
            (None, Some(By::Key(index))) => (By::Key(index), None),
            (None, Some(By::Full)) if self.primary(table).is_some() && !refuses_full(self.catalog, table) => {
                (By::Full, None)
            }
            (None, Some(By::Full)) if self.is_found_whole(table) => (By::Full, None),
            (None, _) => match self.key(table) {
                Some(index) => (By::Key(index), Some(wanted(index))),
                None if matches!(present, Some(By::Full)) => (By::Full, None),
                None => (By::Full, Some(Wanted::Full)),
            },
        }
    }
}

fn wanted(index: &Index) -> Wanted {
    if index.primary { Wanted::Default } else { Wanted::Index(index.name.name.clone()) }
}

/// What ALTER TABLE … REPLICA IDENTITY asks of an index. Columns that the server computes do not travel.
fn is_usable(index: &Index, table: &Table) -> bool {
    let travels = |name: &String| {
        let column = table.columns.iter().find(|column| column.name == *name);
        column.is_none_or(|column| column.not_null && column.generated.is_none())
    };
    let whole = index.valid && index.immediate && !index.partial && !index.columns.is_empty();
    index.unique && whole && index.method == "btree" && index.columns.iter().all(travels)
}

/// From 17 on a subscriber looks for a row without a key in a hash index too, if it is the table's first, and such an index holds no
/// NULL: the row is not found, and nothing is said.
fn misses_nulls(index: &Index, table: &Table) -> bool {
    let may_be_null = |name: &String| table.columns.iter().any(|column| column.name == *name && !column.not_null);
    index.method == "hash" && index.valid && !index.partial && index.columns.first().is_some_and(may_be_null)
}

/// Before 18 a column that the server computes does not travel, and a subscriber that has a primary key looks for rows by it.
fn is_computed(index: &Index, table: &Table) -> bool {
    let computed =
        |name: &String| table.columns.iter().any(|column| column.name == *name && column.generated.is_some());
    index.primary && index.columns.iter().any(computed)
}

/// Columns that the server computes do not travel. From 18 on a published table that is known by all columns, these among them,
/// refuses UPDATE and DELETE.
fn refuses_full(catalog: &Catalog, table: &Table) -> bool {
    catalog.database.server_version.major() >= 18 && table.columns.iter().any(|column| column.generated.is_some())
}

/// As the server looks for it (`TYPECACHE_EQ_OPR`): without it, two values cannot be found to be the same.
fn has_equality(oid: Oid, types: &HashMap<Oid, &DataType>) -> bool {
    let Some(data_type) = types.get(&oid) else { return true };
    if let Some(element) = data_type.element {
        return data_type.equality || has_equality(element, types);
    }
    match data_type.kind {
        TypeKind::Domain => data_type.base.is_none_or(|base| has_equality(base, types)),
        TypeKind::Composite => data_type.fields.iter().all(|field| has_equality(*field, types)),
        TypeKind::Enum | TypeKind::Range | TypeKind::Multirange => true,
        TypeKind::Base | TypeKind::Pseudo => data_type.equality,
    }
}

#[cfg(test)]
mod tests;
