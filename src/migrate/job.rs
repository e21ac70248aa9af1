//! What a migration is to do: written once, before anything happens, and never changed. It is a file of mode 0600 in the
//! migration's folder on the host.

use serde::{Deserialize, Serialize};

use super::saga::{Cutover, Mode};
use crate::host::Site;
use crate::plan::{Engine, NodeName, Rate};

/// Readers refuse files of a later version.
pub const JOB_VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    pub v: u32,
    pub id: String,
    pub mode: Mode,
    /// When the clients switch.
    #[serde(default)]
    pub cutover: Cutover,
    pub site: Site,
    pub host: NodeName,
    pub source: Source,
    #[serde(default)]
    pub to: Destination,
    /// Of the database that infra makes, where it does not grow by itself.
    #[serde(default)]
    pub storage_bytes: Option<u64>,
    /// Connections that copy side by side. None: as many as the host has processors.
    pub jobs: Option<usize>,
    /// Of the copy at its beginning; `infra migrate limit` changes it while it runs.
    #[serde(default)]
    pub max_rate: Option<Rate>,
    /// Codes of findings and losses that the user agreed to.
    pub accepted: Vec<String>,
    pub health_timeout_seconds: u64,
    /// `user@machine`.
    pub by: String,
}

/// Connections that copy side by side on this machine.
pub fn jobs(asked: Option<usize>) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    asked.unwrap_or(processors.min(8))
}

/// Who has made the new database, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// The user: it is there when the migration begins.
    #[default]
    Url,
    /// infra, in the stage `provision`: the bundle's own service, on another host of the plan.
    Host(NodeName),
    /// infra, in the same stage, at Amazon's.
    #[serde(untagged)]
    Managed(Engine),
}

impl Destination {
    pub fn engine(&self) -> Option<Engine> {
        match self {
            Self::Url | Self::Host(_) => None,
            Self::Managed(engine) => Some(*engine),
        }
    }

    pub fn host(&self) -> Option<&NodeName> {
        match self {
            Self::Host(host) => Some(host),
            Self::Url | Self::Managed(_) => None,
        }
    }

    /// It is not there before the stage `provision`, and goes with the migration if it is to.
    pub fn is_made(&self) -> bool {
        *self != Self::Url
    }
}

/// The bundle's own database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The compose service that holds it.
    pub service: String,
    pub database: String,
    /// Services to pause and repoint.
    pub clients: Vec<String>,
    /// The variable in which the clients get the password.
    pub password_variable: String,
}

/// What has been done since the load for a database that infra made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secured {
    /// The settings of the load are taken back, where a provider has them.
    pub reverted: bool,
    /// A backup that is complete, by its name.
    pub backup: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_the_word_that_was_typed() {
        for (destination, text) in [
            (Destination::Url, "\"url\""),
            (Destination::Managed(Engine::Rds), "\"rds\""),
            (Destination::Managed(Engine::Aurora), "\"aurora\""),
            (Destination::Host("store".parse().unwrap()), "{\"host\":\"store\"}"),
        ] {
            assert_eq!(serde_json::to_string(&destination).unwrap(), text);
            assert_eq!(serde_json::from_str::<Destination>(text).unwrap(), destination);
        }
        assert!(serde_json::from_str::<Destination>("\"mars\"").is_err());
    }
}
