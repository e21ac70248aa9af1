//! Hashes all rows of one end: parts of tables, several at a time, summed up by table and bucket.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use super::end::{self, Look, VerifyError};
use super::row::{self, Relation};
use crate::migrate::catalog::{QualifiedName, Table};
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
    pub relation: Relation,
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
pub struct Part {
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

/// A table, or all partitions of one.
pub fn buckets<'a>(tables: impl IntoIterator<Item = &'a Table>) -> u32 {
    let rows: u64 = tables.into_iter().map(rows).sum();
    u32::try_from(rows / BUCKET_ROWS).unwrap_or(u32::MAX).clamp(1, MOST_BUCKETS).next_power_of_two()
}

fn rows(table: &Table) -> u64 {
    table.estimated_rows.filter(|rows| *rows > 0).unwrap_or(table.heap_bytes / BYTES_OF_A_ROW)
}

/// By blocks of the heap, each with its share of the bytes kept out of line. The last is open: the table may have grown.
pub fn parts(subject: usize, table: &Table) -> Vec<Part> {
    if table.slice.is_some() {
        return vec![Part { subject, filter: None, of: None, bytes: table.bytes() }];
    }
    let count = (table.bytes() / PART_BYTES + 1).min(table.pages.max(1));
    let bound = |part: u64| table.pages * part / count;
    let filter = |part: u64| match (part == 0, part + 1 == count) {
        (true, true) => None,
        (true, false) => Some(format!("r.ctid < '({},0)'", bound(part + 1))),
        (false, true) => Some(format!("r.ctid >= '({},0)'", bound(part))),
        (false, false) => Some(format!("r.ctid >= '({},0)' AND r.ctid < '({},0)'", bound(part), bound(part + 1))),
    };
    let part = |part| Part { subject, filter: filter(part), of: None, bytes: table.bytes() / count };
    (0..count).map(part).collect()
}

/// All parts, largest first, by so many workers. `done` hears of the bytes of each part.
pub async fn hash(
    look: &Look,
    subjects: Arc<Vec<Subject>>,
    mut parts: Vec<Part>,
    workers: usize,
    done: impl Fn(u64) + Clone + Send + 'static,
) -> Result<Vec<Sums>, VerifyError> {
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    let workers = workers.clamp(1, parts.len().max(1));
    let queue = Arc::new(Mutex::new(VecDeque::from(parts)));
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..workers {
        let client = look.another().await?;
        let snapshot = look.snapshot().to_owned();
        running.spawn(work(client, snapshot, Arc::clone(&subjects), Arc::clone(&queue), done.clone()));
    }
    let mut all = vec![Sums::new(); subjects.len()];
    while let Some(result) = running.join_next().await {
        for (subject, sums) in result.map_err(|_| VerifyError::Worker)?? {
            for (bucket, sum) in sums {
                let total = all[subject].entry(bucket).or_default();
                total.rows += sum.rows;
                total.hash += sum.hash;
            }
        }
    }
    Ok(all)
}

async fn work(
    client: Client,
    snapshot: String,
    subjects: Arc<Vec<Subject>>,
    queue: Arc<Mutex<VecDeque<Part>>>,
    done: impl Fn(u64),
) -> Result<Vec<(usize, Sums)>, VerifyError> {
    let mut found = Vec::new();
    let next = || queue.lock().expect("no worker panics while it holds the queue").pop_front();
    while let Some(part) = next() {
        let sums = part_sums(&client, &subjects[part.subject], &part).await?;
        found.push((part.subject, sums));
        done(part.bytes);
        end::let_go(&client, &snapshot).await?;
    }
    end::done(&client).await?;
    Ok(found)
}

async fn part_sums(client: &Client, subject: &Subject, part: &Part) -> Result<Sums, VerifyError> {
    let from = part.of.as_ref().map_or(subject.relation.from.clone(), |of| format!("ONLY {of} AS r"));
    let sql = row::sums(&Relation { from, ..subject.relation.clone() }, subject.buckets, part.filter.as_deref());
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
        assert_eq!(filters[0], "r.ctid < '(2,0)'");
        assert_eq!(filters[1], "r.ctid >= '(2,0)' AND r.ctid < '(5,0)'");
        assert_eq!(filters[3], "r.ctid >= '(7,0)'");
        assert_eq!(parts.len(), 4);
    }

    #[test]
    fn a_small_table_is_one_part_and_one_bucket() {
        assert_eq!(parts(0, &table(0, 0, 0)), [Part { subject: 0, filter: None, of: None, bytes: 0 }]);
        assert_eq!(buckets([&table(1, 8192, 0)]), 1);
        assert_eq!(buckets([&Table { estimated_rows: Some(1_000_000), ..table(1, 1, 0) }]), 512);
    }
}
