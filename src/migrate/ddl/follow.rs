//! One look: what came at the new database is made at the old one, in an order in which no row is ever in the way.
//!
//! What gives rows a place is made at once: changes that came before it wait at the old server, which tries them again by itself. What
//! restricts or rewrites rows is made when everything that was written before it has arrived; or when nothing arrives any more, since
//! then it may be what is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::DdlError;
use super::changes::{Changes, Turn};
use super::make::{Made, Work, make};
use super::open::{Sentences, open, settled, told, told_of_made};
use super::seen::{Seen, Statement, statements};
use crate::migrate::catalog::QualifiedName;
use crate::migrate::drift::fingerprint;
use crate::migrate::folder::Folder;
use crate::migrate::partitions::{PartitionError, make_partitions};
use crate::migrate::replicate::{Channel, Lag, ReplicateError};
use crate::migrate::schema::mentions;
use crate::migrate::verify::{ObjectKey, Objects, unquoted};
use crate::postgres::{Client, PostgresError};

/// In the migration's folder: the new database as it was when all of it had been carried.
const FILE: &str = crate::migrate::files::WAY_BACK_SCHEMA;
/// What is made makes room for more: a table that was renamed, its new columns.
const ROUNDS: usize = 5;

/// `channel` goes from the new database to the old one; its subscriber is a session of a superuser.
pub struct Follower<'a> {
    pub channel: Channel<'a>,
    pub folder: &'a Folder,
    /// How long what was written is waited for.
    pub patience: Duration,
}

/// How far the old database is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    Arrived,
    Behind(Lag),
    /// With the change and the server's words.
    Stuck(String),
}

impl Arrival {
    /// What restricts rows of this table may be made. Where nothing arrives any more, it may be what the change that is stuck waits for.
    fn allows(&self, table: &str) -> bool {
        match self {
            Self::Arrived => true,
            Self::Behind(_) => false,
            Self::Stuck(words) => mentions(&unquoted(words), &unquoted(table)),
        }
    }
}

impl Arrival {
    fn allows_turn(&self, turn: &Turn) -> bool {
        let is_missing = |name: &str| !matches!(self, Self::Stuck(words) if !mentions(words, name));
        // Changes from before it may still name the column as it was.
        let is_time = !matches!(turn, Turn::RenamedColumn { to, .. } if !is_missing(to));
        is_time && self.allows(&turn.table().to_string())
    }
}

/// Sentences with what can be done.
#[derive(Debug, Default)]
pub struct Followed {
    /// Because of which rows do not come back.
    pub lost: Sentences,
    /// What the old database goes without.
    pub without: Sentences,
    pub carried: Vec<String>,
    /// Tables whose rows are on their way.
    pub arriving: Vec<String>,
    pub arrival: Option<Arrival>,
}

/// While nobody changes anything: all of it is at the old database, but for what was agreed to.
pub async fn begin(new: &Client, folder: &Folder) -> Result<(), DdlError> {
    Ok(folder.write(FILE, &Seen::read(new).await?)?)
}

/// Nothing came since the last look. True where there was none.
pub async fn is_as_carried(new: &Client, folder: &Folder) -> Result<bool, DdlError> {
    let Some(before) = folder.read::<Seen>(FILE)? else { return Ok(true) };
    Ok(fingerprint(new).await? == before.fingerprint || Changes::between(&before, &Seen::read(new).await?).is_empty())
}

/// What one round has done, by object.
#[derive(Default)]
pub(super) struct Round {
    pub done: BTreeSet<ObjectKey>,
    pub refused: BTreeMap<ObjectKey, String>,
    pub turned: Vec<Turn>,
    /// With the server's words.
    pub held: Vec<(Turn, String)>,
}

impl Round {
    fn take(&mut self, made: Made) {
        self.done.extend(made.done);
        self.refused.extend(made.refused);
    }
}

