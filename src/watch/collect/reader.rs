//! All that is measured, read at once: the kernel first, then everybody who has to be asked, side by side.

use jiff::Timestamp;

use super::config::CollectConfig;
use super::containers::Containers;
use super::database::Database;
use super::endpoint::Endpoint;
use super::host::Host;
use super::sample::Reading;

pub struct Reader {
    host: Host,
    containers: Option<Containers>,
    database: Option<Database>,
    /// Which service is the database, where it is the bundle's.
    database_service: Option<String>,
    endpoints: Vec<Endpoint>,
}

impl Reader {
    pub fn new(config: &CollectConfig) -> Self {
        Self {
            host: Host::new(config.devices.clone(), config.mounts.clone()),
            containers: config.docker.as_ref().map(Containers::new),
            database: config.database.as_ref().map(Database::new),
            database_service: config.database.as_ref().and_then(|database| database.service.clone()),
            endpoints: config.endpoints.iter().map(Endpoint::new).collect(),
        }
    }

    /// Takes as long as the slowest of those who are asked, or their patience.
    pub async fn read(&mut self, now: Timestamp) -> Reading {
        let mut reading = self.host.read();
        let (containers, addresses) = match &mut self.containers {
            Some(containers) => containers.read(now).await,
            None => Default::default(),
        };
        reading.add(containers);
        let address = self.database_service.as_ref().and_then(|service| addresses.get(service)).copied();
        let database = async {
            match &mut self.database {
                Some(database) => database.read(address).await,
                None => Reading::default(),
            }
        };
        let endpoints = futures::future::join_all(self.endpoints.iter_mut().map(|endpoint| endpoint.read(&addresses)));
        let (database, endpoints) = tokio::join!(database, endpoints);
        reading.add(database);
        endpoints.into_iter().for_each(|endpoint| reading.add(endpoint));
        reading
    }
}
