//! The copy as a whole: workers side by side, each taking the next part.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::error::CopyError;
use super::event::{CopyEvent, Tell};
use super::limit::{Limit, read_limit};
use super::part_list::{Plan, Prepared, encoding, prepare};
use super::patience::patiently;
use super::plan::{Part, Sizing, parts_of_tables};
use super::pressure::Pressure;
use super::rewrite::{File, Rewritten, start_over};
use super::session::Ends;
use super::snapshot_holder::HeldSnapshot;
use super::throttle::Throttle;
use super::worker::Worker;
use crate::migrate::catalog::{Catalog, QualifiedName};
use crate::migrate::folder::Folder;
use crate::migrate::rows_path::RowsPath;
use crate::plan::Rate;
use crate::postgres::{Endpoint, connect};

/// More connections than this gain nothing: the servers' processors and disks are the limit.
const MOST_JOBS: usize = 8;
const BEAT: Duration = Duration::from_secs(1);

/// What a copy needs to know.
pub struct Setup {
    pub source: Endpoint,
    pub target: Endpoint,
    /// The migration's: the holder's snapshot is found there, the parts are kept there, the limit is read from there.
    pub folder: Folder,
    /// None: as many as this machine has processors, up to 8.
    pub jobs: Option<usize>,
    pub sizing: Sizing,
    /// The source's disk, and the queue depth from which on it is in the warning zone.
    pub pressure: Option<(Box<dyn Pressure>, f64)>,
    /// TimescaleDB's at the source, in which its chunks are tables like others.
    pub restore_mode: bool,
}

/// What one run moved. Parts of earlier runs are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    pub parts: usize,
    pub rows: u64,
    pub bytes: u64,
}

impl Copied {
    fn and(self, more: Self) -> Self {
        Self { parts: self.parts + more.parts, rows: self.rows + more.rows, bytes: self.bytes + more.bytes }
    }
}

/// Hears of tables whose rows are all there, also of those that an earlier run completed; small ones that shared a
/// transaction come together. Must not block.
pub type Complete = dyn Fn(&[QualifiedName]) + Send + Sync;

/// A table that was rewritten more often than this while it was copied will be rewritten again.
const REWRITTEN: u32 = 5;

/// Copies what `catalog` lists, or what is left of it.
pub async fn copy(
    setup: Setup,
    catalog: &Catalog,
    tell: Arc<Tell>,
    complete: Arc<Complete>,
) -> Result<Copied, CopyError> {
    let Setup { source, target, folder, jobs, sizing, mut pressure, restore_mode } = setup;
    let held = HeldSnapshot::read(&folder)?.ok_or_else(|| CopyError::NoSnapshot { path: folder.path().to_owned() })?;
    let look = || async {
        let client = connect(&source, "infra copy").await?;
        Ok((encoding(&client).await?, block_size(&client).await?))
    };
    let (encoding, block_size) = patiently("the source's settings", &*tell, look).await?;
    let path = RowsPath::of(catalog);
    let ends = Ends { source: source.clone(), target, held, encoding, restore_mode, path };
    let complete = once(complete);
    let (mut copied, mut again) = (Copied::default(), HashMap::new());
    loop {
        let plan = || prepare(&folder, &ends, catalog, sizing, &*tell);
        let prepared = patiently("the parts of the copy", &*tell, plan).await?;
        let (tell, complete) = (Arc::clone(&tell), Arc::clone(&complete));
        let run = Arc::new(Run::new(prepared, ends.clone(), block_size, read_limit(&folder), tell, complete));
        let ended = run.all(jobs.unwrap_or_else(processors), &folder, pressure.as_mut()).await;
        copied = copied.and(run.copied());
        match ended {
            Ok(()) => break,
            Err(CopyError::Rewritten { rewritten }) if times(&mut again, &rewritten.table) <= REWRITTEN => {
                run.start_over(&rewritten).await?
            }
            Err(error) => return Err(error),
        }
    }
    tell(CopyEvent::RowsDone { rows: copied.rows, bytes: copied.bytes });
    Ok(copied)
}