impl Follower<'_> {
    pub async fn look(&self) -> Result<Followed, DdlError> {
        let (new, old) = (self.channel.publisher, self.channel.subscriber);
        let mut followed = Followed::default();
        let Some(mut before) = self.folder.read::<Seen>(FILE)? else {
            begin(new, self.folder).await?;
            return Ok(followed);
        };
        for _ in 0..ROUNDS {
            if fingerprint(new).await? == before.fingerprint {
                break;
            }
            let now = Seen::read(new).await?;
            let changes = Changes::between(&before, &now);
            let mut round = Round::default();
            self.make_room(&changes, &now, &mut round).await?;
            self.publish(&now, &mut round).await?;
            let arrival = self.arrival().await?;
            self.restrict(&changes, (&before, &now), &arrival, &mut round).await?;
            let is_there = arrival == Arrival::Arrived;
            followed.arrival = Some(arrival);
            let there = Seen::read(old).await?;
            let made = statements(new).await?;
            let open = open(&changes, (&now, &made), &there.objects, &round);
            // What waits for rows that are on their way is not in the way.
            let refused: Vec<_> =
                open.iter().filter(|(key, _)| is_there || round.refused.contains_key(key)).cloned().collect();
            let progress = !round.done.is_empty() || !round.turned.is_empty();
            followed.carried.extend(told_of_made(&round, &changes));
            (followed.lost, followed.without) = told(new, &refused, &changes, &round, &now).await?;
            before = settled(&before, now, &made, &changes, &open, &round);
            self.folder.write(FILE, &before)?;
            if !progress {
                break;
            }
        }
        // What was made may be what was missing.
        if !matches!(followed.arrival, Some(Arrival::Arrived)) {
            followed.arrival = Some(self.arrival().await?);
        }
        self.arriving(&mut followed).await?;
        Ok(followed)
    }

    /// Everything that rows, and what is made of them, need to exist.
    async fn make_room(&self, changes: &Changes, now: &Seen, round: &mut Round) -> Result<(), DdlError> {
        let (new, old) = (self.channel.publisher, self.channel.subscriber);
        if changes.is_empty() {
            return Ok(());
        }
        let there = Seen::read(old).await?.objects;
        let fresh = fresh_tables(changes, &there);
        let mut works = vec![];
        works.extend(
            takes(&statements(old).await?, changes, now)
                .filter(|(statement, _)| !is_key(statement))
                .map(|(_, work)| work),
        );
        for statement in &statements(new).await? {
            if changes.is_held(&statement.key, statement.table.as_deref()) {
                continue;
            }
            let is_fresh = statement.table.as_ref().is_some_and(|table| fresh.contains(&unquoted(table)));
            // They come with their table.
            if is_fresh && statement.key.kind == "COLUMN" {
                continue;
            }
            let sql = work(statement, changes, (&now.objects, &there), statement.late && !is_fresh);
            works.extend(sql.map(|sql| Work { key: statement.key.clone(), sql }));
        }
        round.take(make(old, works).await?);
        match make_partitions(new, old).await {
            Ok(_) => {}
            Err(PartitionError::Postgres(PostgresError::Server { report, .. })) => {
                let missing = changes.added.iter().filter(|key| key.kind == "TABLE" && !round.done.contains(*key));
                let words =
                    missing.filter(|key| !there.contains_key(*key)).map(|key| (key.clone(), report.message.clone()));
                let words: Vec<_> = words.filter(|(key, _)| !round.refused.contains_key(key)).collect();
                round.refused.extend(words);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn arrival(&self) -> Result<Arrival, DdlError> {
        Ok(match self.channel.drain(self.patience).await {
            Ok(_) => Arrival::Arrived,
            Err(ReplicateError::NotDrained { lag, .. }) => Arrival::Behind(lag),
            Err(error @ ReplicateError::ApplyFailed { .. }) => {
                Arrival::Stuck(self.channel.said(error).await.to_string())
            }
            Err(error) => return Err(error.into()),
        })
    }

    /// What would have been in the way of rows that were written before it.
    async fn restrict(
        &self,
        changes: &Changes,
        (before, now): (&Seen, &Seen),
        arrival: &Arrival,
        round: &mut Round,
    ) -> Result<(), DdlError> {
        let (new, old) = (self.channel.publisher, self.channel.subscriber);
        if changes.is_empty() {
            return Ok(());
        }
        let made = statements(new).await?;
        self.make_turns(changes, (now, &made), |turn| arrival.allows_turn(turn), round).await?;
        let there = Seen::read(old).await?.objects;
        let mut works = vec![];
        works.extend(
            takes(&statements(old).await?, changes, now)
                .filter(|(statement, _)| is_key(statement))
                .map(|(_, work)| work),
        );
        for statement in &made {
            let is_wanted = changes.added.contains(&statement.key) || changes.altered.contains(&statement.key);
            let is_time = statement.table.as_ref().is_none_or(|table| arrival.allows(table));
            let is_made =
                |table: &String| round.done.contains(&ObjectKey { kind: "TABLE".into(), name: unquoted(table) });
            let is_done = statement.key.kind == "COLUMN" && statement.table.as_ref().is_some_and(is_made);
            if !is_wanted || !is_time || is_done || changes.is_held(&statement.key, statement.table.as_deref()) {
                continue;
            }
            if changes.added.contains(&statement.key) && statement.fill {
                self.fill(statement, (before, now), round).await?;
            }
            let sql = if statement.late {
                work(statement, changes, (&now.objects, &there), false)
            } else {
                statement.tighten.clone()
            };
            works.extend(sql.map(|sql| Work { key: statement.key.clone(), sql }));
        }
        round.take(make(old, works).await?);
        Ok(())
    }

    /// What is still copied, and whether that fails.
    async fn arriving(&self, followed: &mut Followed) -> Result<(), DdlError> {
        followed.arriving = self.channel.arriving().await?.iter().map(QualifiedName::plain).collect();
        Ok(())
    }
}

/// What is to be run for one object. `restricts`: it has to wait.
fn work(
    statement: &Statement,
    changes: &Changes,
    (now, there): (&Objects, &Objects),
    restricts: bool,
) -> Option<String> {
    let key = match statement.key.kind.as_str() {
        "SEQUENCE OWNED BY" => &ObjectKey { kind: "SEQUENCE".into(), name: statement.key.name.clone() },
        _ => &statement.key,
    };
    if restricts {
        return None;
    }
    if changes.added.contains(key) && (key != &statement.key || !there.contains_key(key)) {
        return statement.make.clone();
    }
    let differs = there.get(key).is_some_and(|known| Some(known) != now.get(key));
    statement.alter.clone().filter(|_| changes.altered.contains(key) && differs)
}

/// Of the old database: what is gone at the new one, of tables that both have.
fn takes<'a>(
    there: &'a [Statement],
    changes: &'a Changes,
    now: &'a Seen,
) -> impl Iterator<Item = (&'a Statement, Work)> + 'a {
    let is_there = |table: &String| now.tables.values().any(|one| unquoted(&one.identity) == unquoted(table));
    let gone = there.iter().filter(move |one| {
        let table = one.table.as_ref();
        changes.gone.contains(&one.key)
            && !changes.is_held(&one.key, table.map(String::as_str))
            && table.is_none_or(is_there)
    });
    gone.filter_map(|one| Some((one, Work { key: one.key.clone(), sql: one.take.clone()? })))
}

/// Rows are found by it: it goes when what comes instead is made.
fn is_key(statement: &Statement) -> bool {
    statement.take.is_some()
        && statement.key.kind == "CONSTRAINT"
        && statement.make.as_ref().is_some_and(|sql| sql.contains(" PRIMARY KEY "))
}

/// Tables that are made with this look: nothing was written to them at the old database.
fn fresh_tables(changes: &Changes, there: &Objects) -> BTreeSet<String> {
    let fresh = changes.added.iter().filter(|key| key.kind == "TABLE" && !there.contains_key(*key));
    fresh.map(|key| key.name.clone()).collect()
}

pub(super) async fn has_rows(client: &Client, table: &str) -> Result<bool, PostgresError> {
    let sql = format!("SELECT EXISTS (SELECT FROM {table})");
    Ok(client.row(&format!("looking for rows of {table}"), &sql, &[]).await?.get(0))
}
