//! The safety copy: a logical dump, on another disk than the database's, read back before it counts.

use std::path::PathBuf;
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::fs;
use tokio::process::Command;

use super::StageError;
use super::context::Context;
use super::structure::dump_command;
use crate::migrate::schema::reason;

/// The host's own disk: the database lives on an attached one.
const PLACE: &str = "/var/lib/infra/safety";

/// What the copy is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafetyCopy {
    pub path: PathBuf,
    pub bytes: u64,
    /// Entries that pg_restore lists in it.
    pub entries: usize,
}

pub async fn perform(context: &Context) -> Result<String, StageError> {
    let place = PathBuf::from(PLACE);
    let io = |path: &PathBuf| {
        let path = path.clone();
        move |source| StageError::Io { path, source }
    };
    fs::create_dir_all(&place).await.map_err(io(&place))?;
    let path = place.join(format!("{}-{}.dump", context.site().plan, context.job.id));
    let draft = path.with_extension("part");
    let file = fs::File::create(&draft).await.map_err(io(&draft))?;
    let mut command = dump_command(context).await?;
    command.extend(["--format=custom", "--compress=zstd:3", "--lock-wait-timeout=60s"].map(str::to_owned));
    let output = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(file.try_clone().await.map_err(io(&draft))?.into_std().await)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(io(&draft))?
        .wait_with_output()
        .await
        .map_err(io(&draft))?;
    if !output.status.success() {
        return Err(StageError::Dump { message: reason(&output) });
    }
    file.sync_all().await.map_err(io(&draft))?;
    let bytes = file.metadata().await.map_err(io(&draft))?.len();
    let entries = listed(context, &draft).await?;
    fs::rename(&draft, &path).await.map_err(io(&path))?;
    context.folder.write("safety.json", &SafetyCopy { path: path.clone(), bytes, entries })?;
    Ok(format!("{} ({bytes} bytes, {entries} entries)", path.display()))
}

/// Reads the whole dump back: pg_restore turns it into SQL, which goes nowhere, then lists it.
async fn listed(context: &Context, dump: &PathBuf) -> Result<usize, StageError> {
    restore(context, dump, "--file=/dev/null").await?;
    let list = restore(context, dump, "--list").await?;
    let entries = list.lines().filter(|line| !line.is_empty() && !line.starts_with(';')).count();
    if entries == 0 {
        return Err(StageError::Dump { message: "the safety copy is empty".into() });
    }
    Ok(entries)
}

async fn restore(context: &Context, dump: &PathBuf, what: &str) -> Result<String, StageError> {
    let io = |source| StageError::Io { path: dump.clone(), source };
    let container = context.container().await?;
    let input = fs::File::open(dump).await.map_err(io)?.into_std().await;
    let output = Command::new("docker")
        .args(["exec", "--interactive", &container.id, "pg_restore", what])
        .stdin(input)
        .output()
        .await
        .map_err(io)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(StageError::Dump { message: reason(&output) })
}
