//! What every stage works with: the job, the host that this process runs on, both databases.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::overlap::Overlap;
use super::{StageError, home};
use crate::host::{DatabaseContainer, Session, Site};
use crate::migrate::files;
use crate::migrate::folder::Folder;
use crate::migrate::job::{self, Job, Secured};
use crate::migrate::relay::own_address;
use crate::migrate::unseen::unseen;
use crate::postgres::{Client, Endpoint, Secret, Tls, connect};

/// What the server's administrator sees of us.
pub const APPLICATION: &str = "infra migrate";
/// Names of both directions of replication.
pub const FORWARD: &str = "infra_forward";
pub const BACK: &str = "infra_back";
/// The role at the old database that applies what comes back; it may write while nobody else does.
pub const APPLY_ROLE: &str = "infra_apply";
/// The role that the new database's server reads the old one's changes as.
pub const READ_ROLE: &str = "infra_replication";
/// Where the agent lets the new database's server through to the old one.
pub const RELAY_PORT: u16 = 15432;

pub struct Context {
    pub job: Job,
    pub folder: Folder,
    pub host: Session,
    pub overlap: Overlap,
    /// When something that is done now and then was done last.
    done: Mutex<BTreeMap<&'static str, Instant>>,
}

impl Context {
    pub fn new(folder: Folder) -> Result<Self, StageError> {
        let job = folder.job()?;
        let host = Session::here(&job.host);
        Ok(Self { job, folder, host, overlap: Overlap::default(), done: Mutex::default() })
    }

    pub fn site(&self) -> &Site {
        &self.job.site
    }

    /// Looked up each time: a container that was restarted has another address.
    pub async fn container(&self) -> Result<DatabaseContainer, StageError> {
        Ok(self.host.find_database(self.site(), &self.job.source.service).await?)
    }

    pub async fn source(&self) -> Result<Endpoint, StageError> {
        match self.source_elsewhere()? {
            Some(there) => Ok(there),
            None => Ok(source(&self.container().await?, &self.job.source)),
        }
    }

    /// On the way home the database that is read is at the new server. None: it is the bundle's own.
    pub fn source_elsewhere(&self) -> Result<Option<Endpoint>, StageError> {
        Ok(self.folder.read(files::SOURCE)?)
    }

    /// pg_dump of the old database, up to and with the options that say which.
    pub async fn dump_command(&self) -> Result<Vec<String>, StageError> {
        let container = self.container().await?;
        Ok(match self.source_elsewhere()? {
            Some(there) => home::pg_dump(&container, &self.folder, &there),
            None => pg_dump(&container, &self.job.source),
        })
    }

    pub fn has_target(&self) -> Result<bool, StageError> {
        Ok(self.folder.read::<Endpoint>(files::TARGET)?.is_some())
    }

    /// Codes of findings and losses that the user agrees to.
    pub fn accepted(&self) -> Result<Vec<String>, StageError> {
        let mut accepted = self.folder.read::<Vec<String>>(files::ACCEPTED)?.unwrap_or_default();
        accepted.extend(self.job.accepted.iter().cloned());
        Ok(accepted)
    }

    /// The new database has no settings of the load any more: a user's own never had.
    pub fn is_reverted(&self) -> Result<bool, StageError> {
        let secured = self.folder.read::<Secured>(files::SECURED)?.unwrap_or_default();
        Ok(self.job.to.engine().is_none() || secured.reverted)
    }

    pub async fn target(&self) -> Result<Endpoint, StageError> {
        let endpoint: Option<Endpoint> = self.folder.read(files::TARGET)?;
        endpoint.ok_or(StageError::NoTarget)
    }

    /// The new database as its clients enter it: a user's own as infra does.
    pub async fn target_of_clients(&self) -> Result<Endpoint, StageError> {
        let own: Option<Endpoint> = self.folder.read(files::CLIENTS)?;
        match own {
            Some(endpoint) => Ok(endpoint),
            None => self.target().await,
        }
    }

    pub async fn old(&self) -> Result<Client, StageError> {
        let old = connect(&self.source().await?, APPLICATION).await?;
        unseen(&old).await?;
        Ok(old)
    }

    /// The old server, in a database that is not being moved.
    pub async fn old_maintenance(&self) -> Result<Client, StageError> {
        let other = if self.job.source.database == "postgres" { "template1" } else { "postgres" };
        Ok(connect(&self.source().await?.with_database(other), APPLICATION).await?)
    }

    pub async fn new_database(&self) -> Result<Client, StageError> {
        let new = connect(&self.target().await?, APPLICATION).await?;
        unseen(&new).await?;
        Ok(new)
    }

    /// The new server, in a database that is not the one that was filled.
    pub async fn new_maintenance(&self) -> Result<Client, StageError> {
        let target = self.target().await?;
        let other = if target.database == "postgres" { "template1" } else { "postgres" };
        Ok(connect(&target.with_database(other), APPLICATION).await?)
    }

    /// So long after the last time; and this is one.
    pub fn is_time(&self, what: &'static str, every: Duration) -> bool {
        let mut done = self.done.lock().expect("nobody panics while it is held");
        if done.get(what).is_some_and(|last| last.elapsed() < every) {
            return false;
        }
        done.insert(what, Instant::now());
        true
    }

    /// The host's address in the network that it shares with the new database: the one that it calls it from.
    pub async fn own_address(&self) -> Result<String, StageError> {
        let target = self.target().await?;
        let address = own_address((&target.host, target.port)).await;
        let io = |source| StageError::Io { path: target.host.clone().into(), source };
        Ok(address.map_err(io)?.to_string())
    }

    pub fn jobs(&self) -> usize {
        job::jobs(self.job.jobs)
    }

    pub fn health_timeout(&self) -> Duration {
        Duration::from_secs(self.job.health_timeout_seconds)
    }
}

/// The old database, from the host: the bundle's own network is not encrypted.
pub fn source(container: &DatabaseContainer, source: &job::Source) -> Endpoint {
    Endpoint {
        host: container.address.clone(),
        port: 5432,
        database: source.database.clone(),
        user: container.user.clone(),
        login: None,
        password: Secret::new(container.password.as_str()),
        tls: Tls::Off,
    }
}

/// pg_dump of the old server's own version, in its own container, up to and with the options that say which database.
pub fn pg_dump(container: &DatabaseContainer, source: &job::Source) -> Vec<String> {
    container.exec_argv(&["pg_dump", "--username", &container.user, "--dbname", &source.database])
}
