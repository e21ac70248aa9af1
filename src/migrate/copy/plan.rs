//! What is copied in which pieces. Pure: the catalogue in, parts out. Each part is one transaction at the target.
//!
//! A table up to some size is one part: emptied and filled in one transaction, its rows arrive frozen, and nothing has to
//! be visited again. A larger one is cut into ranges of blocks, so that a failure costs little and several workers share
//! it. Small tables share a transaction, because a thousand commits cost more than their rows.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::format::{Format, format};
use crate::migrate::catalog::{Catalog, Oid, QualifiedName, Slice, Table};

/// Sizes in bytes, TOAST included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizing {
    /// Largest table that is one part.
    pub whole: u64,
    /// Of a part of a larger one.
    pub part: u64,
    /// Smaller tables share a part.
    pub small: u64,
}

/// Of tables that share a transaction: the target has a table of locks of some thousands for all of its sessions.
const GROUP_TABLES: usize = 200;
const GROUP_BYTES: u64 = 8 << 20;
/// TID range scans, without which each range would read the whole table.
const RANGES_SINCE: u32 = 14;

impl Default for Sizing {
    fn default() -> Self {
        Self { whole: 2 << 30, part: 512 << 20, small: 1 << 20 }
    }
}

/// A table as COPY needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    pub name: QualifiedName,
    /// Empty: COPY's own choice, all that are stored.
    pub columns: Vec<String>,
    pub format: Format,
    /// Of a table that an extension made: the WHERE clause of the rows that are the users'. Its other rows are there
    /// already.
    pub filter: Option<String>,
    /// Where its rows are written, if not into the target's table of that name: the root of its partitions, which knows
    /// where they belong there.
    #[serde(default)]
    pub into: Option<QualifiedName>,
    /// None: its rows are read from the source's table of that name.
    #[serde(default)]
    pub slice: Option<Slice>,
}

/// Blocks from `from` on, up to and without `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocks {
    pub from: u64,
    /// None: to the end.
    pub to: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    Whole(Relation),
    Range(Relation, Blocks),
    Group(Vec<Relation>),
    /// Large objects with numbers from the first to the last, both included.
    LargeObjects(Oid, Oid),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub number: i32,
    /// As measured at the source; what travels differs.
    pub bytes: u64,
    pub work: Work,
}

impl Relation {
    /// What is complete when its last part is: through a root, rows of each partition may come with the parts of all.
    pub fn counted(&self) -> &QualifiedName {
        self.into.as_ref().unwrap_or(&self.name)
    }
}

impl Work {
    pub fn relations(&self) -> &[Relation] {
        match self {
            Self::Whole(relation) | Self::Range(relation, _) => std::slice::from_ref(relation),
            Self::Group(relations) => relations,
            Self::LargeObjects(..) => &[],
        }
    }

    /// For people.
    pub fn describe(&self) -> String {
        match self {
            Self::Whole(relation) => relation.name.plain(),
            Self::Range(relation, Blocks { from: 0, to: None }) => relation.name.plain(),
            Self::Range(relation, Blocks { from, to: None }) => format!("{} from block {from}", relation.name.plain()),
            Self::Range(relation, Blocks { from, to: Some(to) }) => {
                format!("{} blocks {from} to {}", relation.name.plain(), to - 1)
            }
            Self::Group(relations) => format!("{} small tables", relations.len()),
            Self::LargeObjects(first, last) => format!("large objects {first} to {last}"),
        }
    }
}

