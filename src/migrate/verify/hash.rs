//! Hashes all rows of one end: parts of tables, several at a time, summed up by table and bucket.
//!
//! Rows are read by their addresses. A table that is rewritten between two of its parts (VACUUM FULL, CLUSTER) has other
//! ones afterwards, in another file: it is read again from its beginning.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use super::end::{self, SnapshotSessions, VerifyError};
use super::row::{self, HashedRelation};
use crate::migrate::catalog::{QualifiedName, Table};
use crate::migrate::rows_path::RowsPath;
use crate::postgres::Client;

/// Parts of so many bytes: small enough to keep all workers busy to the end, large enough that starting one costs nothing.
const PART_BYTES: u64 = 64 << 20;

/// Rows in a bucket, about: those of a bucket that differs are read by row.
const BUCKET_ROWS: u64 = 2000;

const MOST_BUCKETS: u32 = 1 << 16;

/// Where no statistics tell the number of rows.
const BYTES_OF_A_ROW: u64 = 100;

/// One relation with the number of its buckets, which both ends must use alike.
#[derive(Debug, Clone)]
pub struct Subject {
    pub relation: HashedRelation,
    pub buckets: u32,
    /// With all columns; otherwise it is hashed at the source alone, to tell what is missing.
    pub at_target: bool,
}

impl Subject {
    /// As the target has it: what is a slice of another table at the source is a table of its own there.
    pub fn at_its_own(&self) -> Self {
        Self { relation: self.relation.at_its_own(), ..self.clone() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashPart {
    /// Place in the list of subjects.
    pub subject: usize,
    pub filter: Option<String>,
    /// Of a partitioned table: the partition that it is read from.
    pub of: Option<QualifiedName>,
    pub bytes: u64,
}

/// Count and sum of the hashes of a bucket's rows. A sum of 2⁶³ rows fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    pub rows: i64,
    pub hash: i128,
}

/// By bucket.
pub type Sums = BTreeMap<i32, Sum>;

/// What one end has of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hashed {
    pub sums: Sums,
    /// It was rewritten after the snapshot. If no row is left, ALTER TABLE or TRUNCATE took them out of the snapshot's sight.
    pub rewritten: bool,
}

impl Hashed {
    /// Both of them: a partition that lost its rows is not made good by another's.
    fn with(self, other: Self) -> Self {
        let lost = |one: &Self| one.rewritten && one.sums.is_empty();
        let rewritten = self.rewritten || other.rewritten;
        if lost(&self) || lost(&other) {
            return Self { sums: Sums::new(), rewritten };
        }
        let mut sums = self.sums;
        add(&mut sums, other.sums);
        Self { sums, rewritten }
    }
}

fn add(to: &mut Sums, sums: impl IntoIterator<Item = (i32, Sum)>) {
    for (bucket, sum) in sums {
        let total = to.entry(bucket).or_default();
        total.rows += sum.rows;
        total.hash += sum.hash;
    }
}

/// `relfilenode`
type File = i64;

/// Of each subject, by the partition, if it is read from several, and the file that its parts were read from.
type Found = Arc<Mutex<Vec<BTreeMap<(Option<QualifiedName>, File), Hashed>>>>;

/// How often a table may be rewritten while it is read.
const ATTEMPTS: u32 = 5;

/// A table, or all partitions of one.
pub fn buckets<'a>(tables: impl IntoIterator<Item = &'a Table>) -> u32 {
    let rows: u64 = tables.into_iter().map(rows).sum();
    u32::try_from(rows / BUCKET_ROWS).unwrap_or(u32::MAX).clamp(1, MOST_BUCKETS).next_power_of_two()
}

fn rows(table: &Table) -> u64 {
    table.estimated_rows.filter(|rows| *rows > 0).unwrap_or(table.heap_bytes / BYTES_OF_A_ROW)
}

