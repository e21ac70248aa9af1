//! What can go wrong on the way to a host and on it, and what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::bundle::BundleError;
use super::disk::DiskError;
use crate::plan::ComposeError;

#[derive(Debug, Error)]
pub enum HostError {
    #[error("cannot run `{program}` on this machine")]
    LocalProgram { program: &'static str, source: std::io::Error },
    #[error("host {host} ({address}) did not answer SSH within {} s: {detail}", waited.as_secs())]
    Unreachable { host: String, address: String, waited: Duration, detail: String },
    #[error("host {host} ({address}) refused the login: {detail}")]
    LoginRefused { host: String, address: String, detail: String },
    #[error("host {host} ({address}) shows another host key than the pinned one: {detail}")]
    HostKeyMismatch { host: String, address: String, detail: String },
    #[error("the connection to host {host} was lost during {operation}: {detail}")]
    ConnectionLost { host: String, operation: String, detail: String },
    #[error("{operation} failed on host {host} (exit status {status}): {stderr}")]
    Remote { host: String, operation: String, status: i32, stderr: String },
    #[error("{operation} on host {host} took longer than {} s", after.as_secs())]
    TimedOut { host: String, operation: String, after: Duration },
    #[error("{operation} on host {host} gave an answer that infra does not understand: {detail}")]
    Answer { host: String, operation: String, detail: String },
    #[error("host {host} is not prepared: {detail}\n{log}")]
    NotPrepared { host: String, detail: String, log: String },
    #[error("host {host}: {source}")]
    Disk { host: String, source: DiskError },
    #[error("host {host} is being changed by {holder} since {since} ({verb})")]
    Locked { host: String, holder: String, since: String, verb: String },
    #[error("the lock on host {host} was lost while {operation}")]
    LockLost { host: String, operation: String },
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Compose(#[from] ComposeError),
    #[error("docker {operation} failed on this machine (exit status {status}): {stderr}")]
    LocalDocker { operation: String, status: i32, stderr: String },
    #[error("image {image} is not what was sent: host {host} has {found}, sent was {sent}")]
    ImageMismatch { host: String, image: String, sent: String, found: String },
    #[error("image {image} of release {release} is not on host {host}")]
    ImageMissing { host: String, image: String, release: u32 },
    #[error("the archive of the images is not as expected: {detail}")]
    ImageArchive { detail: String },
    #[error("release {release} cannot start on host {host}: {}\n{report}", unpulled(image))]
    NotPulled { host: String, release: u32, image: String, report: String },
    #[error("release {release} did not become healthy on host {host}; {aftermath}\n{report}")]
    Unhealthy { host: String, release: u32, aftermath: Aftermath, report: String },
    #[error(
        "release {release} did not become healthy on host {host}, and going back to release {previous} failed too\n{report}"
    )]
    RollbackFailed { host: String, release: u32, previous: u32, report: String },
    #[error("host {host} has no release {}", wanted(*.release))]
    NoRelease { host: String, release: Option<u32>, available: Vec<u32> },
    #[error("cannot {operation} {}", path.display())]
    Io { operation: &'static str, path: PathBuf, source: std::io::Error },
}

/// What serves after a release failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aftermath {
    /// The release before it serves again.
    RolledBack(u32),
    /// It was the first one.
    Stopped,
    /// It was in service already, and still is, as far as it runs.
    Left,
}

impl std::fmt::Display for Aftermath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RolledBack(release) => write!(f, "release {release} serves again"),
            Self::Stopped => f.write_str("it is stopped, and there is no release before it to go back to"),
            Self::Left => f.write_str("it was in service before and is left as it is"),
        }
    }
}

fn unpulled(image: &str) -> String {
    if image.is_empty() { "compose refuses its files".to_owned() } else { format!("image {image} cannot be pulled") }
}

fn wanted(release: Option<u32>) -> String {
    release.map_or_else(|| "to go back to".to_owned(), |release| release.to_string())
}

impl HostError {
    /// True where connecting anew and repeating the operation is worth a try.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::ConnectionLost { .. } | Self::Unreachable { .. })
    }

    /// What the user can do, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::LocalProgram { program, .. } => Some(format!("install `{program}`, or put it on the PATH")),
            Self::Unreachable { .. } => Some("is port 22 open for your address, and is the host running?".to_owned()),
            Self::LoginRefused { address, .. } => Some(format!("try `ssh -v {address}`; is the right key in your agent or plan?")),
            Self::HostKeyMismatch { .. } => Some(
                "the host was replaced outside of infra, or something answers in its place; do not go on before you know which"
                    .to_owned(),
            ),
            Self::ConnectionLost { .. } => Some("run the same command again: it goes on where this one stopped".to_owned()),
            Self::Locked { .. } => Some("wait for it; a lock whose holder died frees itself within two minutes".to_owned()),
            Self::NoRelease { available, .. } => Some(format!("there are: {available:?}")),
            Self::Disk { source, .. } => source.hint(),
            Self::NotPrepared { .. } => Some("`infra ssh HOST` and read /var/log/cloud-init-output.log".to_owned()),
            _ => None,
        }
    }
}
