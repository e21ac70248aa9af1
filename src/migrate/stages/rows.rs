//! The copy of the rows: a holder for the snapshot, then the copier. The holder is a unit of its own under systemd, so
//! that this process may die and come back to the same snapshot.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::StageError;
use super::context::{Context, FORWARD};
use crate::migrate::catalog;
use crate::migrate::copy::{self, CopyError, CopyEvent, Held, Hold, Setup, Sizing, disk_of};
use crate::migrate::saga::Mode;

const HOLDER_UNIT: &str = "infra-migrate-snapshot";
/// A slot waits for the transactions that run when it is made.
const HOLDER_PATIENCE: Duration = Duration::from_secs(120);
/// From this queue depth on the copy gives way: the warning zone of the systems that infra serves.
const QUEUE_DEPTH_WARN: f64 = 10.0;

pub async fn perform(context: &Context) -> Result<String, StageError> {
    let tell = tell(context);
    loop {
        ensure_holder(context).await?;
        let setup = Setup {
            source: context.source().await?,
            target: context.target().await?,
            folder: context.folder.clone(),
            jobs: context.job.jobs,
            sizing: Sizing::default(),
            pressure: disk_of(Path::new(&context.site().state_dir()))
                .map(|disk| (Box::new(disk) as Box<dyn copy::Pressure>, QUEUE_DEPTH_WARN)),
        };
        let catalog = catalog::read(&*context.old().await?).await?;
        match copy::copy(setup, &catalog, Arc::clone(&tell), Arc::new(|_| {})).await {
            Ok(copied) => {
                stop_holder().await?;
                return Ok(format!("{} rows, {} bytes", copied.rows, copied.bytes));
            }
            // With a new snapshot it starts over, and says so.
            Err(CopyError::SnapshotGone { .. }) => stop_holder().await?,
            Err(error) => return Err(error.into()),
        }
    }
}

fn tell(context: &Context) -> Arc<copy::Tell> {
    let folder = context.folder.clone();
    Arc::new(move |event| {
        if matches!(event, CopyEvent::Progress { .. } | CopyEvent::BackedOff { .. } | CopyEvent::Started { .. }) {
            // Only shown: what cannot be written now is written in a second.
            drop(folder.write("progress.json", &event));
        }
    })
}

async fn ensure_holder(context: &Context) -> Result<(), StageError> {
    if Held::read(&context.folder)?.is_some_and(|held| held.is_alive()) {
        return Ok(());
    }
    stop_holder().await?;
    context.folder.remove("snapshot.json")?;
    let program = std::env::current_exe().map_err(|source| StageError::Io { path: "/proc/self/exe".into(), source })?;
    let mut run = Command::new("systemd-run");
    run.args(["--collect", "--unit", HOLDER_UNIT, "--property=Type=exec"]).arg(program);
    run.args(["agent", "hold"]).arg(context.folder.path());
    systemd(run).await?;
    let began = Instant::now();
    while Held::read(&context.folder)?.is_none() {
        if began.elapsed() > HOLDER_PATIENCE {
            return Err(StageError::NoSnapshot { waited: HOLDER_PATIENCE });
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// What `infra agent hold` does.
pub async fn hold(context: &Context) -> Result<(), StageError> {
    let hold = match context.job.mode {
        Mode::Online => Hold::Slot(FORWARD.to_owned()),
        Mode::Offline => Hold::Transaction,
    };
    match copy::hold(&context.source().await?, &context.folder, hold).await {
        Ok(never) => match never {},
        Err(error) => Err(error.into()),
    }
}

async fn stop_holder() -> Result<(), StageError> {
    let mut stop = Command::new("systemctl");
    stop.args(["stop", HOLDER_UNIT]);
    // There may be none.
    drop(stop.output().await);
    Ok(())
}

async fn systemd(mut command: Command) -> Result<(), StageError> {
    let output = command.output().await.map_err(|source| StageError::Io { path: "systemd-run".into(), source })?;
    if output.status.success() {
        return Ok(());
    }
    Err(StageError::Systemd { message: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}

/// The rows at the target go with its tables.
pub async fn undo(context: &Context) -> Result<(), StageError> {
    stop_holder().await?;
    Ok(context.folder.remove("snapshot.json")?)
}