fn times(counts: &mut HashMap<QualifiedName, u32>, table: &QualifiedName) -> u32 {
    let count = counts.entry(table.clone()).or_default();
    *count += 1;
    *count
}

/// A table is complete once, also when the copy of another one begins again.
fn once(complete: Arc<Complete>) -> Arc<Complete> {
    let told = Mutex::new(HashSet::new());
    Arc::new(move |tables: &[QualifiedName]| {
        let mut told = told.lock().expect("nobody panics while it is locked");
        let new: Vec<QualifiedName> = tables.iter().filter(|table| told.insert((*table).clone())).cloned().collect();
        if !new.is_empty() {
            complete(&new);
        }
    })
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST_JOBS)
}

async fn block_size(client: &crate::postgres::Client) -> Result<u64, CopyError> {
    let sql = "SELECT pg_catalog.current_setting('block_size')::bigint";
    let bytes: i64 = client.row("asking for the size of blocks", sql, &[]).await?.get(0);
    Ok(bytes as u64)
}

struct Run {
    ends: Ends,
    block_size: u64,
    limit: Limit,
    tell: Arc<Tell>,
    complete: Arc<Complete>,
    plan: Plan,
    /// Of tables that were started over.
    files: HashMap<QualifiedName, File>,
    already: HashSet<i32>,
    queue: Mutex<VecDeque<Part>>,
    /// Parts of each table that are to be done.
    open: Mutex<HashMap<QualifiedName, usize>>,
    total: u64,
    done: AtomicU64,
    /// Of the parts that workers have at present, as the source measures.
    running: AtomicU64,
    /// On the wire, for parts that are done.
    passed: AtomicU64,
    rows: AtomicU64,
    parts: AtomicU64,
}

impl Run {
    fn new(
        Prepared { plan, done: already, files }: Prepared,
        ends: Ends,
        block_size: u64,
        rate: Option<Rate>,
        tell: Arc<Tell>,
        complete: Arc<Complete>,
    ) -> Self {
        let parts = &plan.parts;
        Self {
            queue: Mutex::new(parts.iter().filter(|part| !already.contains(&part.number)).cloned().collect()),
            open: Mutex::new(parts_of_tables(parts)),
            total: parts.iter().map(|part| part.bytes).sum(),
            limit: Limit::new(rate),
            done: AtomicU64::new(0),
            running: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            parts: AtomicU64::new(0),
            ends,
            block_size,
            tell,
            complete,
            plan,
            files,
            already,
        }
    }

    /// All parts that are left.
    async fn all(
        self: &Arc<Self>,
        jobs: usize,
        folder: &Folder,
        pressure: Option<&mut (Box<dyn Pressure>, f64)>,
    ) -> Result<(), CopyError> {
        self.start();
        // Dropped with an error, it ends the others: their transactions are rolled back.
        let mut workers = JoinSet::new();
        for _ in 0..jobs {
            workers.spawn(Arc::clone(self).worker());
        }
        let all = async {
            while let Some(worker) = workers.join_next().await {
                worker.expect("a worker neither panics nor is cancelled while it is waited for")?;
            }
            Ok::<(), CopyError>(())
        };
        tokio::select! {
            worked = all => worked,
            never = self.watch(Throttle::new(&self.limit, folder, pressure)) => match never {},
        }
    }

    /// When no worker is left.
    async fn start_over(&self, rewritten: &Rewritten) -> Result<(), CopyError> {
        let what = rewritten.table.plain();
        let empty = || start_over(&self.ends, &self.plan.id, &self.plan.parts, rewritten);
        patiently(&what, &*self.tell, empty).await?;
        (self.tell)(CopyEvent::TableAgain { table: what.clone() });
        Ok(())
    }

    /// Says what there is, and takes over what earlier runs did.
    fn start(&self) {
        let parts = &self.plan.parts;
        let done = || parts.iter().filter(|part| self.already.contains(&part.number));
        (self.tell)(CopyEvent::Started {
            parts: parts.len(),
            done_parts: self.already.len(),
            bytes: self.total,
            done: done().map(|part| part.bytes).sum(),
            tables: self.open.lock().expect("nobody panics while it is locked").len(),
        });
        done().for_each(|part| self.account(part));
    }

