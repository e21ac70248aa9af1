//! Keeps the verification true until the cutover, outside of the pause as far as possible: what changes at either end is
//! compared now and then while the user's moment is waited for, once more right before the pause, and what is left of it
//! within.

use std::time::Duration;

use jiff::Timestamp;

use super::context::Context;
use super::log_watch::check_log;
use super::{StageError, drift, verify};
use crate::migrate::catalog::{self, Catalog};
use crate::migrate::files;
use crate::migrate::prose::FEW;
use crate::migrate::replicate::{ChangeStream, ReplicateError, rows_written};
use crate::migrate::saga::Mode;
use crate::migrate::verify::incremental::{CHANGES, ChangeVerificationError, ChangeVerifier, RecheckRound};
use crate::migrate::verify::{Rechecked, markdown_of_changes, summary_of_changes};
use crate::postgres::Client;

/// While the cutover is waited for: often enough that neither log keeps much.
const EVERY: Duration = Duration::from_secs(30);
/// What the pause has time for: some tenths of a second.
const FEW_BYTES: u64 = 2 << 20;
const FEW_ROWS: usize = 20_000;
/// Each look compares what was written during the one before: they shorten quickly, or never. So many in a row in vain.
const MOST_LOOKS: usize = 10;

/// Before the pause: little is left to be compared in it.
pub async fn before_pause(context: &Context) -> Result<(), StageError> {
    if context.job.mode == Mode::Offline {
        // Somebody wrote all the same, or the server crashed and counts anew: all is compared once more.
        return match is_unwritten(context, &context.old().await?).await? {
            true => Ok(()),
            false => verify::perform(context).await.map(drop),
        };
    }
    match catch_up(context).await {
        Ok(round) if round.whole().is_none() => return Ok(()),
        Ok(_) => {}
        Err(StageError::ChangeVerification(error)) if is_stale(&error) => {}
        Err(error) => return Err(error),
    }
    verify::perform(context).await?;
    match catch_up(context).await?.whole() {
        None => Ok(()),
        // In the pause it would be found as well, and the clients would have waited in vain.
        Some(why) => Err(StageError::AgainToVerify { why }),
    }
}

/// Looks until little is left, as long as it becomes less.
async fn catch_up(context: &Context) -> Result<RecheckRound, StageError> {
    let (source, target) = (context.old().await?, context.new_database().await?);
    drift::same_schema(context, &source, &target).await?;
    let catalog = catalog::read(&source).await?;
    let verifier = ChangeVerifier { source: &source, target: &target, folder: &context.folder };
    let (mut best, mut in_vain) = (u64::MAX, 0);
    loop {
        let round = verifier.recheck(&catalog).await?;
        if round.left <= FEW_BYTES && round.rows() <= FEW_ROWS {
            return Ok(round);
        }
        in_vain = if round.left < best { 0 } else { in_vain + 1 };
        best = best.min(round.left);
        if in_vain > MOST_LOOKS {
            return Err(StageError::TooBusy { looks: MOST_LOOKS });
        }
    }
}

/// The verification says nothing any more: the record of what came after it is gone.
fn is_stale(error: &ChangeVerificationError) -> bool {
    matches!(
        error,
        ChangeVerificationError::NotVerified
            | ChangeVerificationError::Replicate(ReplicateError::SlotGone { .. } | ReplicateError::SlotLost { .. })
    )
}

async fn is_unwritten(context: &Context, source: &Client) -> Result<bool, StageError> {
    Ok(context.folder.read::<i64>(files::ROWS_WRITTEN)? == Some(rows_written(source).await?))
}

/// Offline, in the last moment: nobody has written to the old database since it was verified.
pub async fn assert_no_writes(context: &Context, source: &Client) -> Result<(), StageError> {
    if is_unwritten(context, source).await? { Ok(()) } else { Err(StageError::Written) }
}

/// In the pause, when everything has arrived: all of it is the same, or the cutover is refused. `source` is the one
/// session that the old database still lets work.
pub async fn within_pause(
    context: &Context,
    source: &Client,
    target: &Client,
    catalog: &Catalog,
) -> Result<usize, StageError> {
    let verifier = ChangeVerifier { source, target, folder: &context.folder };
    let mut rows = 0;
    loop {
        let round = verifier.recheck(catalog).await?;
        rows += round.rows();
        if round.left > 0 {
            continue;
        }
        let differing: Vec<&Rechecked> = round.differing().collect();
        if differing.is_empty() {
            return Ok(rows);
        }
        file(context, &round)?;
        let (what, report) = (summary_of_changes(&differing, FEW), context.folder.file(files::VERIFICATION_REPORT));
        return Err(StageError::Changed { what, report });
    }
}

/// While the cutover is waited for. What differs may be on its way: only the cutover decides.
pub async fn while_waiting(context: &Context) -> Result<(), StageError> {
    if context.job.mode == Mode::Offline || !is_time(context)? {
        return Ok(());
    }
    match check_and_catch_up(context).await {
        // A server that restarts comes back; its log waits.
        Err(StageError::Postgres(error)) if error.is_transient() => Ok(()),
        Err(StageError::ChangeVerification(ChangeVerificationError::Replicate(ReplicateError::Postgres(error))))
            if error.is_transient() =>
        {
            Ok(())
        }
        Err(error) => Err(error),
        Ok(()) => Ok(()),
    }
}

async fn check_and_catch_up(context: &Context) -> Result<(), StageError> {
    check_log(context).await?;
    match catch_up(context).await {
        // The next look goes on.
        Err(StageError::TooBusy { .. }) => Ok(()),
        other => other.map(drop),
    }
}

/// Nothing is recorded any more, when the migration stands still. A log that nobody reads would fill its disk; the next run
/// verifies anew.
pub async fn stop_recording(context: &Context) -> Result<(), StageError> {
    if context.job.mode == Mode::Offline { Ok(()) } else { end_records(context).await }
}

/// Each end by itself: one of them may be gone.
pub async fn end_records(context: &Context) -> Result<(), StageError> {
    let here = async { end_record(&context.old().await?).await }.await;
    let there = async { end_record(&context.new_database().await?).await }.await;
    here.and(there)?;
    Ok(context.folder.remove(files::CHANGED)?)
}

async fn end_record(client: &Client) -> Result<(), StageError> {
    Ok(ChangeStream { name: CHANGES, client }.end().await?)
}

/// Where something else matters more: a server that cannot be reached now is asked again by `resume` or `finish`.
pub async fn try_stop_recording(context: &Context) {
    if let Err(error) = stop_recording(context).await {
        tracing::warn!("the record of changes could not be ended: {}", crate::error::chain(&error));
    }
}

fn is_time(context: &Context) -> Result<bool, StageError> {
    let path = context.folder.file(files::CHANGED);
    let written = std::fs::metadata(&path).and_then(|file| file.modified());
    Ok(written.map_or(true, |at| at.elapsed().is_ok_and(|age| age >= EVERY)))
}

/// Into the verification's report: what a person looks at is one file.
pub fn file(context: &Context, round: &RecheckRound) -> Result<(), StageError> {
    let report: Option<crate::migrate::verify::Report> = context.folder.read(files::VERIFICATION)?;
    let mut page = report.map(|report| report.markdown()).unwrap_or_default();
    page.push_str(&markdown_of_changes(Timestamp::now(), &round.tables));
    Ok(context.folder.write_text(files::VERIFICATION_REPORT, &page)?)
}
