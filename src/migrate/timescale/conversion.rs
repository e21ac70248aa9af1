//! The source's catalogue as it would be with native partitions.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::catalog::{Aggregate, Timescale};
use super::partition::{Converted, Partition, Time, converted};
use super::restore_mode::Restore;
use super::{EXTENSION, indexes, is_its_schema};
use crate::migrate::catalog::{Catalog, Oid, QualifiedName, Slice, Table, TableKind};

/// What was decided, once for all of a migration. Empty for a database without the extension.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversion {
    pub hypertables: Vec<Converted>,
    /// Chunks in schemas of users.
    #[serde(default)]
    pub elsewhere: BTreeSet<QualifiedName>,
    /// Continuous aggregates that become materialized views.
    pub aggregates: Vec<QualifiedName>,
    /// What compression saves at the source, and the target needs.
    pub more_bytes: u64,
    /// There was something to convert, be it only the extension itself.
    pub active: bool,
    /// The target has the extension too.
    #[serde(default)]
    pub restore: Option<Restore>,
}

impl Conversion {
    pub fn of(timescale: &Timescale, catalog: &Catalog) -> Self {
        let mut taken = taken(catalog);
        let known = timescale.hypertables.iter().filter_map(|table| Some((table, Time::of(&table.column_type)?)));
        let ranges = timescale.hypertables.iter().flat_map(|table| &table.ranges);
        Self {
            hypertables: known.map(|(table, time)| converted(table, time, &mut taken)).collect(),
            elsewhere: timescale.chunks_elsewhere.iter().cloned().collect(),
            aggregates: vec![],
            more_bytes: ranges.map(|range| range.bytes.saturating_sub(range.stored_bytes)).sum(),
            active: true,
            restore: None,
        }
    }

    /// Rows that are written to the new database do not come back to these.
    pub fn has_hypertables(&self) -> bool {
        !self.hypertables.is_empty() || self.restore.as_ref().is_some_and(|restore| restore.hypertables > 0)
    }

    pub fn keep(&mut self, aggregate: &Aggregate) {
        self.aggregates.push(aggregate.name.clone());
    }

    /// The source's catalogue, as the rest of the migration is to see it.
    pub fn seen(&self, mut catalog: Catalog) -> Catalog {
        if self.restore.is_some() {
            catalog.tables.retain(|table| table.extension.as_deref() != Some(EXTENSION));
        }
        if !self.active {
            return catalog;
        }
        let is_theirs = |name: &QualifiedName| is_its_schema(&name.schema) || self.elsewhere.contains(name);
        catalog.tables.retain(|table| !is_theirs(&table.name) && table.extension.as_deref() != Some(EXTENSION));
        let left: BTreeSet<Oid> = catalog.tables.iter().map(|table| table.oid).collect();
        let views: BTreeSet<Oid> = catalog.views.iter().map(|view| view.oid).collect();
        catalog.indexes.retain(|index| left.contains(&index.table) || views.contains(&index.table));
        catalog.indexes.retain(|index| !is_theirs(&index.name));
        catalog.constraints.retain(|constraint| left.contains(&constraint.table));
        catalog.views.retain(|view| !is_theirs(&view.name));
        catalog.sequences.retain(|sequence| !is_theirs(&sequence.name));
        for view in catalog.views.iter_mut().filter(|view| self.aggregates.contains(&view.name)) {
            (view.materialized, view.populated) = (true, true);
        }
        catalog.database.bytes += self.more_bytes;
        self.add_partitions(&mut catalog);
        catalog
    }

    fn add_partitions(&self, catalog: &mut Catalog) {
        let mut numbers = Numbers::default();
        let mut taken = taken(catalog);
        let of: HashMap<&QualifiedName, &Converted> = self.hypertables.iter().map(|one| (&one.name, one)).collect();
        let mut added = vec![];
        let mut roots = vec![];
        for table in &mut catalog.tables {
            let Some(hypertable) = of.get(&table.name) else { continue };
            let partitions: Vec<Table> =
                hypertable.partitions.iter().map(|one| partition(table, one, numbers.next())).collect();
            table.kind = TableKind::Partitioned;
            table.access_method = None;
            table.partition_key =
                Some(format!("RANGE ({})", crate::migrate::catalog::quote_identifier(&hypertable.column)));
            (table.pages, table.heap_bytes, table.toast_bytes) = (0, 0, 0);
            roots.push((table.clone(), partitions.clone()));
            added.extend(partitions);
        }
        catalog.tables.extend(added);
        for (root, partitions) in &roots {
            indexes::add(catalog, root, partitions, &mut numbers, &mut taken);
        }
    }
}

/// Of objects that do not exist at the source. Real ones are counted from the other end, and never came so far.
#[derive(Debug, Default)]
pub struct Numbers {
    used: u32,
}

impl Numbers {
    pub fn next(&mut self) -> Oid {
        self.used += 1;
        Oid(u32::MAX - self.used)
    }
}

fn partition(root: &Table, partition: &Partition, oid: Oid) -> Table {
    /// The server's usual size of a block.
    const BLOCK: u64 = 8192;
    Table {
        oid,
        name: partition.name.clone(),
        parents: vec![root.oid],
        partition_bound: Some(partition.bound.clone()),
        pages: partition.bytes.div_ceil(BLOCK),
        heap_bytes: partition.bytes,
        toast_bytes: 0,
        index_bytes: 0,
        estimated_rows: None,
        row_security: false,
        row_security_forced: false,
        slice: Some(Slice { of: root.name.clone(), condition: partition.condition.clone() }),
        ..root.clone()
    }
}

/// Names that new relations cannot have.
fn taken(catalog: &Catalog) -> BTreeSet<(String, String)> {
    let tables = catalog.tables.iter().map(|table| &table.name);
    let indexes = catalog.indexes.iter().map(|index| &index.name);
    let sequences = catalog.sequences.iter().map(|sequence| &sequence.name);
    let views = catalog.views.iter().map(|view| &view.name);
    let all = tables.chain(indexes).chain(sequences).chain(views);
    all.map(|name| (name.schema.clone(), name.name.clone())).collect()
}
