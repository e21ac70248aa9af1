//! Connections to PostgreSQL, plain or with verified TLS.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The time for TCP, TLS, authentication and the settings together.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that vanished without a word is noticed after this long.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(15);
/// A session that got stuck, or was left behind by a lost connection, must not hold its locks for longer than a client
/// waits for its answer.
const SETTINGS: &str = "SET statement_timeout = '30s'; SET lock_timeout = '5s'; \
                        SET idle_in_transaction_session_timeout = '30s'; SET timezone = 'UTC'";

/// `sslmode`, without the modes that encrypt but do not verify: they protect from nobody who can intercept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsMode {
    Disable,
    VerifyFull { roots: PathBuf },
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("cannot read the root certificates {path}")]
    Roots { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("no root certificate in {path} can be used")]
    NoRoots { path: PathBuf },
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("cannot connect to the database")]
    Refused(#[from] tokio_postgres::Error),
    #[error("the database did not answer within {} s", HANDSHAKE_TIMEOUT.as_secs())]
    Silent,
}

/// Opens connections; cheap to clone.
#[derive(Clone)]
pub struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Connector {
    pub fn new(mut config: Config, mode: &TlsMode) -> Result<Self, ConnectError> {
        config
            .application_name("phoenix-ingest")
            .connect_timeout(CONNECT_TIMEOUT)
            .keepalives_idle(Duration::from_secs(10))
            .tcp_user_timeout(TCP_USER_TIMEOUT);
        let tls = match mode {
            TlsMode::Disable => {
                config.ssl_mode(tokio_postgres::config::SslMode::Disable);
                None
            }
            TlsMode::VerifyFull { roots } => {
                config.ssl_mode(tokio_postgres::config::SslMode::Require);
                Some(MakeRustlsConnect::new(verifying(roots)?))
            }
        };
        Ok(Self { config, tls })
    }

    /// A connection with the session's settings made. Its task ends with the client.
    pub async fn connect(&self) -> Result<Client, ConnectError> {
        tokio::time::timeout(HANDSHAKE_TIMEOUT, self.open()).await.map_err(|_| ConnectError::Silent)?
    }

    async fn open(&self) -> Result<Client, ConnectError> {
        let client = match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                tokio::spawn(connection);
                client
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                tokio::spawn(connection);
                client
            }
        };
        client.batch_execute(SETTINGS).await?;
        Ok(client)
    }
}

fn verifying(path: &Path) -> Result<ClientConfig, ConnectError> {
    let unreadable = |source| ConnectError::Roots { path: path.to_owned(), source };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(|certificates| certificates.collect::<Result<_, _>>())
        .map_err(unreadable)?;
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(ConnectError::NoRoots { path: path.to_owned() });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