/// By blocks of the heap, each with its share of the bytes kept out of line. The last is open: the table may have grown.
pub fn parts(subject: usize, table: &Table) -> Vec<HashPart> {
    if table.slice.is_some() {
        return vec![HashPart { subject, filter: None, of: None, bytes: table.bytes() }];
    }
    let count = (table.bytes() / PART_BYTES + 1).min(table.pages.max(1));
    let bound = |part: u64| table.pages * part / count;
    let from = |part: u64| format!("r.ctid OPERATOR(pg_catalog.>=) '({},0)'", bound(part));
    let to = |part: u64| format!("r.ctid OPERATOR(pg_catalog.<) '({},0)'", bound(part + 1));
    let filter = |part: u64| match (part == 0, part + 1 == count) {
        (true, true) => None,
        (true, false) => Some(to(part)),
        (false, true) => Some(from(part)),
        (false, false) => Some(format!("{} AND {}", from(part), to(part))),
    };
    let part = |part| HashPart { subject, filter: filter(part), of: None, bytes: table.bytes() / count };
    (0..count).map(part).collect()
}

/// All parts, largest first, by so many workers. `done` hears of the bytes of each part.
pub async fn hash(
    (sessions, path): (&SnapshotSessions, &RowsPath),
    subjects: Arc<Vec<Subject>>,
    parts: Vec<HashPart>,
    workers: usize,
    done: impl Fn(u64) + Clone + Send + 'static,
) -> Result<Vec<Hashed>, VerifyError> {
    let found: Found = Arc::new(Mutex::new(vec![BTreeMap::new(); subjects.len()]));
    read((sessions, path), &subjects, parts.clone(), workers, &found, done).await?;
    for attempt in 1.. {
        let mixed = take_mixed(&found);
        let Some(first) = mixed.first() else { break };
        if attempt > ATTEMPTS {
            return Err(VerifyError::Rewritten { table: subjects[*first].relation.name.plain() });
        }
        let again = parts.iter().filter(|part| mixed.contains(&part.subject)).cloned().collect();
        // Their bytes have been told.
        read((sessions, path), &subjects, again, workers, &found, |_| ()).await?;
    }
    let mut found = found.lock().expect(NO_PANIC);
    Ok(found
        .iter_mut()
        .map(|files| std::mem::take(files).into_values().fold(Hashed::default(), Hashed::with))
        .collect())
}

const NO_PANIC: &str = "no worker panics while it holds what was found";

/// Subjects whose parts came from several files: some rows were read twice, some never. What was found of them is gone.
fn take_mixed(found: &Found) -> Vec<usize> {
    let mut found = found.lock().expect(NO_PANIC);
    let is_mixed = |files: &BTreeMap<(Option<QualifiedName>, File), Hashed>| {
        files.keys().zip(files.keys().skip(1)).any(|((one, _), (next, _))| one == next)
    };
    let mixed: Vec<usize> = (0..found.len()).filter(|subject| is_mixed(&found[*subject])).collect();
    mixed.iter().for_each(|subject| found[*subject].clear());
    mixed
}

async fn read(
    (sessions, path): (&SnapshotSessions, &RowsPath),
    subjects: &Arc<Vec<Subject>>,
    mut parts: Vec<HashPart>,
    workers: usize,
    found: &Found,
    done: impl Fn(u64) + Clone + Send + 'static,
) -> Result<(), VerifyError> {
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    let workers = workers.clamp(1, parts.len().max(1));
    let queue = Arc::new(Mutex::new(VecDeque::from(parts)));
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..workers {
        let client = sessions.another(path).await?;
        let worker = Worker {
            client,
            snapshot: sessions.snapshot().to_owned(),
            subjects: Arc::clone(subjects),
            queue: Arc::clone(&queue),
            found: Arc::clone(found),
        };
        running.spawn(worker.work(done.clone()));
    }
    while let Some(result) = running.join_next().await {
        result.map_err(|_| VerifyError::Worker)??;
    }
    Ok(())
}

struct Worker {
    client: Client,
    snapshot: String,
    subjects: Arc<Vec<Subject>>,
    queue: Arc<Mutex<VecDeque<HashPart>>>,
    found: Found,
}

impl Worker {
    async fn work(self, done: impl Fn(u64)) -> Result<(), VerifyError> {
        let next = || self.queue.lock().expect("no worker panics while it holds the queue").pop_front();
        while let Some(part) = next() {
            let subject = &self.subjects[part.subject];
            let sums = part_sums(&self.client, subject, &part).await?;
            // In the same transaction: its lock keeps everybody from rewriting the table meanwhile.
            let (file, rewritten) = file(&self.client, subject, part.of.as_ref()).await?;
            self.add((part.subject, part.of), file, rewritten, sums);
            done(part.bytes);
            end::let_go(&self.client, &self.snapshot).await?;
        }
        Ok(end::done(&self.client).await?)
    }

