//! Other processes, by id: whether they run, and ending them.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Whether the process runs and has `word` in its command line: a process id may belong to another one by now.
pub fn is_running(pid: u32, word: &str) -> bool {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    command.split(|byte| *byte == 0).any(|argument| String::from_utf8_lossy(argument).contains(word))
}

/// Asks the process to end and waits until it has.
pub async fn terminate(pid: u32, limit: Duration) -> anyhow::Result<()> {
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw).context("this is no process id")?;
    if kill_process(process, Signal::TERM).is_err() {
        return Ok(());
    }
    let begun = Instant::now();
    while has_not_ended(pid) {
        if begun.elapsed() > limit {
            bail!("the process {pid} runs after {} s", limit.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// A process that has ended but that nobody has waited for is a zombie, with an empty command line.
fn has_not_ended(pid: u32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|command| !command.is_empty())
}
