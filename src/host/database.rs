//! The bundle's database on the host, and where its clients find theirs: beside them, or where a migration moved it.
//! That place belongs to the host (`STATE/database`) and not to a release, so that neither a new release nor the way
//! back to an old one ever leads clients to a database that has been left.

use std::time::Duration;

use zeroize::Zeroizing;

use super::deploy::site_script;
use super::dotenv;
use super::error::HostError;
use super::lock::HostLock;
use super::progress::Progress;
use super::release::append;
use super::script::Script;
use super::session::Session;
use super::site::Site;
use crate::postgres::{Endpoint, Secret, Tls};

/// Where a bundle's compose file mounts `STATE/database` into the clients.
const MOUNT: &str = "/database";

/// The running container of the service that holds the database.
#[derive(Debug, Clone)]
pub struct DatabaseContainer {
    pub id: String,
    /// In the bundle's own network, which the host can reach.
    pub address: String,
    pub user: String,
    pub password: Zeroizing<String>,
}

/// Where clients find their database: what `INFRA_DB_*` say, `password.env`, and all of it at once in `url.env`.
#[derive(Debug, Clone)]
pub struct DatabaseLocation {
    pub host: String,
    pub port: u16,
    pub name: String,
    pub user: String,
    /// The variable that the clients read the password from, with its value.
    pub password: (String, Zeroizing<String>),
    /// The roots to verify the server by, in PEM. None: on a network that is trusted, without TLS.
    pub ca: Option<String>,
}

impl Session {
    pub async fn find_database(&self, site: &Site, service: &str) -> Result<DatabaseContainer, HostError> {
        let script = Script::new("finding the database", include_str!("scripts/database.sh"))
            .set("PLAN", site.plan.as_str())
            .set("SERVICE", service);
        let text = Zeroizing::new(self.run(&script).await?);
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('\t')).unwrap_or("");
        let missing = |what: &str| HostError::Answer {
            host: self.host(),
            operation: "finding the database".to_owned(),
            detail: format!("its container has no {what}"),
        };
        let present = |key: &str, what| Some(value(key)).filter(|v| !v.is_empty()).ok_or_else(|| missing(what));
        Ok(DatabaseContainer {
            id: present("id", "id")?.to_owned(),
            address: present("address", "address in a network")?.to_owned(),
            user: Some(value("POSTGRES_USER")).filter(|user| !user.is_empty()).unwrap_or("postgres").to_owned(),
            password: Zeroizing::new(present("POSTGRES_PASSWORD", "POSTGRES_PASSWORD")?.to_owned()),
        })
    }

    /// Writes a file that the database's server can read, among its data, with which it outlives the container; returns its path
    /// there.
    pub async fn put_among_data(
        &self,
        container: &DatabaseContainer,
        name: &str,
        content: &[u8],
    ) -> Result<String, HostError> {
        let script = Script::new("writing among the database's data", include_str!("scripts/among_data.sh"))
            .set("CONTAINER", &container.id)
            .set("NAME", name);
        let mut running = self.start(&script).await?;
        running.send(content).await?;
        Ok(running.output().await?.trim().to_owned())
    }

    /// Bytes that are free on the disk which holds the database's data. None: it cannot be told.
    pub async fn free_beside_data(&self, container: &DatabaseContainer) -> Result<Option<u64>, HostError> {
        let script = Script::new("looking at the database's disk", include_str!("scripts/free.sh"))
            .set("CONTAINER", &container.id);
        Ok(self.run(&script).await?.trim().parse().ok())
    }

    pub async fn remove_from_data(&self, container: &DatabaseContainer, name: &str) -> Result<(), HostError> {
        let script = Script::new("removing from the database's data", include_str!("scripts/remove_from_data.sh"))
            .set("CONTAINER", &container.id)
            .set("NAME", name);
        self.run(&script).await.map(drop)
    }

    /// Stops services, which end what they have in hand.
    pub async fn stop_clients(&self, site: &Site, services: &[String]) -> Result<(), HostError> {
        self.clients(site, "stop", services).await
    }

    pub async fn start_clients(&self, site: &Site, services: &[String]) -> Result<(), HostError> {
        self.clients(site, "start", services).await
    }

    async fn clients(&self, site: &Site, verb: &str, services: &[String]) -> Result<(), HostError> {
        if services.is_empty() {
            return Ok(());
        }
        let script = site_script("pausing the database's clients", include_str!("scripts/clients.sh"), site)
            .set("DO", verb)
            .list("SERVICES", services);
        self.run(&script).await.map(drop)
    }

    /// Lets the clients find their database at `location` from now on (None: beside them again). They are started by
    /// [`Self::serve_clients`].
    pub async fn point_clients(&self, site: &Site, location: Option<&DatabaseLocation>) -> Result<(), HostError> {
        let script = site_script("pointing the clients", include_str!("scripts/set_database_location.sh"), site);
        let mut running = self.start(&script).await?;
        running.send(&files(location)).await?;
        running.output().await.map(drop)
    }

    /// Starts services that were pointed, and sees them healthy: as fast as can be.
    pub async fn serve_clients(
        &self,
        site: &Site,
        services: &[String],
        health_timeout: Duration,
    ) -> Result<(), HostError> {
        // To Compose, no names mean all services.
        if services.is_empty() {
            return Ok(());
        }
        let script = concat!(
            include_str!("scripts/point_release.sh"),
            include_str!("scripts/standing.sh"),
            include_str!("scripts/start_clients.sh")
        );
        let script = site_script("starting the database's clients", script, site)
            .set("TIMEOUT", health_timeout.as_secs().to_string())
            .list("SERVICES", services);
        self.run(&script).await.map(drop)
    }

    /// Starts the current release anew with what has changed around it, and sees it healthy.
    pub async fn restart_release(
        &self,
        lock: &HostLock,
        site: &Site,
        by: &str,
        health_timeout: Duration,
        progress: &Progress,
    ) -> Result<u32, HostError> {
        let facts = self.facts(site).await?;
        self.restart(lock, site, &facts, by, health_timeout, progress).await
    }
}

