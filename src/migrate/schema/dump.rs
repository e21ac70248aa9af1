//! Runs pg_dump, wherever it is: inside the database's container on a host, on this machine in tests.

use std::process::{Output, Stdio};

use serde::{Deserialize, Serialize};
use tokio::process::Command;

#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    #[error("cannot run {program}")]
    Start { program: String, source: std::io::Error },
    #[error("pg_dump failed: {message}")]
    Failed { message: String },
}

/// How names are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// Quoted where the old server needs it.
    Plain,
    /// All of them: some are words of the language at the new server.
    Quoted,
}

/// What pg_dump is asked for. Locks are waited for a minute: a table that is being altered must not hang the migration.
pub fn arguments(names: Names) -> Vec<String> {
    let mut arguments =
        vec!["--schema-only".to_owned(), "--format=custom".to_owned(), "--lock-wait-timeout=60s".to_owned()];
    arguments.push(format!("--exclude-schema={}", crate::migrate::HELPER_SCHEMA));
    if names == Names::Quoted {
        arguments.push("--quote-all-identifiers".to_owned());
    }
    arguments
}

/// `command` is the argv up to and with the options that say which database; its output is the archive.
pub async fn dump(command: &[String], names: Names) -> Result<Vec<u8>, DumpError> {
    let program = command.first().cloned().unwrap_or_default();
    let output = Command::new(&program)
        .args(command.iter().skip(1))
        .args(arguments(names))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| DumpError::Start { program, source })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(DumpError::Failed { message: reason(&output) })
}

/// Why a program failed, in its own words; one that was killed has none.
pub fn reason(output: &Output) -> String {
    match String::from_utf8_lossy(&output.stderr).trim() {
        "" => output.status.to_string(),
        words => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    #[test]
    fn a_program_that_was_killed_fails_for_a_reason_too() {
        let output = |stderr: &str| Output { status: ExitStatus::from_raw(9), stdout: vec![], stderr: stderr.into() };
        assert_eq!(reason(&output("error: no such table\n")), "error: no such table");
        assert_eq!(reason(&output("\n")), "signal: 9 (SIGKILL)");
    }
}
