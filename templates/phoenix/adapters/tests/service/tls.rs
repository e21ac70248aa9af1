//! The service as it is deployed: HTTPS with a certificate that it made, asked by its own health check, stopped.

use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::http;
use crate::server::{PUBLISH, Server, command};

#[test]
fn serves_over_tls_until_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("tls/cert.pem"), folder.path().join("tls/key.pem"));
    let with_tls = |listen: &str| {
        let mut command = command(&folder.path().join("store"));
        command.env("LISTEN", listen).env("TLS_CERT", &cert).env("TLS_KEY", &key).env("TLS_NAMES", "vault.example");
        command
    };
    let mut server = Server::spawn(with_tls("127.0.0.1:0"));

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&cert).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("vault.example").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(client, TcpStream::connect(server.address).unwrap());
    let bearer = format!("Bearer {PUBLISH}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Length", "3")];
    stream.write_all(http::head("PUT", "/adapters/lora/1/a", &headers).as_bytes()).unwrap();
    stream.write_all(b"one").unwrap();
    assert_eq!(http::receive(stream).status, 201);

    let address = server.address.to_string();
    let healthcheck = || with_tls(&address).arg("healthcheck").status().unwrap();
    assert!(healthcheck().success());
    Command::new("kill").arg(server.child.id().to_string()).status().unwrap();
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(!healthcheck().success());
}
