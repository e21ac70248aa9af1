//! What can be wrong with certificate files.

use std::io;
use std::path::PathBuf;

/// A failure to read, make or use a certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read or write {path}")]
    File { path: PathBuf, source: io::Error },
    #[error("{path} is not a usable PEM file: {reason}")]
    Pem { path: PathBuf, reason: String },
    #[error("{cert} and {key} do not make a certificate: {reason}")]
    Pair { cert: PathBuf, key: PathBuf, reason: String },
    #[error("{present} is there but {missing} is missing: put both in place, or neither to have them made")]
    Half { present: PathBuf, missing: PathBuf },
    #[error("cannot make a certificate for {names}: {reason}")]
    Make { names: String, reason: String },
    #[error("{0} is not set")]
    Unset(&'static str),
}

impl TlsError {
    /// Wraps an I/O error with the file that it is about.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
