//! The copy of the rows: a holder for the snapshot, then the copier, and beside it the indexes of the tables that it
//! completes. The holder is a unit of its own under systemd, so that this process may die and come back to the same
//! snapshot; it ends with the last row.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{Instant, sleep};

use super::context::{Context, FORWARD};
use super::index::builds;
use super::log_watch::begin_anew;
use super::{StageError, source_schema};
use crate::host::unit;
use crate::migrate::catalog::{Catalog, QualifiedName};
use crate::migrate::copy::{self, Copied, CopyError, CopyEvent, HeldSnapshot, Setup, Sizing, SnapshotSource, disk_of};
use crate::migrate::drift::DriftError;
use crate::migrate::files;
use crate::migrate::index::{self, Builds};
use crate::migrate::partitions::make_partitions;
use crate::migrate::replicate::{Channel, open_writers, told_of_writers};
use crate::migrate::saga::Mode;

const HOLDER_UNIT: &str = "infra-migrate-snapshot";
/// A slot waits for the transactions that run when it is made.
const HOLDER_PATIENCE: Duration = Duration::from_secs(120);
/// From this queue depth on the copy gives way: the warning zone of the systems that infra serves.
const QUEUE_DEPTH_WARN: f64 = 10.0;

pub async fn perform(context: &Context) -> Result<String, StageError> {
    // Killed after the last row: the snapshot is not needed any more, and may be gone.
    if let Some(copied) = context.folder.read::<Copied>(files::COPIED)? {
        return ended(&copied).await;
    }
    let schema = source_schema::read(context).await?;
    let restore_mode = schema.conversion.restore.is_some();
    loop {
        // The schema was read before the safety copy and before the new database was made: that may be hours ago.
        make_partitions(&context.old().await?, &context.new_database().await?).await.map_err(DriftError::from)?;
        let catalog = source_schema::source(context, &schema).await?;
        let builds = builds(context, &schema, &catalog).await?;
        if ensure_holder(context).await? == Snapshot::New {
            index::start_over(&context.new_database().await?, &builds).await?;
        }
        match copy_and_build(context, &catalog, builds, restore_mode).await {
            Ok(copied) => return ended(&copied).await,
            // With a new snapshot it starts over, and says so.
            Err(StageError::Copy(error @ (CopyError::SnapshotGone { .. } | CopyError::Altered { .. }))) => {
                tracing::warn!("the copy starts over: {}", crate::error::chain(&error));
                unit::stop(HOLDER_UNIT).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// All of them are at the new database.
pub fn is_complete(context: &Context) -> Result<bool, StageError> {
    Ok(context.folder.read::<Copied>(files::COPIED)?.is_some())
}

async fn ended(copied: &Copied) -> Result<String, StageError> {
    unit::stop(HOLDER_UNIT).await;
    Ok(format!("{} rows, {} bytes", copied.rows, copied.bytes))
}

/// Returns with the last row; builds that it began go on.
async fn copy_and_build(
    context: &Context,
    catalog: &Catalog,
    builds: Builds,
    restore_mode: bool,
) -> Result<Copied, StageError> {
    let setup = Setup {
        source: context.source().await?,
        target: context.target().await?,
        folder: context.folder.clone(),
        jobs: context.job.jobs,
        sizing: Sizing::default(),
        pressure: pressure(context).await?,
        restore_mode,
    };
    let (announce, complete) = unbounded_channel();
    context.overlap.start(builds, complete).await;
    let announced = announce.clone();
    // Builds that failed hear nothing; the next stage tries them again.
    let told = Arc::new(move |tables: &[QualifiedName]| drop(announced.send(tables.to_vec())));
    let copied = copy_all(context, setup, catalog, told).await;
    if copied.is_err() {
        // Before `announce` goes: its end means that all rows are there, and foreign keys may follow.
        context.overlap.stop().await;
    }
    drop(announce);
    copied
}

async fn copy_all(
    context: &Context,
    setup: Setup,
    catalog: &Catalog,
    complete: Arc<copy::Complete>,
) -> Result<Copied, StageError> {
    let copied = copy::copy(setup, catalog, tell(context), complete).await?;
    context.folder.write(files::COPIED, &copied)?;
    Ok(copied)
}

/// The disk under the old database's data, as its container sees them; under infra's own files, where it cannot be found.
async fn pressure(context: &Context) -> Result<Option<(Box<dyn copy::Pressure>, f64)>, StageError> {
    // On the way home nobody else is served from that disk.
    if context.source_elsewhere()?.is_some() {
        return Ok(None);
    }
    let old = context.old().await?;
    let directory: String =
        old.query_one("SHOW data_directory", &[]).await.map_or_else(|_| String::new(), |row| row.get(0));
    let data = context.container().await?.path_on_host(&directory).await;
    let disk = disk_of(Path::new(&data)).or_else(|| disk_of(Path::new(&context.site().state_dir())));
    Ok(disk.map(|disk| (Box::new(disk) as Box<dyn copy::Pressure>, QUEUE_DEPTH_WARN)))
}

fn tell(context: &Context) -> Arc<copy::Tell> {
    let folder = context.folder.clone();
    Arc::new(move |event| {
        if matches!(event, CopyEvent::Progress { .. } | CopyEvent::Started { .. }) {
            // Only shown: what cannot be written now is written in a second.
            drop(folder.write(files::PROGRESS, &event));
        }
        if let CopyEvent::TableAgain { table } = &event {
            tracing::warn!("{table} was rewritten while it was copied: it is copied again from its beginning");
        }
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Snapshot {
    Held,
    New,
}

async fn ensure_holder(context: &Context) -> Result<Snapshot, StageError> {
    if HeldSnapshot::read(&context.folder)?.is_some_and(|held| held.is_alive()) {
        return Ok(Snapshot::Held);
    }
    unit::stop(HOLDER_UNIT).await;
    context.folder.remove(files::SNAPSHOT)?;
    context.folder.remove(files::SNAPSHOT_ENDED)?;
    begin_anew(context)?;
    unit::start(HOLDER_UNIT, "hold", context.folder.path()).await?;
    let began = Instant::now();
    loop {
        // Looked at before the file: a holder that has ended writes no more.
        let runs = unit::is_active(HOLDER_UNIT).await;
        if HeldSnapshot::read(&context.folder)?.is_some() {
            return Ok(Snapshot::New);
        }
        if !runs {
            let why = context.folder.read(files::SNAPSHOT_ENDED)?.unwrap_or_else(|| "it was killed".to_owned());
            return Err(StageError::NoHolder { why });
        }
        if began.elapsed() > HOLDER_PATIENCE {
            return Err(no_snapshot(context).await?);
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// The holder goes, and its session, which would wait on for the same transaction.
async fn no_snapshot(context: &Context) -> Result<StageError, StageError> {
    let old = context.old().await?;
    let who = told_of_writers(&open_writers(&old).await?);
    unit::stop(HOLDER_UNIT).await;
    if context.job.mode == Mode::Online {
        Channel { name: FORWARD, publisher: &old, subscriber: &old }.drop_slot().await?;
    }
    Ok(StageError::NoSnapshot { waited: HOLDER_PATIENCE, who })
}

/// What `infra agent hold` does. Whoever waits for the snapshot is told by a file why there is none.
pub async fn hold(context: &Context) -> Result<(), StageError> {
    let Err(error) = hold_snapshot(context).await;
    context.folder.write(files::SNAPSHOT_ENDED, &crate::error::chain(&error))?;
    Err(error)
}

async fn hold_snapshot(context: &Context) -> Result<Infallible, StageError> {
    let hold = match context.job.mode {
        Mode::Online => SnapshotSource::Slot(FORWARD.to_owned()),
        Mode::Offline => SnapshotSource::Transaction,
    };
    Ok(copy::hold(&context.source().await?, &context.folder, hold).await?)
}

/// The rows at the target go with its tables.
pub async fn undo(context: &Context) -> Result<(), StageError> {
    context.overlap.stop().await;
    unit::stop(HOLDER_UNIT).await;
    context.folder.remove(files::COPIED)?;
    Ok(context.folder.remove(files::SNAPSHOT)?)
}
