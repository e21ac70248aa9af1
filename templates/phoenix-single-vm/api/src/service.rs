//! Puts the parts together, serves until it is told to stop, and lets running requests end.

use crate::config::Config;
use crate::routes;
use crate::store::StoreError;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("cannot prepare the connection to the database")]
    Database(#[from] StoreError),
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("serving failed")]
    Serve(#[source] std::io::Error),
}

/// Serves until `stop` is ready.
pub async fn run(config: Config, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), ServiceError> {
    let address = config.listen;
    let router = routes::router(&config)?;
    let listener = TcpListener::bind(address).await.map_err(|source| ServiceError::Listen { address, source })?;
    tracing::info!(%address, "listening");
    axum::serve(listener, router).with_graceful_shutdown(stop).await.map_err(ServiceError::Serve)?;
    tracing::info!("stopped");
    Ok(())
}

/// Ready when the container is stopped, or somebody presses Ctrl-C.
pub async fn terminated() {
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be awaited");
    let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be awaited");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
