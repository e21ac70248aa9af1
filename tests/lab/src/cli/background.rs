//! The lab in the background: started, found again, stopped.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use lab::{host, process};
use serde::{Deserialize, Serialize};

use super::serve;
use super::{MachineKind, ServeArguments};

/// The gateway answers after some milliseconds; a busy machine takes longer.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Shutting down waits for MiniStack and its containers.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// The file by which a running lab is found.
#[derive(Debug, Serialize, Deserialize)]
pub struct Mark {
    #[serde(skip)]
    path: PathBuf,
    pid: u32,
    url: String,
}

impl Mark {
    pub fn write(state: &Path, url: &str) -> anyhow::Result<Self> {
        let mark = Self { path: state.join("lab.json"), pid: std::process::id(), url: url.to_owned() };
        std::fs::write(&mark.path, serde_json::to_vec(&mark)?)
            .with_context(|| format!("cannot write {}", mark.path.display()))?;
        Ok(mark)
    }

    /// The lab that runs on this state, if one does.
    fn find(state: &Path) -> Option<Self> {
        let text = std::fs::read(state.join("lab.json")).ok()?;
        let mark: Self = serde_json::from_slice(&text).ok()?;
        process::is_running(mark.pid, "serve").then_some(mark)
    }

    pub fn remove(self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!("{} could not be removed: {error}", self.path.display());
        }
    }

    async fn is_healthy(&self) -> bool {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build();
        let Ok(client) = client else { return false };
        let answer = client.get(format!("{}/_lab/health", self.url)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }
}

pub async fn up(state: &Path, arguments: &ServeArguments) -> anyhow::Result<()> {
    if let Some(mark) = Mark::find(state) {
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
        if let Some(mark) = Mark::find(state).filter(|mark| mark.pid == child.id())
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

pub async fn down(state: &Path, keep: bool, machines: MachineKind) -> anyhow::Result<()> {
    if let Some(mark) = Mark::find(state) {
        process::terminate(mark.pid, STOP_LIMIT).await.context("the lab does not stop")?;
        eprintln!("the lab has stopped");
    }
    if keep {
        return Ok(());
    }
    if state.join("account.json").exists() || machines == MachineKind::Containers {
        serve::machines(machines, state).await?.remove_all().await?;
        host::remove_all(state).await?;
    }
    for file in ["account.json", "lab.json"] {
        match std::fs::remove_file(state.join(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("the account stays");
            }
            _ => {}
        }
    }
    match std::fs::remove_dir_all(state.join("ministack")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).context("MiniStack's state stays"),
        _ => Ok(()),
    }
}

/// Shell assignments. The dockerfile is the bundle's for machines whose image builds reach no registry.
pub fn env(state: &Path) -> anyhow::Result<()> {
    let mark = Mark::find(state).context("the lab does not run: start it with `lab up`")?;
    println!("export AWS_ENDPOINT_URL={}", mark.url);
    println!("export AWS_ACCESS_KEY_ID=lab");
    println!("export AWS_SECRET_ACCESS_KEY=lab");
    println!("export AWS_REGION=us-east-1");
    println!("export AWS_DEFAULT_REGION=us-east-1");
    println!("export AWS_EC2_METADATA_DISABLED=true");
    println!("export DOCKER_BUILDKIT=0");
    println!("export PHOENIX_DOCKERFILE=Dockerfile.prebuilt");
    Ok(())
}

pub async fn status(state: &Path) -> anyhow::Result<()> {
    let Some(mark) = Mark::find(state) else {
        println!("the lab does not run");
        return Ok(());
    };
    println!("the lab runs on {} with the process id {}", mark.url, mark.pid);
    for page in ["calls", "inventory", "violations"] {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        let answer: serde_json::Value = client.get(format!("{}/_lab/{page}", mark.url)).send().await?.json().await?;
        println!("{page}: {answer:#}");
    }
    Ok(())
}