    fn add(&self, (subject, of): (usize, Option<QualifiedName>), file: File, rewritten: bool, sums: Vec<(i32, Sum)>) {
        let mut found = self.found.lock().expect(NO_PANIC);
        let hashed = found[subject].entry((of, file)).or_default();
        hashed.rewritten |= rewritten;
        add(&mut hashed.sums, sums);
    }
}

/// Of a subject that was read in this transaction: its file now, and whether the snapshot knows it with another.
async fn file(client: &Client, subject: &Subject, of: Option<&QualifiedName>) -> Result<(File, bool), VerifyError> {
    if !subject.relation.places && of.is_none() {
        return Ok((0, false));
    }
    let name = of.unwrap_or(&subject.relation.name);
    let sql = "SELECT coalesce(f.file, 0)::int8, coalesce(c.relfilenode OPERATOR(pg_catalog.<>) f.file, false)
                 FROM pg_catalog.pg_relation_filenode(pg_catalog.to_regclass($3)) AS f (file)
                 LEFT JOIN (pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace)
                   ON n.nspname OPERATOR(pg_catalog.=) $1::text AND c.relname OPERATOR(pg_catalog.=) $2::text";
    let operation = format!("looking whether {} was rewritten", name.plain());
    let row = client.row(&operation, sql, &[&name.schema, &name.name, &name.to_string()]).await?;
    Ok((row.get(0), row.get(1)))
}

async fn part_sums(client: &Client, subject: &Subject, part: &HashPart) -> Result<Vec<(i32, Sum)>, VerifyError> {
    let from = part.of.as_ref().map_or(subject.relation.from.clone(), |of| format!("ONLY {of} AS r"));
    let sql = row::sums(&HashedRelation { from, ..subject.relation.clone() }, subject.buckets, part.filter.as_deref());
    let rows = client.rows(&format!("hashing {}", subject.relation.name.plain()), &sql, &[]).await?;
    let sum = |row: &tokio_postgres::Row| {
        let text: &str = row.get(2);
        let hash = text.parse().expect("a sum of bigint is a whole number");
        (row.get(0), Sum { rows: row.get(1), hash })
    };
    Ok(rows.iter().map(sum).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::catalog::{Oid, Persistence, ReplicaIdentity, TableKind};

    fn table(pages: u64, heap_bytes: u64, toast_bytes: u64) -> Table {
        Table {
            oid: Oid(1),
            name: QualifiedName::new("s", "t"),
            kind: TableKind::Ordinary,
            persistence: Persistence::Permanent,
            owner: String::new(),
            access_method: None,
            tablespace: None,
            parents: vec![],
            partition_bound: None,
            partition_key: None,
            routed_by_server: false,
            replica_identity: ReplicaIdentity::Default,
            row_security: false,
            row_security_forced: false,
            extension: None,
            extension_filter: None,
            slice: None,
            columns: vec![],
            dropped_columns: 0,
            estimated_rows: None,
            pages,
            heap_bytes,
            toast_bytes,
            index_bytes: 0,
        }
    }

    #[test]
    fn parts_cover_every_block_once_and_the_last_is_open() {
        let parts = parts(3, &table(10, 10 * 8192, 3 * PART_BYTES));
        let filters: Vec<_> = parts.iter().map(|part| part.filter.clone().unwrap()).collect();
        assert_eq!(filters[0], "r.ctid OPERATOR(pg_catalog.<) '(2,0)'");
        let middle = "r.ctid OPERATOR(pg_catalog.>=) '(2,0)' AND r.ctid OPERATOR(pg_catalog.<) '(5,0)'";
        assert_eq!(filters[1], middle);
        assert_eq!(filters[3], "r.ctid OPERATOR(pg_catalog.>=) '(7,0)'");
        assert_eq!(parts.len(), 4);
    }

    #[test]
    fn a_small_table_is_one_part_and_one_bucket() {
        assert_eq!(parts(0, &table(0, 0, 0)), [HashPart { subject: 0, filter: None, of: None, bytes: 0 }]);
        assert_eq!(buckets([&table(1, 8192, 0)]), 1);
        assert_eq!(buckets([&Table { estimated_rows: Some(1_000_000), ..table(1, 1, 0) }]), 512);
    }
}
