//! Whether every client has come to the new database since it serves: one that reads its place from elsewhere than the bundle's
//! variables stays where it was, is healthy, and writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::StageError;
use super::context::Context;
use crate::host::Connections;
use crate::migrate::files;
use crate::migrate::folder::{Folder, FolderError};

const EVERY: Duration = Duration::from_secs(5);
/// A client that has something to say does so within this.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);
/// Of the bundle's own database.
const PORT: u16 = 5432;

/// What was seen of them since the new database serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Came {
    since: Timestamp,
    clients: BTreeMap<String, Seen>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    at_the_new: bool,
    /// At the last look.
    at_the_old: bool,
    /// That it has not come stands in the log.
    said: bool,
}

/// A client that runs, and of which the new database has heard nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    pub client: String,
    /// The new database serves.
    pub since: Timestamp,
    /// It is connected to the old one, which refuses what it writes.
    pub at_the_old: bool,
}

impl Missing {
    pub fn told(&self) -> String {
        let Self { client, .. } = self;
        if self.at_the_old {
            format!(
                "{client} is still connected to the old database, which refuses what it writes: let it read where its database is (INFRA_DB_HOST and those beside it), then infra deploy"
            )
        } else {
            format!(
                "{client} has not connected to the new database: does it read where its database is (INFRA_DB_HOST and those beside it)?"
            )
        }
    }
}

/// The clients are about to come.
pub fn begin(context: &Context) -> Result<(), StageError> {
    Ok(context.folder.write(files::CLIENTS_CAME, &Came { since: Timestamp::now(), clients: BTreeMap::new() })?)
}

/// In guard.
pub async fn watch(context: &Context) -> Result<(), StageError> {
    let clients = &context.job.source.clients;
    if clients.is_empty() || !context.is_time("the clients' connections", EVERY) {
        return Ok(());
    }
    let Some(before) = context.folder.read::<Came>(files::CLIENTS_CAME)? else { return begin(context) };
    let target = context.target_of_clients().await?;
    let looked_up = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
    let addresses: Vec<SocketAddr> =
        looked_up.map_err(|source| StageError::Io { path: target.host.clone().into(), source })?.collect();
    let found = context.host.connections(context.site(), clients, &context.job.source.service).await?;
    let mut came = before.with(&found, &addresses);
    for missing in came.missing(Timestamp::now()) {
        let seen = came.clients.entry(missing.client.clone()).or_default();
        if !std::mem::replace(&mut seen.said, true) {
            tracing::warn!("{}", missing.told());
        }
    }
    if came != before {
        context.folder.write(files::CLIENTS_CAME, &came)?;
    }
    Ok(())
}

/// Those that have not come for a while.
pub fn missing(folder: &Folder) -> Result<Vec<Missing>, FolderError> {
    let came: Option<Came> = folder.read(files::CLIENTS_CAME)?;
    Ok(came.map(|came| came.missing(Timestamp::now())).unwrap_or_default())
}

impl Came {
    fn with(&self, found: &Connections, new: &[SocketAddr]) -> Self {
        let is_new =
            |peer: &SocketAddr| new.iter().any(|one| one.ip().to_canonical() == peer.ip() && one.port() == peer.port());
        let is_old = |peer: &SocketAddr| peer.port() == PORT && found.beside.contains(&peer.ip());
        let seen = |(client, peers): (&String, &BTreeSet<SocketAddr>)| {
            let before = self.clients.get(client).copied().unwrap_or_default();
            let at_the_new = before.at_the_new || peers.iter().any(is_new);
            (client.clone(), Seen { at_the_new, at_the_old: peers.iter().any(is_old), said: before.said })
        };
        // One that does not run has nothing to say.
        Self { since: self.since, clients: found.peers.iter().map(seen).collect() }
    }

    fn missing(&self, now: Timestamp) -> Vec<Missing> {
        if now.duration_since(self.since) < PATIENCE {
            return vec![];
        }
        let missing = self.clients.iter().filter(|(_, seen)| !seen.at_the_new);
        let told = |(client, seen): (&String, &Seen)| Missing {
            client: client.clone(),
            since: self.since,
            at_the_old: seen.at_the_old,
        };
        missing.map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_stays_where_it_was_is_told_of_after_a_while_until_it_comes() {
        let new: SocketAddr = "10.0.0.7:5432".parse().unwrap();
        let (old, other) = ("172.18.0.2:5432".parse().unwrap(), "172.18.0.9:6379".parse().unwrap());
        let found = |stays: &[SocketAddr]| Connections {
            peers: [("came", vec![new, other]), ("idle", vec![other]), ("stays", stays.to_vec())]
                .map(|(client, peers)| (client.to_owned(), peers.into_iter().collect()))
                .into(),
            beside: ["172.18.0.2".parse().unwrap()].into(),
        };
        let since = Timestamp::UNIX_EPOCH;
        let came = Came { since, clients: BTreeMap::new() }.with(&found(&[old]), &[new]);
        let told = |came: &Came, seconds| -> Vec<String> {
            came.missing(since + SignedDuration::from_secs(seconds)).iter().map(Missing::told).collect()
        };
        assert_eq!(told(&came, 59), [""; 0]);
        let late = told(&came, 60);
        assert!(late.len() == 2 && late[0].starts_with("idle has not connected"), "{late:?}");
        assert!(late[1].starts_with("stays is still connected to the old database"), "{late:?}");
        // A connection that ended was one.
        let came = came.with(&found(&[new]), &[new]).with(&found(&[other]), &[new]);
        assert_eq!(told(&came, 90).len(), 1);
    }
}
