//! Builds indexes and constraints while other tables are still copied: a table's own as soon as its rows are complete,
//! several at a time, and its statistics right after. Foreign keys come at the end, added without looking at rows and
//! then validated side by side.
//!
//! Everything is an entry of the schema, which marks at the target what is done: a run that was killed continues.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::catalog::QualifiedName;
use super::schema::{ApplyError, Entry, Phase, apply, apply_one, prepare_session, settle};
use crate::postgres::{Client, Endpoint, PostgresError, SqlState, connect, set};

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
}

/// Together about five minutes, in which a server can restart and recover.
const ATTEMPTS: u32 = 12;
const PAUSE: Duration = Duration::from_secs(4);

impl IndexError {
    /// Connecting anew and repeating is worth a try.
    fn is_transient(&self) -> bool {
        match self {
            Self::Postgres(error) => error.is_transient(),
            Self::Apply(ApplyError::Prepare { source } | ApplyError::Entry { source, .. }) => {
                let state = source.code().map(|code| SqlState(code.code().to_owned()));
                state.map_or(source.is_closed() || source.as_db_error().is_none(), |state| state.is_transient())
            }
        }
    }
}

pub struct Builds {
    pub target: Endpoint,
    /// Sessions side by side.
    pub jobs: usize,
    /// Bytes of the target's memory for all of them together.
    pub memory: u64,
    /// Of the schema; those of other phases than indexes and constraints are passed over.
    pub entries: Vec<Entry>,
    /// Tables that will be announced. What belongs to others may be built at once.
    pub announced: HashSet<QualifiedName>,
}

/// What to do next, each in one session.
#[derive(Debug, Clone)]
enum Work {
    Build(Entry),
    /// When all of a table's indexes are there: what takes them, and its statistics.
    Settle(QualifiedName),
}

/// Takes tables as they are completed, and returns when the sender is gone and everything is built, validated and
/// analyzed. `told` hears of each entry that was run.
pub async fn build(
    builds: Builds,
    complete: UnboundedReceiver<QualifiedName>,
    told: impl Fn(&Entry),
) -> Result<(), IndexError> {
    let sessions = Sessions::new(&builds);
    // The first one makes what the others look for.
    let first = sessions.open().await?;
    let mut pool = Pool { builds: &builds, sessions: sessions.clone(), idle: vec![first], tasks: JoinSet::new() };
    pool.tables(complete, &told).await?;
    let client = sessions.open().await?;
    // Takes over what the tables' own turns have not done: partitioned tables, what needs two tables.
    let rest = |phase| builds.entries.iter().filter(move |entry| entry.phase == phase);
    apply(&client, rest(Phase::Constraint), &told).await?;
    apply(&client, rest(Phase::ForeignKey), &told).await?;
    pool.all(rest(Phase::Validate).map(|entry| Work::Build(entry.clone())).collect(), &told).await?;
    let ours = builds.entries.iter().filter(|entry| (Phase::Index..=Phase::Validate).contains(&entry.phase));
    let client = sessions.open().await?;
    Ok(settle(&client, ours, &told).await?)
}

/// How to come to a session.
#[derive(Clone)]
struct Sessions {
    target: Endpoint,
    memory: String,
}

impl Sessions {
    fn new(builds: &Builds) -> Self {
        // An index of a gigabyte is sorted in memory instead of in files; the server takes no more than 2 GB.
        let kilobytes = (builds.memory / builds.jobs.max(1) as u64 / 1024).clamp(1024, 2_000_000);
        Self { target: builds.target.clone(), memory: format!("{kilobytes}kB") }
    }

    async fn open(&self) -> Result<Client, IndexError> {
        let client = connect(&self.target, "infra index").await?;
        prepare_session(&client).await?;
        client.run("preparing to build", &set(&[("maintenance_work_mem", &self.memory)])).await?;
        Ok(client)
    }
}

/// The session, what it did, and the entries that it ran for that.
type Done = (Client, Work, Vec<Entry>);

struct Pool<'a> {
    builds: &'a Builds,
    sessions: Sessions,
    idle: Vec<Client>,
    tasks: JoinSet<Result<Done, IndexError>>,
}

