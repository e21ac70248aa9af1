//! The way back, watched as the way forth is: what came at the new database is carried, and what stands in the way is written down at
//! once, with since when and why, for whoever asks.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::context::{BACK, Context};
use super::way_back_copies::{Fails, failing};
use super::way_back_places::Places;
use super::{StageError, identity, reverse_replication, way_back_slots, write_fence};
use crate::migrate::carried::{guide, hold_triggers};
use crate::migrate::catalog;
use crate::migrate::ddl::{self, Arrival, Followed, Follower, Obstacle};
use crate::migrate::prose::{FEW, wrapped};
use crate::migrate::replicate::{Bound, Channel, Lack, Lag, RetainedWal};
use crate::postgres::Client;

/// In the migration's folder.
const FILE: &str = crate::migrate::files::WAY_BACK;
const BOUND: &str = crate::migrate::files::WAY_BACK_LOG_BOUND;
const EVERY: Duration = Duration::from_secs(15);
/// A subscriber tries again every five seconds.
const PATIENCE: Duration = Duration::from_secs(8);
/// Of what was carried, the latest.
const KEPT: usize = 50;

const LEAVE: &str =
    "infra migrate rollback --leave-rows goes back without what does not come over, infra migrate finish stays";
const AGAIN: &str = "it goes on by itself when that has ended; infra migrate finish --give-up-way-back if the old server is gone for good";
const REFUSED: &str = "it goes on by itself when the role has again the password that infra has: of the new server that in target.json, in the migration's folder on the host; of the old one POSTGRES_PASSWORD of its container";

/// How it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayBack {
    pub looked: Timestamp,
    /// There is no way back with every row since then. None: there is.
    pub gone_since: Option<Timestamp>,
    /// Why.
    pub because: Vec<Obstacle>,
    /// What the old database goes without, while every row comes back.
    pub without: Vec<Obstacle>,
    /// Tables whose rows are still copied to the old database.
    pub arriving: Vec<String>,
    pub lag: Option<Lag>,
    /// Definitions that were carried, the latest last.
    pub carried: Vec<Carried>,
    /// Why the new server keeps nothing for it any more.
    #[serde(default)]
    pub given_up: Option<String>,
    #[serde(default)]
    pub copy_errors: i64,
}