/// The largest tables first, so that the last ones to end are small; parts of one table next to each other.
pub fn parts(catalog: &Catalog, objects: &[(Oid, u64)], sizing: Sizing) -> Vec<Part> {
    let types = catalog.types_by_oid();
    let roots = catalog.through_root();
    let into = |table: &Table| roots.get(&table.oid).map(|root| root.name.clone());
    let described = |table| (table, Relation { into: into(table), ..relation(table, format(table, &types)) });
    let mut tables: Vec<(&Table, Relation)> = catalog.with_rows().map(described).collect();
    tables.sort_by(|(a, _), (b, _)| (b.bytes(), &a.name).cmp(&(a.bytes(), &b.name)));
    let ranges = catalog.database.server_version.major() >= RANGES_SINCE;
    // What goes through a root may have to begin again with all of that root, and nothing else.
    let alone = |table: &Table, relation: &Relation| relation.into.is_some() || table.bytes() >= sizing.small;
    let (large, small): (Vec<_>, Vec<_>) =
        tables.into_iter().partition(|(table, relation)| alone(table, relation) && relation.filter.is_none());
    let mut work: Vec<(u64, Work)> =
        large.into_iter().flat_map(|(table, relation)| cut(table, relation, sizing, ranges)).collect();
    work.extend(objects_in_batches(objects));
    work.extend(groups(small));
    let numbered = (0..).zip(work);
    numbered.map(|(number, (bytes, work))| Part { number, bytes, work }).collect()
}

/// How many parts each table has.
pub fn parts_of_tables(parts: &[Part]) -> HashMap<QualifiedName, usize> {
    let mut counts = HashMap::new();
    for relation in parts.iter().flat_map(|part| part.work.relations()) {
        *counts.entry(relation.counted().clone()).or_default() += 1;
    }
    counts
}

fn relation(table: &Table, format: Format) -> Relation {
    let columns = table.stored_columns().map(|column| column.name.clone()).collect();
    Relation {
        name: table.name.clone(),
        columns,
        format,
        filter: table.extension_filter.clone(),
        into: None,
        slice: table.slice.clone(),
    }
}

fn cut(table: &Table, relation: Relation, sizing: Sizing, ranges: bool) -> Vec<(u64, Work)> {
    let bytes = table.bytes();
    // A slice has no blocks of its own.
    if !ranges || bytes <= sizing.whole || table.pages < 2 || relation.slice.is_some() {
        // What is copied whole empties its table first, and fills it alone.
        let all = Blocks { from: 0, to: None };
        let work = if relation.into.is_some() { Work::Range(relation, all) } else { Work::Whole(relation) };
        return vec![(bytes, work)];
    }
    let count = bytes.div_ceil(sizing.part.max(1)).clamp(2, table.pages);
    let border = |index: u64| table.pages * index / count;
    let blocks = |index| Blocks { from: border(index), to: (index + 1 < count).then(|| border(index + 1)) };
    (0..count).map(|index| (bytes / count, Work::Range(relation.clone(), blocks(index)))).collect()
}

fn groups(tables: Vec<(&Table, Relation)>) -> Vec<(u64, Work)> {
    let mut groups: Vec<(u64, Vec<Relation>)> = vec![];
    for (table, relation) in tables {
        match groups.last_mut() {
            Some((bytes, group)) if group.len() < GROUP_TABLES && *bytes + table.bytes() <= GROUP_BYTES => {
                *bytes += table.bytes();
                group.push(relation);
            }
            _ => groups.push((table.bytes(), vec![relation])),
        }
    }
    groups.into_iter().map(|(bytes, group)| (bytes, Work::Group(group))).collect()
}

/// They come with their sizes, sorted by number.
fn objects_in_batches(objects: &[(Oid, u64)]) -> Vec<(u64, Work)> {
    const OBJECTS: u64 = 1000;
    const BYTES: u64 = 64 << 20;
    let mut batches: Vec<(u64, u64, Oid, Oid)> = vec![];
    for &(oid, size) in objects {
        match batches.last_mut() {
            Some((count, bytes, _, last)) if *count < OBJECTS && *bytes + size <= BYTES => {
                *count += 1;
                *bytes += size;
                *last = oid;
            }
            _ => batches.push((1, size, oid, oid)),
        }
    }
    batches.into_iter().map(|(_, bytes, first, last)| (bytes, Work::LargeObjects(first, last))).collect()
}
