//! The server over real sockets: TLS that clients verify, certificates exchanged while it runs, stopping in good order.

#![expect(clippy::unwrap_used, reason = "a test may stop at whatever goes wrong")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use phoenix_tls::{Certificate, Server, probe};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<usize>,
}

async fn start(server: Server) -> Running {
    let slow = get(|| async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        "slow"
    });
    let router = Router::new().route("/healthz", get(|| async { "well" })).route("/slow", slow);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(server.run(listener, router, async {
        let _ = stopped.await;
    }));
    Running { address, stop, task }
}

fn certificate(folder: &Path, name: &str) -> Certificate {
    Certificate { cert: folder.join("cert.pem"), key: folder.join("key.pem"), names: vec![name.to_owned()] }
}

/// Connects as `name`, trusting nothing but the given certificate.
async fn handshake(address: SocketAddr, trusted: &Path, name: &'static str) -> std::io::Result<()> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    connector.connect(ServerName::try_from(name).unwrap(), stream).await.map(drop)
}

#[tokio::test]
async fn clients_verify_the_certificate_and_see_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let first = certificate(folder.path(), "localhost").ensure().unwrap();
    let running = start(Server { tls: Some(first.watch().unwrap()), ..Server::default() }).await;
    handshake(running.address, &first.cert, "localhost").await.unwrap();
    handshake(running.address, &first.cert, "elsewhere.example").await.unwrap_err();
    assert_eq!(probe(running.address, true, "/healthz").await.unwrap(), 200);
    assert_eq!(probe(running.address, true, "/nothing").await.unwrap(), 404);

    // A key alone does not match: the old pair stays in use.
    let other = tempfile::tempdir().unwrap();
    let second = certificate(other.path(), "vault.example").ensure().unwrap();
    std::fs::copy(&second.key, &first.key).unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    handshake(running.address, &first.cert, "localhost").await.unwrap();

    std::fs::copy(&second.cert, &first.cert).unwrap();
    for attempt in 0.. {
        if handshake(running.address, &second.cert, "vault.example").await.is_ok() {
            break;
        }
        assert!(attempt < 100, "the new certificate was never served");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn running_requests_finish_and_new_ones_are_refused() {
    let running = start(Server::default()).await;
    let address = running.address;
    let slow = tokio::spawn(async move { probe(address, false, "/slow").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stop.send(()).unwrap();
    assert_eq!(slow.await.unwrap().unwrap(), 200);
    assert_eq!(running.task.await.unwrap(), 0);
    assert!(probe(address, false, "/healthz").await.is_err());
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_stop() {
    let running = start(Server::default()).await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).await.unwrap();
    running.stop.send(()).unwrap();
    let cut = tokio::time::timeout(Duration::from_secs(5), running.task).await.unwrap().unwrap();
    assert_eq!(cut, 0);
}

#[tokio::test]
async fn a_client_that_sends_nothing_loses_its_slot() {
    let server = Server { max_connections: 1, header_timeout: Duration::from_millis(200), ..Server::default() };
    let running = start(server).await;
    let _silent = TcpStream::connect(running.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(probe(running.address, false, "/healthz").await.unwrap(), 200);
}
