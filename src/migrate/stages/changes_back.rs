//! What changed at either end since the clients use the new database, compared as it was before they did: the record of both goes on
//! through the guard, is read now and then, and what is left of it in the pause of a rollback. Where that is not possible a
//! rollback goes on without it, and says so: replication has brought every change, and this only proves it.

use std::time::Duration;

use tokio::time::Instant;

use super::context::{BACK, Context, FORWARD};
use super::incremental_verify::{end_records, file};
use super::log_watch::check_log;
use super::{StageError, carry};
use crate::migrate::carried::{MOST_IN_PAUSE, hidden, seeing_all};
use crate::migrate::catalog::{self, Catalog};
use crate::migrate::files;
use crate::migrate::prose::FEW;
use crate::migrate::rows_path::RowsPath;
use crate::migrate::saga::Mode;
use crate::migrate::verify::incremental::{ChangeVerifier, RecheckRound, to_be_verified};
use crate::migrate::verify::{Rechecked, same_rows, summary_of_changes};
use crate::postgres::Client;

/// As while a cutover is waited for.
const EVERY: Duration = Duration::from_secs(30);
/// What the pause has time for.
const FEW_BYTES: u64 = 2 << 20;
/// Before the pause it is caught up with for so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// While nobody writes, and both hold the same. Online the record of the cutover goes on.
pub async fn begin(context: &Context, old: &Client, new: &Client) -> Result<(), StageError> {
    if context.job.mode == Mode::Offline {
        let verifier = ChangeVerifier { source: old, target: new, folder: &context.folder };
        let here = carry::published(old, FORWARD, &catalog::read(old).await?).await?;
        let there = carry::published(new, BACK, &catalog::read(new).await?).await?;
        verifier.record(here.as_deref(), there.as_deref()).await?;
        verifier.begin(verifier.baseline().await?)?;
    }
    Ok(())
}

/// In guard: neither log may keep much.
pub async fn look(context: &Context) -> Result<(), StageError> {
    if !is_recorded(context) || !context.is_time("changes since the cutover", EVERY) {
        return Ok(());
    }
    let looked = async {
        check_log(context).await?;
        recheck_once(context).await
    };
    match looked.await {
        Err(StageError::Postgres(error)) if error.is_transient() => Ok(()),
        Err(error) => {
            end_records(context).await?;
            Err(error)
        }
        Ok(_) => Ok(()),
    }
}

/// With the clients running, so that little is left for the pause.
pub async fn catch_up(context: &Context) {
    let began = Instant::now();
    while is_recorded(context) && began.elapsed() < PATIENCE {
        match recheck_once(context).await {
            Ok(round) if round.left > FEW_BYTES => {}
            Ok(_) => return,
            Err(error) => return not_compared(context, &error).await,
        }
    }
}

/// In the pause, when everything has arrived: what is not the same refuses the rollback.
pub async fn within_pause(context: &Context, old: &Client, new: &Client) -> Result<(), StageError> {
    if !is_recorded(context) {
        tracing::warn!("what changed since the cutover is not compared: there is no record of it");
        return Ok(());
    }
    let catalog = catalog::read(old).await?;
    let round = match seeing_all(new, to_the_end(context, old, new, &catalog)).await {
        Ok(round) => round,
        Err(error) => {
            not_compared(context, &error).await;
            return Ok(());
        }
    };
    let differing: Vec<&Rechecked> = round.differing().collect();
    if !differing.is_empty() {
        file(context, &round)?;
        let (what, report) = (summary_of_changes(&differing, FEW), context.folder.file(files::VERIFICATION_REPORT));
        return Err(StageError::Changed { what, report });
    }
    seeing_all(new, whole_tables(context, old, new, &catalog)).await
}

async fn to_the_end(
    context: &Context,
    old: &Client,
    new: &Client,
    catalog: &Catalog,
) -> Result<RecheckRound, StageError> {
    let verifier = ChangeVerifier { source: old, target: new, folder: &context.folder };
    loop {
        let round = verifier.recheck(catalog).await?;
        if round.left == 0 {
            return Ok(round);
        }
    }
}

/// Tables of which more changed than is noted row by row, and those that were emptied: all rows, if the pause has time for it.
async fn whole_tables(context: &Context, old: &Client, new: &Client, catalog: &Catalog) -> Result<(), StageError> {
    let (path, types) = (RowsPath::of(catalog), catalog.types_by_oid());
    for name in to_be_verified(&context.folder)? {
        let Some(table) = catalog.tables.iter().find(|table| table.name == name) else { continue };
        if table.bytes() > MOST_IN_PAUSE {
            tracing::warn!("{} is not compared: too much of it changed since the cutover", name.plain());
        } else if !path.within((old, new), same_rows(old, new, table, &types)).await? {
            let what = format!("  {}: the rows of the two databases are not the same", name.plain());
            return Err(StageError::Changed { what, report: context.folder.file(files::VERIFICATION_REPORT) });
        }
    }
    Ok(())
}

async fn recheck_once(context: &Context) -> Result<RecheckRound, StageError> {
    let (old, new) = (context.old().await?, context.new_database().await?);
    let catalog = catalog::read(&old).await?;
    let hidden = hidden(&new).await?;
    Ok(ChangeVerifier { source: &old, target: &new, folder: &context.folder }.recheck_except(&catalog, &hidden).await?)
}

fn is_recorded(context: &Context) -> bool {
    context.folder.file(files::CHANGED).exists()
}

async fn not_compared(context: &Context, error: &StageError) {
    tracing::warn!("what changed since the cutover is not compared: {}", crate::error::chain(error));
    if let Err(error) = end_records(context).await {
        tracing::warn!("{}", crate::error::chain(&error));
    }
}