impl WayBack {
    /// In a line, if there is none.
    pub fn gone(&self) -> Option<String> {
        let (since, first) = (self.gone_since?, self.because.first()?);
        Some(format!("NO WAY BACK with every row since {}: {}", since.strftime("%Y-%m-%d %H:%M UTC"), first.what))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    pub at: Timestamp,
    pub what: String,
}

/// What a look finds.
#[derive(Default)]
struct Found {
    followed: Followed,
    lag: Option<Lag>,
    given_up: Option<String>,
    copy_errors: i64,
    /// At the last look.
    said: Vec<String>,
}

impl Found {
    fn lost(&mut self, what: impl Into<String>, remedy: &str) {
        self.followed.lost.push((what.into(), remedy.to_owned()));
    }
}

pub fn read(folder: &crate::migrate::folder::Folder) -> Result<Option<WayBack>, crate::migrate::folder::FolderError> {
    folder.read(FILE)
}

/// Another one begins, or none.
pub fn forget(context: &Context) -> Result<(), StageError> {
    Ok(context.folder.remove(FILE)?)
}

/// While nobody changes anything, as the clients are about to come.
pub async fn begin(context: &Context, new: &Client) -> Result<(), StageError> {
    forget(context)?;
    Ok(ddl::begin(new, &context.folder).await?)
}

/// In guard.
pub async fn watch(context: &Context) -> Result<(), StageError> {
    if context.is_time("the way back is watched", EVERY) {
        look(context, PATIENCE).await?;
    }
    Ok(())
}

/// Before a rollback stops anybody for it.
pub async fn is_free(context: &Context, patience: Duration) -> Result<(), StageError> {
    let stands = look(context, patience).await?;
    if stands.because.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<String> = stands.because.iter().take(FEW).map(|one| wrapped("  ", 4, &told(one))).collect();
    let more = stands.because.len().saturating_sub(FEW);
    lines.extend((more > 0).then(|| format!("  and {more} more: infra migrate status")));
    Err(StageError::NoWayBackSince { what: lines.join("\n") })
}

/// In the pause: what came since is not at the old database.
pub async fn nothing_came(context: &Context, new: &Client) -> Result<(), StageError> {
    if ddl::is_as_carried(new, &context.folder).await? { Ok(()) } else { Err(StageError::CameMeanwhile) }
}

pub fn told(obstacle: &Obstacle) -> String {
    let since = obstacle.since.strftime("%Y-%m-%d %H:%M:%S UTC");
    format!("{} (since {since}); {}", obstacle.what, obstacle.remedy)
}

async fn look(context: &Context, patience: Duration) -> Result<WayBack, StageError> {
    let before = read(&context.folder)?.unwrap_or_default();
    let said = before.because.iter().map(|one| one.what.clone()).collect();
    let (given_up, copy_errors) = (before.given_up.clone(), before.copy_errors);
    let mut found = Found { given_up, copy_errors, said, ..Found::default() };
    if let Err(error) = inspect(context, patience, &mut found).await {
        let (what, remedy) = in_the_way(&error);
        found.lost(what, remedy);
    }
    let now = Timestamp::now();
    let because = ddl::since(found.followed.lost, &before.because, now);
    let mut carried = before.carried;
    carried.extend(found.followed.carried.into_iter().map(|what| Carried { at: now, what }));
    carried.drain(..carried.len().saturating_sub(KEPT));
    let stands = WayBack {
        looked: now,
        gone_since: because.iter().map(|one| one.since).min(),
        without: ddl::since(found.followed.without, &before.without, now),
        because,
        arriving: found.followed.arriving,
        lag: found.lag,
        carried,
        given_up: found.given_up,
        copy_errors: found.copy_errors,
    };
    log_changes(&before.because, &stands.because);
    context.folder.write(FILE, &stands)?;
    Ok(stands)
}

/// What came, and what went: the agent's log is what somebody reads afterwards.
fn log_changes(before: &[Obstacle], now: &[Obstacle]) {
    for obstacle in now.iter().filter(|one| !before.iter().any(|other| other.since == one.since)) {
        tracing::error!("no way back with every row: {}", told(obstacle));
    }
    if now.is_empty() && !before.is_empty() {
        tracing::warn!("there is a way back with every row again");
    }
}

/// A server that does not answer, or has thrown away what it was to keep.
fn in_the_way(error: &StageError) -> (String, &'static str) {
    let words = crate::error::chain(error);
    match error {
        StageError::NoAnswer { which, source } if is_refused(source) => {
            let words = crate::error::chain(&**source);
            let what = "infra may not enter it any more, and cannot look after what comes back";
            (format!("the {which} server: {what}: {words}"), REFUSED)
        }
        StageError::NoAnswer { .. } => (words, AGAIN),
        _ => (format!("the way back cannot be looked after: {words}"), LEAVE),
    }
}

/// By the server itself: a password, a role, an address.
fn is_refused(error: &StageError) -> bool {
    let code = if let StageError::Postgres(error) = error { error.sqlstate() } else { None };
    code.is_some_and(|code| code.starts_with("28"))
}

async fn inspect(context: &Context, patience: Duration, found: &mut Found) -> Result<(), StageError> {
    let no_answer =
        |which: &'static str| move |error: StageError| StageError::NoAnswer { which, source: Box::new(error) };
    let new = context.new_database().await.map_err(no_answer("new"))?;
    // Also while the old server does not answer: then above all.
    if found.given_up.is_none() {
        found.given_up = keeps_too_much(context, &new).await?;
    }
    if let Some(why) = found.given_up.clone() {
        found.lost(format!("the new server keeps nothing for the way back any more: {why}"), LEAVE);
        return let_go(context, &new, why).await;
    }
    let old = context.old().await.map_err(no_answer("old"))?;
    let applier = reverse_replication::as_applier(context).await?;
    let mut places = Places::begin(context, &applier, (&new, &old)).await?;
    let channel = Channel { name: BACK, publisher: &new, subscriber: &old };
    way_back_slots::remember(context, &channel).await?;
    if !channel.lag().await?.connected {
        reverse_replication::reconnect(context, &new).await?;
    }
    found.followed = Follower { channel, folder: &context.folder, patience }.look().await?;
    if !found.followed.carried.is_empty() {
        guide(&old, &catalog::read(&old).await?).await?;
        hold_triggers(&old).await?;
        identity::of_new_tables(context, &applier, &new).await?;
        places.forget();
    }
    write_fence::close_the_rest(&applier).await?;
    let channel = Channel { name: BACK, publisher: &new, subscriber: &old };
    let lag = channel.lag().await?;
    arrives(context, found, &lag).await;
    found.lag = Some(lag);
    let errors = channel.copy_errors().await?;
    let fails = if errors > found.copy_errors { Fails::Anew } else { Fails::NotAnew };
    found.copy_errors = errors;
    for what in failing(&channel, &found.said, fails).await? {
        found.lost(what, LEAVE);
    }
    lacks(places, found).await
}

/// Changes that wait at the old server for more than a moment.
async fn arrives(context: &Context, found: &mut Found, lag: &Lag) {
    match &found.followed.arrival {
        Some(Arrival::Stuck(words)) => {
            let words =
                words.replacen("the subscriber cannot apply a change", "the old database cannot apply a change", 1);
            found.lost(words, LEAVE);
        }
        Some(Arrival::Behind(_)) if !lag.connected => {
            // As the old server does it, from the same host.
            let why = match context.new_database().await {
                Ok(_) => "its log says why".to_owned(),
                Err(error) => crate::error::chain(&error),
            };
            found.lost(format!("the old server is not connected to the new one: {why}"), AGAIN);
        }
        _ => {}
    }
}

/// What has rows, and no place or no way.
async fn lacks(places: Places<'_>, found: &mut Found) -> Result<(), StageError> {
    for lack in places.lacking().await? {
        let subject = match &lack {
            Lack::Table(table) | Lack::Unsent(table) => format!("TABLE {}", table.plain()),
            Lack::Column { table, column } => format!("COLUMN {}.{column}", table.plain()),
        };
        let known = |(what, _): &(String, String)| what.starts_with(&format!("{subject}:"));
        if !found.followed.lost.iter().any(known) {
            let what = match lack {
                Lack::Unsent(_) => "it is in both databases, and its rows do not come over",
                _ => "the old database lacks it",
            };
            found.lost(format!("{subject}: {what}"), LEAVE);
        }
    }
    Ok(())
}

/// Before its disk fills up the log is let go, and the way back with it: the database that serves comes first. Why, if it has to be, or if
/// it is lost.
async fn keeps_too_much(context: &Context, new: &Client) -> Result<Option<String>, StageError> {
    let bound = bound(context, new).await?;
    let slots = way_back_slots::slots(context, new).await?;
    let kept = RetainedWal::read(new, &slots.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    if !kept.iter().any(|slot| slot.slot == BACK) {
        return Ok(Some(format!("slot {BACK} is gone from it: somebody dropped it, or the server was made anew")));
    }
    let Err(error) = RetainedWal::check_all(&kept, &bound) else { return Ok(None) };
    let why = match kept.iter().find(|slot| slot.status.as_deref() == Some("lost")) {
        Some(slot) => {
            format!("slot {} has lost what it held: more was written than max_slot_wal_keep_size allows", slot.slot)
        }
        None => format!("{} bytes of its log were kept, more than {} ({})", most(&kept), bound.bytes, bound.because),
    };
    tracing::error!("{why}: {error}");
    Ok(Some(why))
}

/// Repeated by each look.
async fn let_go(context: &Context, new: &Client, why: String) -> Result<(), StageError> {
    let mut stands = read(&context.folder)?.unwrap_or_default();
    if stands.given_up.is_none() {
        // First, so that nobody finds no slots and no reason.
        stands.given_up = Some(why);
        context.folder.write(FILE, &stands)?;
    }
    way_back_slots::let_go(context, new).await
}

fn most(kept: &[RetainedWal]) -> u64 {
    kept.iter().map(|slot| slot.bytes + slot.spilled).max().unwrap_or(0)
}

/// Of the beginning: later the log itself takes from what is free.
async fn bound(context: &Context, new: &Client) -> Result<Bound, StageError> {
    if let Some(bound) = context.folder.read(BOUND)? {
        return Ok(bound);
    }
    let sql = "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())";
    let used = u64::try_from(new.row("asking for the database's size", sql, &[]).await?.get::<_, i64>(0)).unwrap_or(0);
    let free = context.job.storage_bytes.map(|storage| storage.saturating_sub(used));
    let bound = Bound::new(free, Bound::server_limit(new).await?);
    context.folder.write(BOUND, &bound)?;
    Ok(bound)
}