impl Pool<'_> {
    async fn tables(
        &mut self,
        mut complete: UnboundedReceiver<QualifiedName>,
        told: &impl Fn(&Entry),
    ) -> Result<(), IndexError> {
        let mut tables = Tables::new(self.builds);
        let mut queue = tables.unannounced();
        let mut open = true;
        loop {
            self.fill(&mut queue, &tables);
            if !open && self.tasks.is_empty() {
                return Ok(());
            }
            tokio::select! {
                table = complete.recv(), if open => match table {
                    Some(table) => queue.extend(tables.complete(&table)),
                    None => open = false,
                },
                Some(ended) = self.tasks.join_next() => {
                    let work = self.ended(ended.expect("a build neither panics nor is cancelled"), told)?;
                    queue.extend(tables.built(&work));
                }
            }
        }
    }

    async fn all(&mut self, mut queue: VecDeque<Work>, told: &impl Fn(&Entry)) -> Result<(), IndexError> {
        let tables = Tables::default();
        loop {
            self.fill(&mut queue, &tables);
            let Some(ended) = self.tasks.join_next().await else { return Ok(()) };
            self.ended(ended.expect("a build neither panics nor is cancelled"), told)?;
        }
    }

    /// Starts as much as there are sessions for.
    fn fill(&mut self, queue: &mut VecDeque<Work>, tables: &Tables) {
        while self.tasks.len() < self.builds.jobs.max(1) {
            let Some(work) = queue.pop_front() else { return };
            let entries = tables.entries(&work);
            self.tasks.spawn(persist(self.sessions.clone(), self.idle.pop(), work, entries));
        }
    }

    fn ended(&mut self, ended: Result<Done, IndexError>, told: &impl Fn(&Entry)) -> Result<Work, IndexError> {
        let (client, work, run) = ended?;
        self.idle.push(client);
        run.iter().for_each(told);
        Ok(work)
    }
}

/// Again on a new session where the connection failed: what is done is marked, so nothing happens twice. Returns what it
/// ran, in contrast to what an earlier run had done.
async fn persist(
    sessions: Sessions,
    idle: Option<Client>,
    work: Work,
    entries: Vec<Entry>,
) -> Result<Done, IndexError> {
    let mut run = vec![];
    let mut idle = idle;
    for attempt in 1.. {
        let performed = async {
            let client = match idle.take() {
                Some(client) => client,
                None => sessions.open().await?,
            };
            perform(&client, &work, &entries, &mut run).await.map(|()| client)
        };
        match performed.await {
            Ok(client) => return Ok((client, work, run)),
            Err(error) if error.is_transient() && attempt < ATTEMPTS => tokio::time::sleep(PAUSE * attempt).await,
            Err(error) => return Err(error),
        }
    }
    unreachable!("the last attempt returns")
}

async fn perform(client: &Client, work: &Work, entries: &[Entry], run: &mut Vec<Entry>) -> Result<(), IndexError> {
    for entry in entries {
        if apply_one(client, entry).await? {
            run.push(entry.clone());
        }
    }
    if let Work::Settle(table) = work {
        client.run(&format!("gathering statistics of {}", table.plain()), &format!("ANALYZE {table}")).await?;
    }
    Ok(())
}

/// What belongs to each table, and what of it is still to come.
#[derive(Default)]
struct Tables {
    waiting: HashMap<QualifiedName, Vec<Entry>>,
    constraints: HashMap<QualifiedName, Vec<Entry>>,
    building: HashMap<QualifiedName, usize>,
    unannounced: VecDeque<Work>,
}

impl Tables {
    fn new(builds: &Builds) -> Self {
        let mut tables = Self::default();
        for entry in &builds.entries {
            let table = entry.table.clone().filter(|table| builds.announced.contains(table));
            match (entry.phase, table) {
                (Phase::Index, Some(table)) => tables.waiting.entry(table).or_default().push(entry.clone()),
                (Phase::Index, None) => tables.unannounced.push_back(Work::Build(entry.clone())),
                // Attaching to a parent's index waits for the end.
                (Phase::Constraint, Some(table)) if entry.kind == "CONSTRAINT" => {
                    tables.constraints.entry(table).or_default().push(entry.clone());
                }
                _ => {}
            }
        }
        tables
    }

    fn unannounced(&mut self) -> VecDeque<Work> {
        std::mem::take(&mut self.unannounced)
    }

    fn complete(&mut self, table: &QualifiedName) -> Vec<Work> {
        let entries = self.waiting.remove(table).unwrap_or_default();
        if entries.is_empty() {
            return vec![Work::Settle(table.clone())];
        }
        self.building.insert(table.clone(), entries.len());
        entries.into_iter().map(Work::Build).collect()
    }

    /// What a finished build was the last one before.
    fn built(&mut self, work: &Work) -> Option<Work> {
        let Work::Build(Entry { table: Some(table), .. }) = work else { return None };
        let left = self.building.get_mut(table)?;
        *left -= 1;
        (*left == 0).then(|| Work::Settle(table.clone()))
    }

    fn entries(&self, work: &Work) -> Vec<Entry> {
        match work {
            Work::Build(entry) => vec![entry.clone()],
            Work::Settle(table) => self.constraints.get(table).cloned().unwrap_or_default(),
        }
    }
}
