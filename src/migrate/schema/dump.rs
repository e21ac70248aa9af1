//! Runs pg_dump, wherever it is: inside the database's container on a host, on this machine in tests.

use std::process::Stdio;

use tokio::process::Command;

#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    #[error("cannot run {program}")]
    Start { program: String, source: std::io::Error },
    #[error("pg_dump failed: {message}")]
    Failed { message: String },
}

/// What pg_dump is asked for. Locks are waited for a minute: a table that is being altered must not hang the migration.
pub fn arguments(snapshot: Option<&str>) -> Vec<String> {
    let mut arguments =
        vec!["--schema-only".to_owned(), "--format=custom".to_owned(), "--lock-wait-timeout=60s".to_owned()];
    arguments.push(format!("--exclude-schema={}", crate::migrate::HELPER_SCHEMA));
    arguments.extend(snapshot.map(|snapshot| format!("--snapshot={snapshot}")));
    arguments
}

/// `command` is the argv up to and with the options that say which database; its output is the archive.
pub async fn dump(command: &[String], snapshot: Option<&str>) -> Result<Vec<u8>, DumpError> {
    let program = command.first().cloned().unwrap_or_default();
    let output = Command::new(&program)
        .args(command.iter().skip(1))
        .args(arguments(snapshot))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| DumpError::Start { program, source })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(DumpError::Failed { message: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}
