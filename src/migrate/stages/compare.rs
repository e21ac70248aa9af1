//! Verify: both databases at one point in time. Writers wait while the last changes arrive and two snapshots are taken,
//! some tenths of a second; the comparison itself goes on beside them.

use std::time::Duration;

use tokio::time::Instant;

use super::StageError;
use super::context::{APPLY_ROLE, BACK, Context, FORWARD, READ_ROLE};
use super::{carry, definitions, drift, settle, structure};
use crate::migrate::carried;
use crate::migrate::catalog::{self, TableKind};
use crate::migrate::drift::DriftError;
use crate::migrate::partitions::complete_indexes;
use crate::migrate::prose::FEW;
use crate::migrate::replicate::{Channel, ReplicateError, hold_writers};
use crate::migrate::saga::Mode;
use crate::migrate::schema::Schema;
use crate::migrate::since::{Same, Since};
use crate::migrate::verify::{End, ObjectKey, Options, Report, VerifyError, verify};
use crate::postgres::{Client, PostgresError};

const ATTEMPTS: u32 = 10;
const DRAIN: Duration = Duration::from_secs(5);

/// In the migration's folder, for a person to read.
pub const REPORT: &str = "verification.md";
/// The same as data.
pub const VERIFICATION: &str = "verification.json";

/// Two sessions that keep what they saw.
struct Moment {
    old: Client,
    old_snapshot: String,
    new: Client,
    new_snapshot: String,
    held_up: Duration,
    /// Online: from where on changes are recorded.
    same: Option<Same>,
}

/// Partitions may be dropped by a job while they are compared, and tables emptied: then it begins again.
pub async fn perform(context: &Context) -> Result<String, StageError> {
    let mut attempt = 0;
    loop {
        match once(context).await {
            Err(StageError::Verify(VerifyError::Postgres(error))) if is_gone(&error) && attempt < ATTEMPTS => {
                attempt += 1
            }
            Err(StageError::Verify(VerifyError::Rewritten { .. })) if attempt < ATTEMPTS => attempt += 1,
            other => return other,
        }
    }
}

/// undefined_table
fn is_gone(error: &PostgresError) -> bool {
    error.sqlstate() == Some("42P01")
}

async fn once(context: &Context) -> Result<String, StageError> {
    if context.job.mode == Mode::Online {
        drift::same_schema(context, &context.old().await?, &context.new_database().await?).await?;
        record(context).await?;
    } else {
        // Made after the schema was read, and before the clients were paused.
        complete_indexes(&context.old().await?, &context.new_database().await?).await.map_err(DriftError::from)?;
    }
    let moment = moment(context).await?;
    let Schema { losses, conversion, .. } = structure::read(context).await?;
    let end =
        |endpoint, snapshot| End { endpoint, snapshot: Some(snapshot), restore_mode: conversion.restore.is_some() };
    let source = end(context.source().await?, moment.old_snapshot.clone());
    let target = end(context.target().await?, moment.new_snapshot.clone());
    let (workers, sequence_values, before_last) = (context.jobs(), false, true);
    // Online they are carried and compared in the pause.
    let later = match context.job.mode {
        Mode::Online => Some(carried::names(&catalog::read(&*context.old().await?).await?)),
        Mode::Offline => None,
    };
    let options = Options {
        workers,
        sequence_values,
        before_last,
        losses,
        conversion,
        later,
        prints: definitions::prints(context)?,
        ..Options::default()
    };
    let folder = context.folder.clone();
    let told = move |event| drop(folder.write("progress.json", &event));
    let mut report = verify(&source, &target, &options, told).await?;
    let user = target.endpoint.user.clone();
    report.objects.retain(|difference| !is_ours(&difference.object, &user));
    let held_up = moment.held_up;
    drop((moment.old, moment.new));
    file(context, &report)?;
    if !report.matches() {
        return Err(StageError::Differs { what: report.summary(FEW), report: context.folder.file(REPORT) });
    }
    if let Some(same) = moment.same {
        let (source, target) = (context.old().await?, context.new_database().await?);
        Since { source: &source, target: &target, folder: &context.folder }.begin(same)?;
    }
    structure::last(context).await?;
    // Offline they have waited since `prepare`, and wait on.
    let held_up = match context.job.mode {
        Mode::Online => format!("; writers were held up {} ms", held_up.as_millis()),
        Mode::Offline => String::new(),
    };
    Ok(format!("{} rows of {} tables are the same{held_up}", report.rows(), report.tables.len()))
}

