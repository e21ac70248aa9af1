//! Puts the parts together, runs them, and ends them in order: first the requests, then the writers.

use crate::api::{self, Api};
use crate::budget::Budget;
use crate::config::Config;
use crate::database::upkeep::Upkeep;
use crate::database::{Availability, ConnectError, Connector};
use crate::metrics::Metrics;
use crate::writer::{Queue, Writer, WriterContext};
use axum::Router;
use phoenix_tls::{Certificate, Server, TlsError};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// For running requests after the stop signal: longer than a batch waits for the database by default, and with the
/// writers' time still below the container's 30 s.
const DRAIN: Duration = Duration::from_secs(20);
const WRITERS_DRAIN: Duration = Duration::from_secs(5);
/// Each connection may hold some tens of KiB outside the budget. Agents are hundreds at most, and keep few open.
const CONNECTIONS_MAX: usize = 512;

#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("cannot prepare the connection to the database")]
    Database(#[from] ConnectError),
    #[error("cannot prepare the certificate")]
    Tls(#[from] TlsError),
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
}

/// Serves until `stop` is ready.
pub async fn run(config: Config, stop: impl Future<Output = ()>) -> Result<(), ServiceError> {
    let mut servers = Vec::new();
    if let Some(address) = config.listen {
        let tls = Some(Certificate::from_env()?.ensure()?.watch()?);
        servers.push((listen(address).await?, Server { tls, ..server() }));
    }
    if let Some(address) = config.listen_plain {
        servers.push((listen(address).await?, server()));
    }
    let (router, writers) = start(&config)?;
    serve(servers, router, stop).await;
    // The routers are gone and with them the queue's sending end, so the writers end when it is empty.
    if tokio::time::timeout(WRITERS_DRAIN, writers.join_all()).await.is_err() {
        tracing::warn!("stopped with batches that the database did not take; their senders have no answer");
    }
    tracing::info!("stopped");
    Ok(())
}

fn start(config: &Config) -> Result<(Router, JoinSet<()>), ServiceError> {
    let connector = Connector::new(config.database.clone(), &config.database_tls)?;
    let availability = Availability::default();
    let metrics = Arc::new(Metrics::default());
    let partitions = Arc::default();
    let upkeep = Upkeep {
        connector: connector.clone(),
        availability: availability.clone(),
        partitions: Arc::clone(&partitions),
        retention_days: config.retention_days,
        keys_kept: config.keys_kept,
    };
    tokio::spawn(upkeep.run());
    let (queue, groups) = Queue::new(config.limits.queue, config.limits.patience);
    let context = WriterContext { connector, availability: availability.clone(), metrics: metrics.clone(), partitions };
    let mut writers = JoinSet::new();
    for _ in 0..config.writers {
        writers.spawn(Writer::new(context.clone()).run(groups.clone()));
    }
    let api = Api {
        token: config.token.clone(),
        limits: config.limits,
        retention_days: config.retention_days,
        writers: config.writers,
        budget: Budget::new(config.limits.in_flight),
        queue,
        availability,
        metrics,
        in_flight: Default::default(),
    };
    Ok((api::router(Arc::new(api)), writers))
}

fn server() -> Server {
    Server { drain: DRAIN, max_connections: CONNECTIONS_MAX, ..Server::default() }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServiceError> {
    let listener = TcpListener::bind(address).await.map_err(|source| ServiceError::Listen { address, source })?;
    tracing::info!(address = %listener.local_addr().unwrap_or(address), "listening");
    Ok(listener)
}

/// Runs all servers; one signal stops them all.
async fn serve(servers: Vec<(TcpListener, Server)>, router: Router, stop: impl Future<Output = ()>) {
    let (stopping, stopped) = tokio::sync::watch::channel(false);
    let mut running = JoinSet::new();
    for (listener, server) in servers {
        let mut stopped = stopped.clone();
        let signal = async move {
            // An error means that the sender is gone, which is as good a reason to stop.
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        running.spawn(server.run(listener, router.clone(), signal));
    }
    drop(router);
    stop.await;
    stopping.send_replace(true);
    running.join_all().await;
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