/// A tar, for the script to unpack.
fn files(location: Option<&DatabaseLocation>) -> Zeroizing<Vec<u8>> {
    let mut tar = tar::Builder::new(vec![]);
    let mut add = |path: &str, mode, text: &str| {
        append(&mut tar, path, mode, text.as_bytes()).expect("writing to memory does not fail");
    };
    if let Some(location) = location {
        add("env", 0o644, &dotenv::render(&location.variables()));
        add("password.env", 0o600, &location.password_file());
        add("url.env", 0o600, &location.url_file());
        if let Some(ca) = &location.ca {
            add("ca.pem", 0o644, ca);
        }
    }
    add("complete", 0o600, "");
    Zeroizing::new(tar.into_inner().expect("writing to memory does not fail"))
}

impl DatabaseLocation {
    /// Compose reads back what it is, whatever it is made of.
    fn password_file(&self) -> Zeroizing<String> {
        let (name, value) = &self.password;
        Zeroizing::new(dotenv::render(&[(name.clone(), value.as_str().to_owned())].into()))
    }

    /// All of it, for clients that take nothing else.
    fn url_file(&self) -> Zeroizing<String> {
        let endpoint = Endpoint {
            host: self.host.clone(),
            port: self.port,
            database: self.name.clone(),
            user: self.user.clone(),
            login: None,
            password: Secret::new(self.password.1.to_string()),
            tls: self.ca.as_ref().map_or(Tls::Off, |_| Tls::VerifyFull { ca: format!("{MOUNT}/ca.pem").into() }),
        };
        let url = endpoint.url_with_password().to_string();
        Zeroizing::new(dotenv::render(&[("DATABASE_URL".to_owned(), url)].into()))
    }

    fn variables(&self) -> std::collections::BTreeMap<String, String> {
        let (sslmode, roots) = match self.ca {
            Some(_) => ("verify-full", format!("{MOUNT}/ca.pem")),
            None => ("disable", String::new()),
        };
        [
            ("INFRA_DB_HOST", self.host.clone()),
            ("INFRA_DB_PORT", self.port.to_string()),
            ("INFRA_DB_NAME", self.name.clone()),
            ("INFRA_DB_USER", self.user.clone()),
            ("INFRA_DB_SSLMODE", sslmode.to_owned()),
            ("INFRA_DB_SSLROOTCERT", roots),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(location: Option<&DatabaseLocation>) -> Vec<String> {
        let bytes = files(location);
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries = archive.entries().unwrap();
        entries
            .map(|entry| {
                let entry = entry.unwrap();
                format!("{} {:o}", entry.path().unwrap().display(), entry.header().mode().unwrap())
            })
            .collect()
    }

    #[test]
    fn the_password_has_a_file_of_its_own_that_only_root_reads() {
        let location = DatabaseLocation {
            host: "db.example.com".into(),
            port: 5432,
            name: "telemetry".into(),
            user: "postgres".into(),
            password: ("POSTGRES_PASSWORD".into(), Zeroizing::new("hunter2".into())),
            ca: Some("-----BEGIN CERTIFICATE-----\n".into()),
        };
        let all = ["env 644", "password.env 600", "url.env 600", "ca.pem 644", "complete 600"];
        assert_eq!(names(Some(&location)), all);
        assert!(!dotenv::render(&location.variables()).contains("hunter2"));
        assert_eq!(names(None), ["complete 600"]);
    }

    #[test]
    fn the_url_is_read_back_as_what_it_is_made_of() {
        let every = (' '..='~').collect::<String>();
        let mut location = DatabaseLocation {
            host: "fd00::1".into(),
            port: 6432,
            name: "tele/metry".into(),
            user: "app@home".into(),
            password: ("POSTGRES_PASSWORD".into(), Zeroizing::new(every.clone())),
            ca: None,
        };
        let url = |location: &DatabaseLocation| {
            let file = location.url_file();
            file.trim_end().strip_prefix("DATABASE_URL=").unwrap().trim_matches('\'').to_owned()
        };
        let read = Endpoint::parse(&url(&location)).unwrap();
        assert_eq!((read.host.as_str(), read.port, read.database.as_str()), ("fd00::1", 6432, "tele/metry"));
        assert_eq!((read.user.as_str(), read.password.expose()), ("app@home", every.as_str()));
        location.ca = Some(String::new());
        assert!(url(&location).ends_with("?sslmode=verify-full&sslrootcert=/database/ca.pem"));
    }
}