/// What the migration itself made at the old server, and the new one's own user, who was there before.
pub fn is_ours(object: &ObjectKey, user: &str) -> bool {
    let text = format!("{} {}", object.kind, object.name);
    // Offline the old database is read-only from the beginning.
    let read_only = text.starts_with("SETTING ") && text.ends_with(" default_transaction_read_only");
    // By which new tables are given an identity.
    let trigger = object.kind == "EVENT TRIGGER" && object.name.starts_with("infra_");
    read_only
        || trigger
        || text == format!("ROLE {user}")
        || [READ_ROLE, APPLY_ROLE].iter().any(|role| text.contains(role))
}

fn file(context: &Context, report: &Report) -> Result<(), StageError> {
    context.folder.write(VERIFICATION, report)?;
    Ok(context.folder.write_text(REPORT, &report.markdown())?)
}

/// Begins before the moment: making a slot waits for every transaction that writes.
async fn record(context: &Context) -> Result<(), StageError> {
    let (source, target) = (context.old().await?, context.new_database().await?);
    let since = Since { source: &source, target: &target, folder: &context.folder };
    let here = carry::published(&source, FORWARD, &catalog::read(&source).await?).await?;
    let there = carry::published(&target, BACK, &catalog::read(&target).await?).await?;
    Ok(since.record(here.as_deref(), there.as_deref()).await?)
}

async fn moment(context: &Context) -> Result<Moment, StageError> {
    let mut attempt = 0;
    loop {
        match same_moment(context).await {
            Err(StageError::Postgres(error)) if is_gone(&error) && attempt < ATTEMPTS => attempt += 1,
            // Rows of a partition that was made a moment ago.
            Err(StageError::Replicate(ReplicateError::ApplyFailed { .. })) if attempt < ATTEMPTS => {
                attempt += 1;
                drift::same_schema(context, &context.old().await?, &context.new_database().await?).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(StageError::Replicate(error)) => {
                let (old, new) = (context.old().await?, context.new_database().await?);
                let forward = Channel { name: FORWARD, publisher: &old, subscriber: &new };
                return Err(forward.said(error).await.into());
            }
            other => return other,
        }
    }
}

async fn same_moment(context: &Context) -> Result<Moment, StageError> {
    let (locks, control) = (context.old().await?, context.old().await?);
    let (old, new, arrives) = (context.old().await?, context.new_database().await?, context.new_database().await?);
    let tables: Vec<String> = catalog::read(&control)
        .await?
        .tables
        .iter()
        // A partitioned table's lock is its partitions' too.
        .filter(|table| table.kind != TableKind::Foreign && !table.is_partition() && table.extension.is_none())
        .map(|table| table.name.to_string())
        .collect();
    let mut began = Instant::now();
    let mut same = None;
    if context.job.mode == Mode::Online {
        began = hold_writers(&locks, &tables).await?;
        Channel { name: FORWARD, publisher: &control, subscriber: &arrives }.drain(DRAIN).await?;
        same = Some(Since { source: &control, target: &arrives, folder: &context.folder }.same().await?);
    }
    // Before the snapshot: what comes in between is a false alarm, and not lost.
    if context.job.mode == Mode::Offline {
        settle::mark_written(context, &control).await?;
    }
    let (old_snapshot, new_snapshot) = (snapshot(&old).await?, snapshot(&new).await?);
    if context.job.mode == Mode::Online {
        locks.run("letting writers go on", "COMMIT").await?;
    }
    Ok(Moment { old, old_snapshot, new, new_snapshot, held_up: began.elapsed(), same })
}

async fn snapshot(client: &Client) -> Result<String, StageError> {
    client.run("taking a snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let row = client.row("exporting a snapshot", "SELECT pg_catalog.pg_export_snapshot()", &[]).await?;
    Ok(row.get(0))
}
