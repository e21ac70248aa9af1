//! A certificate and its key as two PEM files, and the names that they are for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::reload::Reloading;
use crate::{TlsError, self_signed};

/// Where the certificate is, and what to put into it if it has to be made.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// PEM: the certificate, then its chain.
    pub cert: PathBuf,
    /// PEM: the private key.
    pub key: PathBuf,
    /// DNS names and IP addresses, for a self-signed certificate only.
    pub names: Vec<String>,
}

impl Certificate {
    /// Reads `TLS_CERT`, `TLS_KEY` (paths) and `TLS_NAMES` (comma list of DNS names and addresses, default `localhost`).
    pub fn from_env() -> Result<Self, TlsError> {
        let path = |name| std::env::var_os(name).map(PathBuf::from).ok_or(TlsError::Unset(name));
        let names = std::env::var("TLS_NAMES").unwrap_or_default();
        Ok(Self { cert: path("TLS_CERT")?, key: path("TLS_KEY")?, names: parse_names(&names) })
    }

    /// Makes a self-signed certificate if there is none, or if the one that this made is for other names.
    ///
    /// A certificate that came from elsewhere is never touched. Services that share the files take turns.
    pub fn ensure(self) -> Result<Self, TlsError> {
        self_signed::ensure(&self)?;
        Ok(self)
    }

    /// Loads the files and keeps them loaded: changed files are picked up without a restart.
    pub fn watch(&self) -> Result<Arc<rustls::ServerConfig>, TlsError> {
        let resolver = Reloading::start(self.clone())?;
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the cipher suites of the default versions")
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Reads both files and checks that the key belongs to the certificate.
    pub(crate) fn load(&self) -> Result<CertifiedKey, TlsError> {
        let chain = CertificateDer::pem_file_iter(&self.cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| pem(&self.cert, &error))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| pem(&self.key, &error))?;
        let pair = |reason: String| TlsError::Pair { cert: self.cert.clone(), key: self.key.clone(), reason };
        if chain.is_empty() {
            return Err(pair("the file holds no certificate".into()));
        }
        CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| pair(error.to_string()))
    }
}

fn pem(path: &Path, error: &dyn std::fmt::Display) -> TlsError {
    TlsError::Pem { path: path.to_owned(), reason: error.to_string() }
}

/// Splits a comma list: trimmed, without blanks and repetitions, never empty.
fn parse_names(list: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    if names.is_empty() {
        names.push("localhost".to_owned());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::parse_names;

    #[test]
    fn names_are_trimmed_unique_and_never_none() {
        assert_eq!(parse_names(" a.example , 192.0.2.1,,a.example"), ["a.example", "192.0.2.1"]);
        assert_eq!(parse_names(" , "), ["localhost"]);
    }
}
