//! A child process whose output is collected or watched: a channel of the SSH connection, or Docker on this machine.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::error::HostError;
use super::progress::Progress;

/// How much of standard error is kept for an error message: the end says why.
const STDERR_TAIL: usize = 4000;
/// ssh's own exit status when the connection failed; scripts never use it.
const SSH_FAILED: i32 = 255;

pub(super) struct Running {
    pub child: Child,
    pub stdin: Option<ChildStdin>,
    /// None for a program on this machine.
    host: Option<String>,
    operation: String,
}

/// What a process left behind.
pub(super) struct Finished {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Running {
    /// A channel of a host's connection.
    pub fn spawn(command: Command, host: &str, operation: &str) -> Result<Self, HostError> {
        Self::start(command, "ssh", Some(host.to_owned()), operation)
    }

    /// A program on this machine.
    pub fn spawn_local(command: Command, program: &'static str, operation: &str) -> Result<Self, HostError> {
        Self::start(command, program, None, operation)
    }

    fn start(
        mut command: Command,
        program: &'static str,
        host: Option<String>,
        operation: &str,
    ) -> Result<Self, HostError> {
        // In a process group of its own: Ctrl-C on the terminal is for infra, which finishes its step.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(|source| HostError::LocalProgram { program, source })?;
        let stdin = child.stdin.take();
        Ok(Self { child, stdin, host, operation: operation.to_owned() })
    }

    /// Writes to standard input. A reader that went away is not an error here: its exit status says why.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), HostError> {
        let Some(stdin) = &mut self.stdin else { return Ok(()) };
        match stdin.write_all(bytes).await {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(self.lost(error.to_string())),
            _ => Ok(()),
        }
    }

    /// Closes standard input and waits; any exit status but 0 is an error.
    pub async fn output(self) -> Result<String, HostError> {
        let (host, operation) = (self.place(), self.operation.clone());
        let finished = self.finish(&Progress::none()).await?;
        finished.success(&host, &operation)
    }

    /// Closes standard input and waits, showing the lines of standard error as they come.
    pub async fn finish(mut self, progress: &Progress) -> Result<Finished, HostError> {
        drop(self.stdin.take());
        let stdout = self.child.stdout.take();
        let stderr = self.child.stderr.take();
        let read_stdout = async {
            let mut bytes = Vec::new();
            if let Some(mut pipe) = stdout {
                pipe.read_to_end(&mut bytes).await?;
            }
            Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes).into_owned())
        };
        let read_stderr = async {
            let mut kept = String::new();
            if let Some(pipe) = stderr {
                let mut lines = BufReader::new(pipe).split(b'\n');
                while let Some(line) = lines.next_segment().await? {
                    let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                    keep_tail(&mut kept, &line);
                    progress.line(line);
                }
            }
            Ok::<_, std::io::Error>(kept)
        };
        let (stdout, stderr, status) = tokio::join!(read_stdout, read_stderr, self.child.wait());
        let status = status.map_err(|error| self.lost(error.to_string()))?;
        let (stdout, stderr) =
            (stdout.map_err(|e| self.lost(e.to_string()))?, stderr.map_err(|e| self.lost(e.to_string()))?);
        let status = status.code().unwrap_or(SSH_FAILED);
        if status == SSH_FAILED && self.host.is_some() {
            return Err(self.lost(stderr.trim().to_owned()));
        }
        Ok(Finished { status, stdout, stderr })
    }

    fn lost(&self, detail: String) -> HostError {
        // What ssh says when its multiplexed connection is gone and it may not make another.
        let gone = detail.is_empty() || detail.contains("UNKNOWN port 65535");
        let detail = if gone { "it had ended".to_owned() } else { detail };
        HostError::ConnectionLost { host: self.place(), operation: self.operation.clone(), detail }
    }

    fn place(&self) -> String {
        self.host.clone().unwrap_or_else(|| "this machine".to_owned())
    }
}

impl Finished {
    pub fn success(self, host: &str, operation: &str) -> Result<String, HostError> {
        if self.status == 0 { Ok(self.stdout) } else { Err(self.error(host, operation)) }
    }

    pub fn error(&self, host: &str, operation: &str) -> HostError {
        HostError::Remote {
            host: host.to_owned(),
            operation: operation.to_owned(),
            status: self.status,
            stderr: self.stderr.trim().to_owned(),
        }
    }
}

/// Appends a line and forgets the beginning of what grew too long.
fn keep_tail(kept: &mut String, line: &str) {
    kept.push_str(line);
    kept.push('\n');
    if kept.len() > 2 * STDERR_TAIL {
        let cut = kept.ceil_char_boundary(kept.len() - STDERR_TAIL);
        kept.drain(..cut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_output_is_kept() {
        let mut kept = String::new();
        for number in 0..10_000 {
            keep_tail(&mut kept, &format!("line é {number}"));
        }
        assert!(kept.ends_with("line é 9999\n") && kept.len() <= 2 * STDERR_TAIL, "{}", kept.len());
    }
}
