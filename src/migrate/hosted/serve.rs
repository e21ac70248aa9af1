//! Lets the database be reached from another host. May be repeated: what was done stays.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::certificate::identity;
use super::{HostedError, HostedRequest, enter};
use crate::host::{DatabaseContainer, Session};
use crate::migrate::catalog::{quote_identifier, quote_literal};
use crate::postgres::{Client, Endpoint, Secret, Tls, connect};

const CERTIFICATE: &str = "infra-server-cert.pem";
const KEY: &str = "infra-server-key.pem";
/// In a folder of the host's state.
const FOLDER: &str = "database-tls";
const AUTHORITY: &str = "ca.pem";
/// Written last: what stands beside it is complete, and for this address.
const ADDRESS: &str = "address";
const PORT: u16 = 5432;
/// What both directions of replication need, and from which value on. A migration takes two slots at a time.
const SETTINGS: [(&str, &str); 3] =
    [("wal_level", "logical"), ("max_wal_senders", "10"), ("max_replication_slots", "10")];
/// A server reads its settings within a moment of being told.
const PATIENCE: Duration = Duration::from_secs(20);
/// An empty server stops and starts within seconds.
const RESTART: Duration = Duration::from_secs(90);
const AGAIN: Duration = Duration::from_millis(300);

pub struct Served {
    /// By its superuser; its roots are in `authority`, not in a file.
    pub endpoint: Endpoint,
    pub authority: String,
}

pub async fn serve(request: &HostedRequest) -> Result<Served, HostedError> {
    let address = request.address.ok_or(HostedError::NoAddress)?;
    let host = request.host();
    let container = follow(request).await?;
    let client = enter(&container).await?;
    make_database(&client, &request.database).await?;
    let folder = PathBuf::from(request.site.state_dir()).join(FOLDER);
    let authority = encrypt(&host, &container, &client, (&folder, address)).await?;
    let file: String = client.row("asking for who may enter", "SHOW hba_file", &[]).await?.get(0);
    host.guard_entrance(&container, &file).await?;
    reload(&client).await?;
    let endpoint = Endpoint {
        host: address.to_string(),
        port: PORT,
        database: request.database.clone(),
        user: container.user.clone(),
        login: None,
        password: Secret::new(container.password.as_str()),
        tls: Tls::VerifyFull { ca: folder.join(AUTHORITY) },
    };
    prove(&endpoint).await?;
    Ok(Served { endpoint, authority })
}

/// As its clients will enter. A server that had a certificate before shows it for a moment still.
async fn prove(endpoint: &Endpoint) -> Result<(), HostedError> {
    let began = Instant::now();
    loop {
        match connect(endpoint, super::APPLICATION).await {
            Ok(_) => return Ok(()),
            Err(error) if began.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => sleep(AGAIN).await,
        }
    }
}

/// Its changes can be followed from now on; if that took a restart, it is another container's address.
async fn follow(request: &HostedRequest) -> Result<DatabaseContainer, HostedError> {
    let container = request.container().await?;
    let client = enter(&container).await?;
    if lacking(&client).await?.is_empty() {
        return Ok(container);
    }
    for (name, wanted, _) in lacking(&client).await? {
        let sql = format!("ALTER SYSTEM SET {name} = {}", quote_literal(wanted));
        client.run("letting its changes be followed", &sql).await?;
    }
    drop(client);
    let restarted = Command::new("docker").args(["restart", &container.id]).output().await;
    restarted.map_err(|source| HostedError::Io { path: "docker".into(), source })?;
    let client = back(request).await?;
    match lacking(&client).await?.into_iter().next() {
        Some((name, wanted, setting)) => Err(HostedError::Setting { name, setting, wanted }),
        None => request.container().await,
    }
}

/// Each setting that is less than what is wanted of it.
async fn lacking(client: &Client) -> Result<Vec<(&'static str, &'static str, String)>, HostedError> {
    let mut lacking = vec![];
    for (name, wanted) in SETTINGS {
        let sql = "SELECT pg_catalog.current_setting($1)";
        let setting: String = client.row("asking for a setting", sql, &[&name]).await?.get(0);
        let enough = match (setting.parse::<u64>(), wanted.parse::<u64>()) {
            (Ok(setting), Ok(wanted)) => setting >= wanted,
            _ => setting == wanted,
        };
        if !enough {
            lacking.push((name, wanted, setting));
        }
    }
    Ok(lacking)
}

async fn back(request: &HostedRequest) -> Result<Client, HostedError> {
    let began = Instant::now();
    loop {
        let entered = async { Ok::<_, HostedError>(enter(&request.container().await?).await?) };
        match entered.await {
            Ok(client) => return Ok(client),
            Err(source) if began.elapsed() > RESTART => {
                return Err(HostedError::NotBack { waited: RESTART, source: Box::new(source) });
            }
            Err(_) => sleep(AGAIN).await,
        }
    }
}

/// The image makes the one that its variables name, which need not be this one.
async fn make_database(client: &Client, name: &str) -> Result<(), HostedError> {
    let known = "SELECT FROM pg_catalog.pg_database WHERE datname = $1";
    if client.rows("looking for the database", known, &[&name]).await?.is_empty() {
        client.run("making the database", &format!("CREATE DATABASE {}", quote_identifier(name))).await?;
    }
    Ok(())
}

/// The server speaks TLS, as itself at this address; who is to be trusted for it.
async fn encrypt(
    host: &Session,
    container: &DatabaseContainer,
    client: &Client,
    (folder, address): (&Path, IpAddr),
) -> Result<String, HostedError> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    if let (Some(known), Some(authority)) = (read(ADDRESS), read(AUTHORITY))
        && known == address.to_string()
        && is_on(client).await?
    {
        return Ok(authority);
    }
    drop(fs::remove_file(folder.join(ADDRESS)));
    let made = identity(address).map_err(|source| HostedError::Certificate { source: Box::new(source) })?;
    let put = async |name, pem: &str| host.put_among_data(container, name, pem.as_bytes()).await;
    let (certificate, key) = (put(CERTIFICATE, &made.certificate).await?, put(KEY, &made.key).await?);
    for (name, value) in [("ssl_key_file", key.as_str()), ("ssl_cert_file", &certificate), ("ssl", "on")] {
        let sql = format!("ALTER SYSTEM SET {name} = {}", quote_literal(value));
        client.run("letting the database speak TLS", &sql).await?;
    }
    reload(client).await?;
    let began = Instant::now();
    while !is_on(client).await? {
        if began.elapsed() > PATIENCE {
            return Err(HostedError::NoTls);
        }
        sleep(AGAIN).await;
    }
    write(folder, AUTHORITY, &made.authority)?;
    write(folder, ADDRESS, &address.to_string())?;
    Ok(made.authority)
}

async fn is_on(client: &Client) -> Result<bool, HostedError> {
    Ok(client.row("asking for TLS", "SELECT pg_catalog.current_setting('ssl')::boolean", &[]).await?.get(0))
}

async fn reload(client: &Client) -> Result<(), HostedError> {
    client.row("reading the settings anew", "SELECT pg_catalog.pg_reload_conf()", &[]).await?;
    Ok(())
}

/// Whole, or not there.
fn write(folder: &Path, name: &str, text: &str) -> Result<(), HostedError> {
    let (path, draft) = (folder.join(name), folder.join(format!(".{name}")));
    let written =
        fs::create_dir_all(folder).and_then(|()| fs::write(&draft, text)).and_then(|()| fs::rename(&draft, &path));
    written.map_err(|source| HostedError::Io { path, source })
}
