//! Verify: both databases at one point in time. Writers wait while the last changes arrive and two snapshots are taken,
//! some tenths of a second; the comparison itself goes on beside them.

use std::time::Duration;

use tokio::time::Instant;

use super::StageError;
use super::context::{BACK, Context, FORWARD};
use super::{carry, definitions, drift, own_objects, schema, source_schema};
use crate::migrate::carried;
use crate::migrate::catalog::{self, TableKind};
use crate::migrate::drift::DriftError;
use crate::migrate::files;
use crate::migrate::partitions::complete_indexes;
use crate::migrate::prose::FEW;
use crate::migrate::replicate::{Channel, ReplicateError, hold_writers, rows_written};
use crate::migrate::saga::Mode;
use crate::migrate::schema::Schema;
use crate::migrate::verify::incremental::{Baseline, ChangeVerifier};
use crate::migrate::verify::{End, Options, Report, VerifyError, verify};
use crate::postgres::{Client, PostgresError};

const ATTEMPTS: u32 = 10;
const DRAIN: Duration = Duration::from_secs(5);

/// Two sessions that keep what they saw.
struct Moment {
    old: Client,
    old_snapshot: String,
    new: Client,
    new_snapshot: String,
    held_up: Duration,
    /// Online: from where on changes are recorded.
    baseline: Option<Baseline>,
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
    let Schema { losses, conversion, .. } = source_schema::read(context).await?;
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
    let told = move |event| drop(folder.write(files::PROGRESS, &event));
    let mut report = verify(&source, &target, &options, told).await?;
    let user = target.endpoint.user.clone();
    report.objects.retain(|difference| !own_objects::is_ours(&difference.object, &user));
    let held_up = moment.held_up;
    drop((moment.old, moment.new));
    file(context, &report)?;
    if !report.matches() {
        return Err(StageError::Differs {
            what: report.summary(FEW),
            report: context.folder.file(files::VERIFICATION_REPORT),
        });
    }
    if let Some(baseline) = moment.baseline {
        let (source, target) = (context.old().await?, context.new_database().await?);
        ChangeVerifier { source: &source, target: &target, folder: &context.folder }.begin(baseline)?;
    }
    schema::last(context).await?;
    // Offline they have waited since `prepare`, and wait on.
    let held_up = match context.job.mode {
        Mode::Online => format!("; writers were held up {} ms", held_up.as_millis()),
        Mode::Offline => String::new(),
    };
    Ok(format!("{} rows of {} tables are the same{held_up}", report.rows(), report.tables.len()))
}

fn file(context: &Context, report: &Report) -> Result<(), StageError> {
    context.folder.write(files::VERIFICATION, report)?;
    Ok(context.folder.write_text(files::VERIFICATION_REPORT, &report.markdown())?)
}

/// Begins before the moment: making a slot waits for every transaction that writes.
async fn record(context: &Context) -> Result<(), StageError> {
    let (source, target) = (context.old().await?, context.new_database().await?);
    let verifier = ChangeVerifier { source: &source, target: &target, folder: &context.folder };
    let here = carry::published(&source, FORWARD, &catalog::read(&source).await?).await?;
    let there = carry::published(&target, BACK, &catalog::read(&target).await?).await?;
    Ok(verifier.record(here.as_deref(), there.as_deref()).await?)
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
    let mut baseline = None;
    if context.job.mode == Mode::Online {
        began = hold_writers(&locks, &tables).await?;
        Channel { name: FORWARD, publisher: &control, subscriber: &arrives }.drain(DRAIN).await?;
        baseline =
            Some(ChangeVerifier { source: &control, target: &arrives, folder: &context.folder }.baseline().await?);
    }
    // Before the snapshot: what comes in between is a false alarm, and not lost.
    if context.job.mode == Mode::Offline {
        context.folder.write(files::ROWS_WRITTEN, &rows_written(&control).await?)?;
    }
    let (old_snapshot, new_snapshot) = (snapshot(&old).await?, snapshot(&new).await?);
    if context.job.mode == Mode::Online {
        locks.run("letting writers go on", "COMMIT").await?;
    }
    Ok(Moment { old, old_snapshot, new, new_snapshot, held_up: began.elapsed(), baseline })
}

async fn snapshot(client: &Client) -> Result<String, StageError> {
    client.run("taking a snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let row = client.row("exporting a snapshot", "SELECT pg_catalog.pg_export_snapshot()", &[]).await?;
    Ok(row.get(0))
}
