//! Processes of their own beside this one, as transient units of systemd: they outlive it.

use std::path::{Path, PathBuf};

use tokio::process::Command;

#[derive(Debug, thiserror::Error)]
pub enum UnitError {
    #[error("cannot use {}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("systemd refused: {message}")]
    Refused { message: String },
}

/// `infra agent WORD FOLDER`. The unit is gone when its process has ended.
pub async fn start(unit: &str, word: &str, folder: &Path) -> Result<(), UnitError> {
    let program = std::env::current_exe().map_err(|source| UnitError::Io { path: "/proc/self/exe".into(), source })?;
    let mut run = Command::new("systemd-run");
    // What it warns of is read in its log, or nowhere.
    run.args(["--collect", "--unit", unit, "--property=Type=exec", "--setenv=INFRA_LOG=infra=warn"])
        .arg(program)
        .args(["agent", word])
        .arg(folder);
    let output = run.output().await.map_err(|source| UnitError::Io { path: "systemd-run".into(), source })?;
    if output.status.success() {
        return Ok(());
    }
    Err(UnitError::Refused { message: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}

/// Its process runs.
pub async fn is_active(unit: &str) -> bool {
    let state = Command::new("systemctl").args(["is-active", "--quiet", unit]).status().await;
    state.is_ok_and(|status| status.success())
}

/// There may be none.
pub async fn stop(unit: &str) {
    let mut stop = Command::new("systemctl");
    stop.args(["stop", unit]);
    if let Err(error) = stop.output().await {
        tracing::warn!("systemctl stop {unit}: {error}");
    }
}
