//! One multiplexed OpenSSH connection to a host. The system's ssh makes it, the `openssh` crate watches over it and
//! ends it; each command is a channel of it. On the host itself, as the agent, the same commands run without it.

use std::time::{Duration, Instant};

use tokio::process::Command;

use super::command::Running;
use super::error::HostError;
use super::script::Script;
use super::target::Target;
use crate::plan::names::NodeName;

/// How long a refused login is tried again: cloud-init makes the user some seconds after sshd answers.
const LOGIN_GRACE: Duration = Duration::from_secs(45);
const RETRY_PAUSE: Duration = Duration::from_millis(700);

/// A live connection. Dropping it ends the connection and removes its control socket.
#[derive(Debug)]
pub struct Session {
    way: Way,
    pub(super) target: Target,
}

#[derive(Debug)]
enum Way {
    Ssh(openssh::Session),
    /// This machine is the host, and this process is root.
    Here,
}

/// Why ssh did not connect, told from its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// Nothing answers yet, or sshd is still starting.
    Unreachable,
    /// sshd answered and did not let us in.
    Login,
    HostKey,
    /// Trying again changes nothing.
    Final,
}

fn refusal(log: &str) -> Refusal {
    let has = |text: &str| log.contains(text);
    if has("Host key verification failed")
        || has("REMOTE HOST IDENTIFICATION HAS CHANGED")
        || has("No matching host key")
    {
        Refusal::HostKey
    } else if has("Permission denied (") || has("Too many authentication failures") {
        Refusal::Login
    } else if has("Bad configuration option") || has("Could not resolve hostname") || has("Bad owner or permissions") {
        Refusal::Final
    } else {
        Refusal::Unreachable
    }
}

impl Session {
    /// Connects. A host that does not answer yet is tried until `timeout`; a refused login for a short grace; another
    /// host key than the pinned one never.
    pub async fn connect(target: &Target, timeout: Duration) -> Result<Self, HostError> {
        let begun = Instant::now();
        let mut refused_since = None;
        loop {
            let (kind, detail) = match attempt(target).await? {
                Ok(session) => return Ok(session),
                Err(log) => (refusal(&log), last_words(&log)),
            };
            let patience = match kind {
                Refusal::Unreachable => begun.elapsed() < timeout,
                Refusal::Login => refused_since.get_or_insert_with(Instant::now).elapsed() < LOGIN_GRACE.min(timeout),
                Refusal::HostKey | Refusal::Final => false,
            };
            if !patience {
                return Err(give_up(target, kind, begun.elapsed(), detail));
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// The host that this process runs on.
    pub fn here(host: &NodeName) -> Self {
        let target = Target {
            host: host.clone(),
            address: "localhost".to_owned(),
            port: 22,
            user: "root".to_owned(),
            identity: None,
            certificate: None,
            known_hosts: None,
        };
        Self { way: Way::Here, target }
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    /// True while the connection stands.
    pub async fn is_alive(&self) -> bool {
        match &self.way {
            Way::Ssh(mux) => mux.check().await.is_ok(),
            Way::Here => true,
        }
    }

    /// Ends the connection; dropping does the same without waiting.
    pub async fn close(self) -> Result<(), HostError> {
        let host = self.host();
        let Way::Ssh(mux) = self.way else { return Ok(()) };
        mux.close().await.map_err(|error| HostError::ConnectionLost {
            host,
            operation: "closing".to_owned(),
            detail: error.to_string(),
        })
    }

    pub(super) fn host(&self) -> String {
        self.target.host.to_string()
    }

    /// Runs a script as root and returns what it printed.
    pub(super) async fn run(&self, script: &Script) -> Result<String, HostError> {
        let running = self.start(script).await?;
        running.output().await
    }

    /// Starts a script as root; the caller feeds and reads it.
    pub(super) async fn start(&self, script: &Script) -> Result<Running, HostError> {
        let mut running = self.spawn(script.name(), &script.command(&self.target.user))?;
        running.send(script.text().as_bytes()).await?;
        Ok(running)
    }

    /// A channel of the connection that runs `command` in the login shell.
    pub(super) fn spawn(&self, operation: &str, command: &str) -> Result<Running, HostError> {
        let Way::Ssh(mux) = &self.way else {
            let mut sh = Command::new("sh");
            sh.args(["-c", command]);
            return Running::spawn_local(sh, "sh", operation);
        };
        let mut ssh = Command::new("ssh");
        // A ProxyCommand that fails keeps ssh from making a connection of its own when the multiplexed one is gone.
        ssh.arg("-S").arg(mux.control_socket()).args(["-o", "BatchMode=yes", "-o", "ProxyCommand=false", "-T"]);
        ssh.args(["none", "--", command]);
        Running::spawn(ssh, &self.host(), operation)
    }
}

/// One try: the connection, or ssh's own log.
async fn attempt(target: &Target) -> Result<Result<Session, String>, HostError> {
    // The socket's path must stay under 108 bytes: the system's temporary directory, not the user's deep state one.
    let directory = tempfile::Builder::new().prefix("infra-ssh-").tempdir().map_err(|source| HostError::Io {
        operation: "make a directory in",
        path: std::env::temp_dir(),
        source,
    })?;
    let log = directory.path().join("log");
    let mut ssh = Command::new("ssh");
    ssh.arg("-E").arg(&log).arg("-S").arg(directory.path().join("master"));
    // Should this process be killed, its connection ends by itself after half an hour without use.
    ssh.args(["-M", "-f", "-N", "-T", "-o", "ControlPersist=1800"]).args(target.arguments());
    ssh.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    // A Ctrl-C on the terminal is for infra, which finishes its step; it must not reach the connection.
    let status = ssh
        .process_group(0)
        .kill_on_drop(true)
        .status()
        .await
        .map_err(|source| HostError::LocalProgram { program: "ssh", source })?;
    if status.success() {
        return Ok(Ok(Session { way: Way::Ssh(openssh::Session::new_process_mux(directory)), target: target.clone() }));
    }
    Ok(Err(tokio::fs::read_to_string(&log).await.unwrap_or_default()))
}

fn give_up(target: &Target, kind: Refusal, waited: Duration, detail: String) -> HostError {
    let (host, address) = (target.host.to_string(), target.address.clone());
    match kind {
        Refusal::Unreachable | Refusal::Final => HostError::Unreachable { host, address, waited, detail },
        Refusal::Login => HostError::LoginRefused { host, address, detail },
        Refusal::HostKey => HostError::HostKeyMismatch { host, address, detail },
    }
}

/// The line of ssh's log that says why; banners and warnings come before it.
fn last_words(log: &str) -> String {
    let line = log.lines().rev().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("ssh gave no reason").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        for (log, expected) in [
            ("ssh: connect to host 203.0.113.9 port 22: Connection refused", Refusal::Unreachable),
            ("ssh: connect to host 203.0.113.9 port 22: No route to host", Refusal::Unreachable),
            ("kex_exchange_identification: read: Connection reset by peer", Refusal::Unreachable),
            (
                "\"System is booting up. Unprivileged users are not permitted to log in yet.\"\nConnection closed",
                Refusal::Unreachable,
            ),
            ("ubuntu@203.0.113.9: Permission denied (publickey).", Refusal::Login),
            (
                "No ED25519 host key is known for x and you have requested strict checking.\nHost key verification failed.",
                Refusal::HostKey,
            ),
            ("ssh: Could not resolve hostname nowhere: Name or service not known", Refusal::Final),
        ] {
            assert_eq!(refusal(log), expected, "{log}");
        }
    }
}
