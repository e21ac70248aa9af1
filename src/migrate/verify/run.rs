//! The whole of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::compare::{Terms, compare, compare_uses};
use super::end::{End, SnapshotSessions, VerifyError};
use super::hash::{self, HashPart, Hashed, Subject, Sum, Sums};
use super::narrow::{differing, narrow};
use super::object::{read_objects, sequence_values};
use super::prints::Prints;
use super::report::{ObjectDifference, Report, TableResult};
use super::row::{self, HashedRelation};
use super::uses::{Uses, read_uses};
use crate::migrate::catalog::{self, Catalog, Oid, QualifiedName, Table};
use crate::migrate::rows_path::RowsPath;
use crate::migrate::schema::Loss;
use crate::migrate::timescale::Conversion;
use crate::postgres::Client;

#[derive(Debug, Clone)]
pub struct Options {
    /// Sessions that hash, on each end.
    pub workers: usize,
    /// None is all.
    pub tables: Option<BTreeSet<QualifiedName>>,
    /// Tables that are carried and compared in the pause, as large objects are then. None: nothing is.
    pub later: Option<BTreeSet<QualifiedName>>,
    /// Before cutover they are not carried yet.
    pub sequence_values: bool,
    /// The schema's last phase is still to be run: row security, event triggers.
    pub before_last: bool,
    /// What was consented to.
    pub losses: Vec<Loss>,
    /// How the source is looked at.
    pub conversion: Conversion,
    /// How the target's server prints the source's definitions.
    pub prints: Prints,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: 2,
            tables: None,
            later: None,
            sequence_values: true,
            before_last: false,
            losses: vec![],
            conversion: Conversion::default(),
            prints: Prints::default(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum VerifyEvent {
    /// Hashed so far, of both ends together.
    Bytes { done: u64, total: u64 },
    /// Hashes of this table differ: its rows are looked for.
    Differs { table: QualifiedName },
}

/// Compares everything. Differences are a report, not an error.
pub async fn verify(
    source: &End,
    target: &End,
    options: &Options,
    told: impl Fn(VerifyEvent) + Clone + Send + 'static,
) -> Result<Report, VerifyError> {
    let started = Timestamp::now();
    let (here, there) = tokio::try_join!(SnapshotSessions::open(source), SnapshotSessions::open(target))?;
    let (before, after) = tokio::try_join!(catalog(&here), catalog(&there))?;
    let (objects_here, objects_there) = tokio::try_join!(read_objects(&here.first), read_objects(&there.first))?;
    let (uses_here, uses_there) = tokio::try_join!(uses(&here, options), uses(&there, options))?;
    let mut objects_here = options.conversion.expected(objects_here, &before);
    let mut objects_there = options.conversion.compared(objects_there);
    let before = options.conversion.seen(before);
    if options.sequence_values {
        objects_here.extend(sequence_values(&before.sequences));
        objects_there.extend(sequence_values(&after.sequences));
    }
    let (losses, prints) = (&options.losses[..], &options.prints);
    let terms = Terms { user: &target.endpoint.user, losses, before_last: options.before_last, prints };
    let mut objects = compare(&objects_here, &objects_there, &before, &terms);
    objects.extend(compare_uses((&uses_here, &uses_there), (&objects_here, &objects_there), losses));
    let scope = Scope::new(&before, &after, options);
    let path = RowsPath::of(&before);
    let tables = scope.hashed((&here, &there), &path, options.workers, told).await?;
    let addresses = (here.address(), there.address());
    tokio::try_join!(here.close(), there.close())?;
    Ok(Report {
        source: addresses.0,
        target: addresses.1,
        source_version: before.database.server_version,
        target_version: after.database.server_version,
        started,
        ended: Timestamp::now(),
        bytes: before.data_bytes(),
        tables,
        objects,
        objects_compared: objects_here.len(),
    })
}

/// Where hypertables become partitions, what was made of them is made of something else.
async fn uses(sessions: &SnapshotSessions, options: &Options) -> Result<Uses, VerifyError> {
    if options.conversion.active { Ok(Uses::new()) } else { read_uses(&sessions.first).await }
}

/// Every object but rows, while both ends are in use. Right once the indexes were built; what the schema's last phase does
/// may be there or not.
pub async fn compare_objects(
    source: &Client,
    target: &Client,
    losses: &[Loss],
    prints: &Prints,
) -> Result<Vec<ObjectDifference>, VerifyError> {
    let before = catalog::read(source).await?;
    let (here, there) = tokio::try_join!(read_objects(source), read_objects(target))?;
    let (uses_here, uses_there) = tokio::try_join!(read_uses(source), read_uses(target))?;
    let terms = Terms { user: &target.endpoint().user, losses, before_last: true, prints };
    let mut found = compare(&here, &there, &before, &terms);
    found.extend(compare_uses((&uses_here, &uses_there), (&here, &there), losses));
    Ok(found)
}

/// In a transaction of its own, which the snapshot's session has already.
async fn catalog(sessions: &SnapshotSessions) -> Result<Catalog, VerifyError> {
    let client = sessions.another_to_describe().await?;
    Ok(catalog::read(&client).await?)
}

/// What is hashed, and its parts on either end.
struct Scope {
    subjects: Vec<Subject>,
    here: Vec<HashPart>,
    there: Vec<HashPart>,
}

impl Scope {
    fn new(before: &Catalog, after: &Catalog, options: &Options) -> Self {
        let theirs: HashMap<_, _> = after.with_rows().map(|table| (&table.name, table)).collect();
        let (keys, types) = (keys(before), before.types_by_oid());
        let mut scope = Self { subjects: vec![], here: vec![], there: vec![] };
        let later = |table: &Table| options.later.as_ref().is_some_and(|later| later.contains(&table.name));
        let wanted =
            |table: &&Table| !later(table) && options.tables.as_ref().is_none_or(|tables| tables.contains(&table.name));
        let roots = before.through_root();
        for table in before.with_rows().filter(wanted).filter(|table| !roots.contains_key(&table.oid)) {
            let key = keys.get(&table.oid).map_or(&[][..], Vec::as_slice);
            let other = theirs.get(&table.name).filter(|other| has_columns(other, table));
            let place = scope.subjects.len();
            scope.here.extend(hash::parts(place, table));
            scope.there.extend(other.map(|other| hash::parts(place, other)).unwrap_or_default());
            scope.subjects.push(Subject {
                relation: row::of_table(table, key, &types),
                buckets: hash::buckets([table]),
                at_target: other.is_some(),
            });
        }
        scope.add_trees(before, after, &roots, |table| wanted(&table));
        if options.tables.is_none()
            && options.later.is_none()
            && before.large_objects.count + after.large_objects.count > 0
        {
            scope.add_whole(row::of_large_objects());
        }
        scope
    }

    /// Partitions whose rows may be in others at the target: all of a tree are one subject.
    fn add_trees(
        &mut self,
        before: &Catalog,
        after: &Catalog,
        roots: &HashMap<Oid, &Table>,
        wanted: impl Fn(&Table) -> bool,
    ) {
        let (keys, types) = (keys(before), before.types_by_oid());
        let mut trees: BTreeMap<&QualifiedName, (&Table, Vec<&Table>)> = BTreeMap::new();
        for leaf in before.with_rows() {
            let Some(root) = roots.get(&leaf.oid) else { continue };
            if wanted(leaf) {
                trees.entry(&root.name).or_insert((root, vec![])).1.push(leaf);
            }
        }
        for (root, leaves) in trees.into_values() {
            let key = keys.get(&root.oid).map_or(&[][..], Vec::as_slice);
            let other = after.tables.iter().find(|other| other.name == root.name && has_columns(other, root));
            let theirs = other.map(|other| after.leaves(other)).unwrap_or_default();
            let place = self.subjects.len();
            let parts = |leaves: &[&Table]| -> Vec<HashPart> {
                let of = |leaf: &&Table| {
                    let name = leaf.name.clone();
                    hash::parts(place, leaf).into_iter().map(move |part| HashPart { of: Some(name.clone()), ..part })
                };
                leaves.iter().flat_map(of).collect()
            };
            self.here.extend(parts(&leaves));
            self.there.extend(parts(&theirs));
            let (relation, buckets) = (row::of_tree(root, key, &types), hash::buckets(leaves.iter().copied()));
            self.subjects.push(Subject { relation, buckets, at_target: other.is_some() });
        }
    }

    fn add_whole(&mut self, relation: HashedRelation) {
        let part = HashPart { subject: self.subjects.len(), filter: None, of: None, bytes: 0 };
        self.here.push(part.clone());
        self.there.push(part);
        self.subjects.push(Subject { relation, buckets: 1, at_target: true });
    }

    async fn hashed(
        self,
        (here, there): (&SnapshotSessions, &SnapshotSessions),
        path: &RowsPath,
        workers: usize,
        told: impl Fn(VerifyEvent) + Clone + Send + 'static,
    ) -> Result<Vec<TableResult>, VerifyError> {
        let total = self.here.iter().chain(&self.there).map(|part| part.bytes).sum();
        let progress = Arc::new(AtomicU64::new(0));
        let tell = told.clone();
        let done = move |bytes| {
            let done = progress.fetch_add(bytes, Ordering::Relaxed) + bytes;
            tell(VerifyEvent::Bytes { done, total });
        };
        let theirs = Arc::new(self.subjects.iter().map(Subject::at_its_own).collect());
        let subjects = Arc::new(self.subjects);
        let (ours, theirs) = tokio::try_join!(
            hash::hash((here, path), Arc::clone(&subjects), self.here, workers, done.clone()),
            hash::hash((there, path), theirs, self.there, workers, done)
        )?;
        // They have described the databases, and are asked for rows from here on.
        tokio::try_join!(path.enter(&here.first), path.enter(&there.first))?;
        let mut results = Vec::new();
        for ((subject, ours), theirs) in subjects.iter().zip(&ours).zip(&theirs) {
            results.push(result(here, there, subject, (ours, theirs), &told).await?);
        }
        Ok(results)
    }
}

async fn result(
    here: &SnapshotSessions,
    there: &SnapshotSessions,
    subject: &Subject,
    (ours, theirs): (&Hashed, &Hashed),
    told: &impl Fn(VerifyEvent),
) -> Result<TableResult, VerifyError> {
    if ours.sums != theirs.sums && [ours, theirs].iter().any(|end| end.rewritten && end.sums.is_empty()) {
        return Err(VerifyError::Rewritten { table: subject.relation.name.plain() });
    }
    let (ours, theirs) = (&ours.sums, &theirs.sums);
    let buckets = differing(ours, theirs);
    let (differences, more) = if buckets.is_empty() || !subject.at_target {
        (vec![], false)
    } else {
        told(VerifyEvent::Differs { table: subject.relation.name.clone() });
        narrow(&here.first, &there.first, subject, &buckets).await?
    };
    let (ours, theirs) = (total(ours), total(theirs));
    Ok(TableResult {
        name: subject.relation.name.clone(),
        source_rows: ours.rows,
        target_rows: subject.at_target.then_some(theirs.rows),
        source_hash: ours.hash.to_string(),
        target_hash: subject.at_target.then(|| theirs.hash.to_string()),
        differences,
        more,
    })
}

fn total(sums: &Sums) -> Sum {
    let add = |total: Sum, sum: &Sum| Sum { rows: total.rows + sum.rows, hash: total.hash + sum.hash };
    sums.values().fold(Sum::default(), add)
}

/// Otherwise its rows cannot be compared, and the catalogue's comparison says what is missing.
fn has_columns(other: &Table, table: &Table) -> bool {
    let names: BTreeSet<_> = other.columns.iter().map(|column| &column.name).collect();
    table.columns.iter().all(|column| names.contains(&column.name))
}

/// The primary key of each table, or else the columns of a unique index over all rows.
pub(super) fn keys(catalog: &Catalog) -> BTreeMap<Oid, Vec<String>> {
    let usable = catalog
        .indexes
        .iter()
        .filter(|index| index.unique && index.valid && !index.partial && !index.columns.is_empty());
    let mut found: BTreeMap<Oid, &catalog::Index> = BTreeMap::new();
    for index in usable {
        let better = found.get(&index.table).is_none_or(|known| index.primary && !known.primary);
        if better {
            found.insert(index.table, index);
        }
    }
    found.into_iter().map(|(table, index)| (table, index.columns.clone())).collect()
}