    async fn worker(self: Arc<Self>) -> Result<(), CopyError> {
        let (ends, plan) = (&self.ends, self.plan.id.as_str());
        let (files, limit, tell) = (&self.files, &self.limit, &*self.tell);
        let mut worker = Worker { ends, plan, files, block_size: self.block_size, limit, tell, pair: None };
        while let Some(part) = self.next() {
            self.running.fetch_add(part.bytes, Ordering::Relaxed);
            let passed = worker.copy(&part).await?;
            self.running.fetch_sub(part.bytes, Ordering::Relaxed);
            self.passed.fetch_add(passed.bytes, Ordering::Relaxed);
            self.rows.fetch_add(passed.rows, Ordering::Relaxed);
            self.parts.fetch_add(1, Ordering::Relaxed);
            let what = part.work.describe();
            (self.tell)(CopyEvent::PartDone { what, bytes: passed.bytes, rows: passed.rows });
            self.account(&part);
        }
        Ok(())
    }

    fn next(&self) -> Option<Part> {
        self.queue.lock().expect("nobody panics while it is locked").pop_front()
    }

    /// A part is done: so are the tables whose last one it was.
    fn account(&self, part: &Part) {
        self.done.fetch_add(part.bytes, Ordering::Relaxed);
        let completed = self.completed(part);
        for table in &completed {
            (self.tell)(CopyEvent::TableDone { table: table.plain() });
        }
        if !completed.is_empty() {
            (self.complete)(&completed);
        }
    }

    /// Partitions whose rows go through their root, all together.
    fn completed(&self, part: &Part) -> Vec<QualifiedName> {
        let mut open = self.open.lock().expect("nobody panics while it is locked");
        let mut is_last = |name: &QualifiedName| {
            let left = open.get_mut(name).expect("every table of a part was counted");
            *left -= 1;
            *left == 0
        };
        let last = part.work.relations().iter().filter(|relation| is_last(relation.counted()));
        last.flat_map(|relation| match &relation.into {
            None => vec![relation.name.clone()],
            Some(root) => self.through(root),
        })
        .collect()
    }

    fn through(&self, root: &QualifiedName) -> Vec<QualifiedName> {
        let all = self.plan.parts.iter().flat_map(|part| part.work.relations());
        let names = all.filter(|relation| relation.into.as_ref() == Some(root)).map(|relation| relation.name.clone());
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn copied(&self) -> Copied {
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Copied { parts: get(&self.parts) as usize, rows: get(&self.rows), bytes: self.limit.moved() }
    }

    /// A table that is copied whole would otherwise stand at nothing until its end.
    fn under_way(&self) -> u64 {
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        under_way(self.limit.moved(), get(&self.passed), get(&self.running))
    }

    /// Each second: the user's limit, the source's disk, progress.
    async fn watch(&self, mut throttle: Throttle<'_>) -> std::convert::Infallible {
        let mut interval = tokio::time::interval(BEAT);
        interval.tick().await;
        loop {
            interval.tick().await;
            let (bytes_per_second, brake) = throttle.tick(&*self.tell);
            let (moved, done) = (self.limit.moved(), self.done.load(Ordering::Relaxed) + self.under_way());
            (self.tell)(CopyEvent::Progress { done, total: self.total, moved, bytes_per_second, brake });
        }
    }
}

/// Of `running` bytes as the source measures: what went over the wire beyond the parts that are done. A part that is tried
/// again went more than once.
fn under_way(moved: u64, passed: u64, running: u64) -> u64 {
    moved.saturating_sub(passed).min(running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_counts_as_far_as_it_went_and_never_for_more_than_it_is() {
        assert_eq!(under_way(700, 400, 1000), 300);
        assert_eq!(under_way(2400, 400, 1000), 1000, "tried again");
        assert_eq!(under_way(400, 410, 0), 0, "a part that was done a moment ago");
    }
}
