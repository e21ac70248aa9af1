//! What is to be measured, as a small TOML file says it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use url::Url;

use super::exposition::Selector;

/// What the unit calls the file with the database's endpoint.
pub const CREDENTIAL: &str = "database.json";

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{} says what the collector does not understand", path.display())]
    Form { path: PathBuf, source: Box<toml::de::Error> },
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectConfig {
    /// The file of the ring.
    pub ring: PathBuf,
    /// Names as in /proc/diskstats. Absent: every disk, no partition.
    pub devices: Option<Vec<String>>,
    /// Mount points. Absent: every file system on a disk.
    pub mounts: Option<Vec<String>>,
    pub docker: Option<DockerConfig>,
    pub database: Option<DatabaseConfig>,
    #[serde(default)]
    pub endpoints: Vec<EndpointConfig>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DockerConfig {
    #[serde(default = "socket")]
    pub socket: PathBuf,
    /// The Compose project whose containers are looked at.
    pub project: String,
}

fn socket() -> PathBuf {
    "/var/run/docker.sock".into()
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// An endpoint with its password, as JSON: a role in `pg_monitor` is enough. Only its reader may read the file.
    pub endpoint: PathBuf,
    /// The bundle's service that holds it: its container's address, which changes, takes the place of the endpoint's host.
    pub service: Option<String>,
}

/// What a service says of itself in Prometheus' text format.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointConfig {
    pub name: String,
    /// `http://127.0.0.1:9100/metrics`.
    #[serde(deserialize_with = "plain_http")]
    pub url: Url,
    /// The bundle's service that it is, where it publishes no port: its container's address takes the place of the host.
    pub service: Option<String>,
    /// A counter of rows.
    pub rows: Option<Selector>,
    /// Counters of requests; all of them together are the whole of which errors are a share.
    #[serde(default)]
    pub requests: Vec<Selector>,
    /// Counters of those that failed.
    #[serde(default)]
    pub errors: Vec<Selector>,
    /// A histogram of seconds.
    pub latency: Option<Selector>,
}

/// What it asks is on this host or in its containers' network.
fn plain_http<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let url = Url::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)?;
    if url.scheme() == "http" {
        Ok(url)
    } else {
        Err(serde::de::Error::custom("only http:// is asked for measurements"))
    }
}

impl DatabaseConfig {
    /// Where systemd shows it to the unit (`LoadCredential=database.json:…`), or where the configuration says that it is.
    pub fn endpoint_file(&self, credentials: Option<&Path>) -> PathBuf {
        let shown = credentials.map(|folder| folder.join(CREDENTIAL)).filter(|file| file.exists());
        shown.unwrap_or_else(|| self.endpoint.clone())
    }
}

impl CollectConfig {
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Io { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|source| ConfigError::Form { path: path.to_owned(), source: Box::new(source) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_what_it_must_not_say_is_refused() {
        let text = r#"
            ring = "/var/lib/infra-collect/ring.db"
            mounts = ["/", "/srv/pgdata"]
            [docker]
            project = "phase1"
            [database]
            endpoint = "/run/credentials/database.json"
            service = "db"
            [[endpoints]]
            name = "ingest"
            url = "http://ingest:9100/metrics"
            service = "ingest"
            rows = "ingest_rows_total"
            requests = ["ingest_batches_total"]
            errors = ['ingest_batches_total{result="failed"}']
            latency = "ingest_batch_seconds"
        "#;
        let config: CollectConfig = toml::from_str(text).unwrap();
        assert_eq!(config.docker.unwrap().socket, PathBuf::from("/var/run/docker.sock"));
        assert_eq!(config.endpoints[0].errors[0].to_string(), "ingest_batches_total{result=\"failed\"}");
        assert!(toml::from_str::<CollectConfig>(&format!("rong = 1\n{text}")).is_err());
        assert!(toml::from_str::<CollectConfig>(&text.replace("{result=", "{result")).is_err());
        assert!(toml::from_str::<CollectConfig>(&text.replace("http:", "https:")).is_err());
    }
}
