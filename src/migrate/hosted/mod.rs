//! The bundle's database service on a host of its own, as infra's program there sees to it: the old one's host reaches it by
//! verified TLS, its changes can be followed, and it can be saved. How it got there is `stack::hosted`.

mod certificate;
mod save;
mod serve;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use save::save;
pub use serve::{Served, serve};

use super::safety_copy::SafetyCopyError;
use crate::host::{DatabaseContainer, HostError, Session, Site};
use crate::postgres::{Client, Endpoint, PostgresError, Secret, Tls, connect};

/// What the server's administrator sees of us.
const APPLICATION: &str = "infra migrate";
/// Of any image, and never the one that moves, which may not be there yet.
const MAINTENANCE: &str = "postgres";

#[derive(Debug, thiserror::Error)]
pub enum HostedError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(transparent)]
    Save(#[from] SafetyCopyError),
    #[error("cannot use {}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("cannot make a certificate")]
    Certificate { source: Box<rcgen::Error> },
    #[error("the database does not speak TLS although it was told to: its log says why")]
    NoTls,
    #[error(
        "the database keeps {name} = {setting} although it was told {wanted}: its command line says otherwise; change that in the compose file, infra deploy, and begin again"
    )]
    Setting { name: &'static str, setting: String, wanted: &'static str },
    #[error("the database did not come up within {} s after it was restarted", waited.as_secs())]
    NotBack { waited: Duration, source: Box<HostedError> },
    #[error("the address that the database is reached by was not said")]
    NoAddress,
}

/// What the operator's side asks of the host.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostedRequest {
    pub site: Site,
    /// The compose service that holds the database.
    pub service: String,
    pub database: String,
    pub migration: String,
    /// Where it is published.
    pub address: Option<IpAddr>,
}

impl HostedRequest {
    fn host(&self) -> Session {
        Session::here(&self.site.host)
    }

    async fn container(&self) -> Result<DatabaseContainer, HostedError> {
        Ok(self.host().find_database(&self.site, &self.service).await?)
    }
}

/// From its host, over the bundle's own network, which is not encrypted.
async fn enter(container: &DatabaseContainer) -> Result<Client, PostgresError> {
    let endpoint = Endpoint {
        host: container.address.clone(),
        port: 5432,
        database: MAINTENANCE.to_owned(),
        user: container.user.clone(),
        login: None,
        password: Secret::new(container.password.as_str()),
        tls: Tls::Off,
    };
    connect(&endpoint, APPLICATION).await
}
