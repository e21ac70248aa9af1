//! Gives rustls the certificate in use and exchanges it when its files change.
//!
//! The files are polled: renames, symbolic links that move and bind mounts all look the same that way. Files that do not
//! load (half replaced, wrong key) leave the old certificate in use and are tried again.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::{Certificate, TlsError};

/// How soon a changed file is noticed. Two `stat` calls a time cost nothing.
const POLL: Duration = Duration::from_secs(5);

/// Size, inode and modification time of both files: different when either was replaced or rewritten.
type Signature = [Option<(u64, u64, i64, i64)>; 2];

/// The certificate in use.
#[derive(Debug)]
pub(crate) struct Reloading {
    current: RwLock<Arc<CertifiedKey>>,
}

impl Reloading {
    /// Loads the certificate and polls its files for as long as the result is in use. Needs a tokio runtime.
    pub(crate) fn start(certificate: Certificate) -> Result<Arc<Self>, TlsError> {
        let seen = signature(&certificate);
        let this = Arc::new(Self { current: RwLock::new(Arc::new(certificate.load()?)) });
        tokio::spawn(poll(Arc::downgrade(&this), certificate, seen));
        Ok(this)
    }

    fn exchange(&self, key: CertifiedKey) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
    }
}

impl ResolvesServerCert for Reloading {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

async fn poll(target: Weak<Reloading>, certificate: Certificate, mut loaded: Signature) {
    let mut refused = None;
    loop {
        tokio::time::sleep(POLL).await;
        let Some(target) = target.upgrade() else { return };
        let now = signature(&certificate);
        if now == loaded {
            continue;
        }
        match certificate.load() {
            Ok(key) => {
                target.exchange(key);
                loaded = now;
                tracing::info!(cert = %certificate.cert.display(), "certificate reloaded");
            }
            Err(error) if refused != Some(now) => {
                refused = Some(now);
                tracing::warn!(%error, "the changed certificate does not load; the old one stays in use");
            }
            Err(_) => {}
        }
    }
}

fn signature(certificate: &Certificate) -> Signature {
    let one = |path: &Path| {
        let data = fs::metadata(path).ok()?;
        Some((data.size(), data.ino(), data.mtime(), data.mtime_nsec()))
    };
    [one(&certificate.cert), one(&certificate.key)]
}
