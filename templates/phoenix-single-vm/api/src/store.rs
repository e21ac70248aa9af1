//! The rows in PostgreSQL: a few connections that are made when they are needed and left when they fail. What `insert`
//! returns from is committed.

use crate::sample::Sample;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// For TCP, TLS, authentication and the settings together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer that vanished without a word is noticed after this long.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);
/// For a batch, with the wait for a connection: shorter than the proxy and the senders wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);
/// A session that was left behind must not hold its locks for long. `synchronous_commit` is said here, because an
/// acknowledged row must be on disk whatever the server's default is.
const SETTINGS: &str = "SET statement_timeout = '7s'; SET lock_timeout = '5s'; SET synchronous_commit = on; \
                        SET idle_in_transaction_session_timeout = '10s'; SET timezone = 'UTC'";
/// Looked for first: in a database that is read-only for a moment even IF NOT EXISTS is refused.
const TABLE_EXISTS: &str = "SELECT to_regclass('sample') IS NOT NULL";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS sample (id text PRIMARY KEY, host text NOT NULL, name text NOT NULL, \
                     value double precision NOT NULL, received_at timestamptz NOT NULL DEFAULT now())";
const INSERT: &str = "INSERT INTO sample (id, host, name, value) \
                      SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::float8[]) ON CONFLICT (id) DO NOTHING";

/// `sslmode`, without the modes that encrypt but do not verify.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TlsMode {
    #[default]
    Disable,
    VerifyFull {
        roots: PathBuf,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot read the root certificates {path}")]
    Roots { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("no root certificate in {path} can be used")]
    NoRoots { path: PathBuf },
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("the database did not take it")]
    Refused(#[from] tokio_postgres::Error),
    #[error("the database did not answer in time")]
    Silent,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Store {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    idle: Arc<Mutex<Vec<Client>>>,
    permits: Arc<Semaphore>,
}

impl Store {
    pub fn new(mut config: Config, mode: &TlsMode, connections: usize) -> Result<Self, StoreError> {
        config
            .application_name("phoenix-api")
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
        let permits = Arc::new(Semaphore::new(connections));
        Ok(Self { config, tls, idle: Arc::default(), permits })
    }

    /// Returns after the commit: how many of them are new. Those whose id is there already are as good as stored.
    pub async fn insert(&self, samples: &[Sample]) -> Result<u64, StoreError> {
        let ids: Vec<_> = samples.iter().map(|sample| sample.id.as_str()).collect();
        let hosts: Vec<_> = samples.iter().map(|sample| sample.host.as_str()).collect();
        let names: Vec<_> = samples.iter().map(|sample| sample.name.as_str()).collect();
        let values: Vec<_> = samples.iter().map(|sample| sample.value).collect();
        self.with(async |client| client.execute(INSERT, &[&ids, &hosts, &names, &values]).await).await
    }

    pub async fn find(&self, id: &str) -> Result<Option<Sample>, StoreError> {
        let row = self
            .with(async |client| {
                client.query_opt("SELECT id, host, name, value FROM sample WHERE id = $1", &[&id]).await
            })
            .await?;
        Ok(row.map(|row| Sample { id: row.get(0), host: row.get(1), name: row.get(2), value: row.get(3) }))
    }

    /// Whether it answers and has its table.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.with(async |client| {
            client.query_one("SELECT count(*) FROM (SELECT FROM sample LIMIT 1) AS one", &[]).await.map(drop)
        })
        .await
    }

    /// Runs `work` on a connection, which is kept for the next one unless it failed.
    async fn with<T>(
        &self,
        work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, StoreError> {
        let answered = async {
            let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
            let client = match self.take_idle() {
                Some(client) => client,
                None => self.connect().await?,
            };
            let result = work(&client).await?;
            self.idle().push(client);
            Ok(result)
        };
        tokio::time::timeout(ANSWER_TIMEOUT, answered).await.map_err(|_| StoreError::Silent)?
    }

    fn take_idle(&self) -> Option<Client> {
        let mut idle = self.idle();
        idle.retain(|client| !client.is_closed());
        idle.pop()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Client>> {
        // Nothing panics while it is held; a list of clients has no state that could be half-made.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self) -> Result<Client, StoreError> {
        let client = tokio::time::timeout(CONNECT_TIMEOUT, self.open()).await.map_err(|_| StoreError::Silent)??;
        client.batch_execute(SETTINGS).await?;
        if !client.query_one(TABLE_EXISTS, &[]).await?.get::<_, bool>(0) {
            client.batch_execute(TABLE).await?;
        }
        Ok(client)
    }

    async fn open(&self) -> Result<Client, tokio_postgres::Error> {
        match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                tokio::spawn(connection);
                Ok(client)
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                tokio::spawn(connection);
                Ok(client)
            }
        }
    }
}

fn verifying(path: &Path) -> Result<ClientConfig, StoreError> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(|certificates| certificates.collect::<Result<_, _>>())
        .map_err(|source| StoreError::Roots { path: path.to_owned(), source })?;
    let mut roots = RootCertStore::empty();
    if roots.add_parsable_certificates(certificates).0 == 0 {
        return Err(StoreError::NoRoots { path: path.to_owned() });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
