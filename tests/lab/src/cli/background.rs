//! `lab up` and `lab down`: the lab in the background.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use lab::{host, process, rds};

use super::mark::Mark;
use super::{MachineKind, ServeArguments, serve};

/// The gateway answers after some milliseconds; a busy machine takes longer.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Shutting down waits for MiniStack and its containers.
const STOP_LIMIT: Duration = Duration::from_secs(60);

pub async fn up(state: &Path, arguments: &ServeArguments) -> anyhow::Result<()> {
    if let Some(mark) = Mark::running(state) {
        if mark.is_healthy().await {
            eprintln!("the lab runs already, on {}", mark.url);
            return Ok(());
        }
        bail!("a lab runs with the process id {} but does not answer on {}: try `lab down`", mark.pid, mark.url);
    }
    std::fs::create_dir_all(state).with_context(|| format!("cannot make {}", state.display()))?;
    let log = state.join("lab.log");
    let mut child = spawn(state, arguments, &log)?;
    let begun = Instant::now();
    while begun.elapsed() < START_LIMIT {
        if let Some(status) = child.try_wait()? {
            bail!("the lab ended at once ({status}); its log says:\n{}", tail(&log));
        }
        if let Some(mark) = Mark::running(state).filter(|mark| mark.pid == child.id())
            && mark.is_healthy().await
        {
            eprintln!("the lab listens on {} (log: {})", mark.url, log.display());
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("the lab did not answer within a minute; its log says:\n{}", tail(&log))
}

/// `lab serve` in a process group of its own, so that an interrupted caller does not take it along.
fn spawn(state: &Path, arguments: &ServeArguments, log: &Path) -> anyhow::Result<std::process::Child> {
    let output = File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
    command.arg("--state").arg(state).arg("serve");
    command.args(["--machines", if arguments.machines == MachineKind::None { "none" } else { "containers" }]);
    command.args(["--port", &arguments.port.to_string()]);
    command.args(["--latency", &format!("{}ms", arguments.latency.as_millis())]);
    command.args(["--operations", &format!("{}ms", arguments.operations.as_millis())]);
    if arguments.lightsail_only {
        command.arg("--lightsail-only");
    }
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
    command.spawn().context("cannot start the lab")
}

/// The end of the log, for an error message.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

pub async fn down(state: &Path, keep: bool) -> anyhow::Result<()> {
    if let Some(mark) = Mark::running(state) {
        process::terminate(mark.pid, STOP_LIMIT).await.context("the lab does not stop")?;
        eprintln!("the lab has stopped");
    }
    if keep {
        return Ok(());
    }
    rds::remove_all(&state.join("rds")).await?;
    // Without a mark there may still be machines: of a lab that was killed before it wrote one.
    let leftover = || state.join("machines").exists().then_some(MachineKind::Containers);
    if let Some(kind) = Mark::last(state).map(|mark| mark.machines).or_else(leftover) {
        serve::machines(kind, state).await?.remove_all().await?;
    }
    host::remove_all(state).await?;
    remove(state).context("the account stays")
}

/// The account and MiniStack's state. The mark goes last: while it is there, `down` can be said again.
fn remove(state: &Path) -> std::io::Result<()> {
    let files = ["account.json", "ec2.json"].map(|file| std::fs::remove_file(state.join(file)));
    for result in files.into_iter().chain([std::fs::remove_dir_all(state.join("ministack"))]) {
        match result {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Mark::remove(state)
}
