//! A test's own program as a process of its own, whose memory can be measured and which can be killed.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Runs the ignored test of this name; it finds `part` in the variable of that name.
pub fn child(test: &str, variable: &str, part: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env(variable, part);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for its end; the most memory that it had, in KiB.
pub async fn peak(mut child: Child) -> (ExitStatus, u64) {
    let mut peak = 0;
    loop {
        let text = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            return (status, peak);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
