//! The server loop: accepts connections, speaks TLS if asked to, and stops in good order.
//!
//! Invariants: no client can hold a connection slot without sending (handshake and header timeouts), the number of
//! connections is bounded, and after the stop signal no new request starts while running ones may finish.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// What a connection may buffer: hyper's own limit of some 400 KiB, times all connections, would be a lot of memory.
const BUFFER: usize = 32 * 1024;

/// How a router is served.
pub struct Server {
    /// From [`Certificate::watch`](crate::Certificate::watch); without it, plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Further connections wait in the kernel's queue.
    pub max_connections: usize,
    /// For the TLS handshake, for a request's header to arrive, and so for an idle connection.
    pub header_timeout: Duration,
    /// How long running requests may take after the stop signal. Keep it below the container's stop grace period.
    pub drain: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            tls: None,
            max_connections: 1024,
            header_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(25),
        }
    }
}

impl Server {
    /// Serves until `stop` is ready, then finishes running requests. Returns how many connections had to be cut.
    pub async fn run(self, listener: TcpListener, router: Router, stop: impl Future<Output = ()>) -> usize {
        let slots = Arc::new(Semaphore::new(self.max_connections));
        let graceful = GracefulShutdown::new();
        let acceptor = self.tls.clone().map(TlsAcceptor::from);
        let mut stop = std::pin::pin!(stop);
        loop {
            let (stream, slot) = tokio::select! {
                () = &mut stop => break,
                accepted = accept(&listener, &slots) => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => { pause(&error).await; continue }
                },
            };
            let (router, watcher, acceptor) = (router.clone(), graceful.watcher(), acceptor.clone());
            let timeout = self.header_timeout;
            tokio::spawn(async move {
                connection(stream, router, watcher, acceptor, timeout).await;
                drop(slot);
            });
        }
        drop(listener);
        drain(graceful, self.drain).await
    }
}

type Slot = tokio::sync::OwnedSemaphorePermit;

/// The next connection, once there is room for it.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> io::Result<(TcpStream, Slot)> {
    let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, slot))
}

/// A failed accept is about one connection (it was reset) or about resources (no file descriptor): both pass.
async fn pause(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

async fn connection(
    stream: TcpStream,
    router: Router,
    watcher: Watcher,
    acceptor: Option<TlsAcceptor>,
    timeout: Duration,
) {
    let Some(acceptor) = acceptor else { return requests(stream, router, watcher, timeout).await };
    match tokio::time::timeout(timeout, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => requests(stream, router, watcher, timeout).await,
        // Port scans and clients that do not trust the certificate: the peer's matter.
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake timed out"),
    }
}

async fn requests<S>(stream: S, router: Router, watcher: Watcher, timeout: Duration)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended early");
    }
}

/// Lets running requests finish; returns how many connections did not in time.
async fn drain(graceful: GracefulShutdown, limit: Duration) -> usize {
    let left = graceful.count();
    tracing::info!(connections = left, "stopping");
    match tokio::time::timeout(limit, graceful.shutdown()).await {
        Ok(()) => 0,
        Err(_) => {
            tracing::warn!(connections = left, "stopped before every request was answered");
            left
        }
    }
}

/// Ready at the first SIGTERM or SIGINT.
pub async fn terminated() {
    let mut term = signal(SignalKind::terminate()).expect("a signal handler can be installed");
    let mut int = signal(SignalKind::interrupt()).expect("a signal handler can be installed");
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
}
