//! Sessions side by side, each with the next piece of work.

use std::collections::VecDeque;

use backon::RetryableWithContext as _;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::IndexError;
use super::session::{Sessions, waits};
use super::tables::{Tables, Work};
use crate::migrate::catalog::QualifiedName;
use crate::migrate::schema::{Entry, apply_together};
use crate::postgres::Client;

/// The session, what it did, and the entries that it ran for that.
type Done = (Client, Work, Vec<Entry>);

/// Dropped, it ends its sessions.
pub struct Pool {
    jobs: usize,
    sessions: Sessions,
    idle: Vec<Client>,
    tasks: JoinSet<Result<Done, IndexError>>,
}

impl Pool {
    pub fn new(jobs: usize, sessions: Sessions, first: Client) -> Self {
        Self { jobs: jobs.max(1), sessions, idle: vec![first], tasks: JoinSet::new() }
    }

    /// Until no table can come any more and all is done.
    pub async fn tables(
        &mut self,
        mut tables: Tables,
        mut complete: UnboundedReceiver<Vec<QualifiedName>>,
        told: &impl Fn(&Entry),
    ) -> Result<(), IndexError> {
        let mut queue = VecDeque::from(tables.unannounced());
        let mut open = true;
        loop {
            self.fill(&mut queue);
            if !open && self.tasks.is_empty() {
                return Ok(());
            }
            tokio::select! {
                some = complete.recv(), if open => match some {
                    Some(some) => queue.extend(tables.complete(&some)),
                    None => open = false,
                },
                Some(ended) = self.tasks.join_next() => {
                    let work = self.ended(ended.expect("a build neither panics nor is cancelled"), told)?;
                    queue.extend(tables.built(&work));
                }
            }
        }
    }

    pub async fn all(&mut self, mut queue: VecDeque<Work>, told: &impl Fn(&Entry)) -> Result<(), IndexError> {
        loop {
            self.fill(&mut queue);
            let Some(ended) = self.tasks.join_next().await else { return Ok(()) };
            self.ended(ended.expect("a build neither panics nor is cancelled"), told)?;
        }
    }

    /// Starts as much as there are sessions for.
    fn fill(&mut self, queue: &mut VecDeque<Work>) {
        while self.tasks.len() < self.jobs {
            let Some(work) = queue.pop_front() else { return };
            self.tasks.spawn(persist(self.sessions.clone(), self.idle.pop(), work));
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
async fn persist(sessions: Sessions, idle: Option<Client>, work: Work) -> Result<Done, IndexError> {
    let attempt = |(idle, mut run): (Option<Client>, Vec<Entry>)| async {
        let performed = perform(&sessions, idle, &work, &mut run).await;
        ((None, run), performed)
    };
    let (context, performed) = attempt.retry(waits()).context((idle, vec![])).when(IndexError::is_transient).await;
    Ok((performed?, work, context.1))
}

async fn perform(
    sessions: &Sessions,
    idle: Option<Client>,
    work: &Work,
    run: &mut Vec<Entry>,
) -> Result<Client, IndexError> {
    let client = match idle {
        Some(client) => client,
        None => sessions.open().await?,
    };
    let entries: Vec<&Entry> = work.entries.iter().collect();
    apply_together(&client, &entries, |entry| run.push(entry.clone())).await?;
    Ok(client)
}
