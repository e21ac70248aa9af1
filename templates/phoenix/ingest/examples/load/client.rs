//! One HTTP/1.1 connection, plain or with TLS.

use crate::AnyError;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Where batches go.
pub struct Target {
    address: SocketAddr,
    authorization: String,
    tls: Option<TlsConnector>,
}

impl Target {
    /// `ca` is a file with the service's own certificate, or the one that signed it.
    pub fn new(url: &str, token: &str, ca: Option<&Path>) -> Result<Self, AnyError> {
        let (scheme, address) = url.split_once("://").ok_or("the URL has no scheme")?;
        let tls = match scheme {
            "https" => Some(connector(ca.ok_or("https needs ca=FILE")?)?),
            _ => None,
        };
        Ok(Self { address: address.trim_end_matches('/').parse()?, authorization: format!("Bearer {token}"), tls })
    }
}

fn connector(ca: &Path) -> Result<TlsConnector, AnyError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca)? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
}

pub struct Client(SendRequest<Full<Bytes>>);

impl Client {
    pub async fn connect(target: &Target) -> Result<Self, AnyError> {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &target.tls else { return Self::over(TokioIo::new(stream)).await };
        let name = ServerName::from(target.address.ip());
        Self::over(TokioIo::new(tls.connect(name, stream).await?)).await
    }

    async fn over(io: impl hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static) -> Result<Self, AnyError> {
        let (sender, connection) = handshake(io).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// The status, and how long to wait before the next try.
    pub async fn post(&mut self, target: &Target, body: Bytes) -> Result<(u16, Duration), AnyError> {
        let request = Request::post("/api/v1/telemetry")
            .header(HOST, target.address.to_string())
            .header(AUTHORIZATION, &target.authorization)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        self.0.ready().await?;
        let response = self.0.send_request(request).await?;
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let status = response.status().as_u16();
        Body::new(response.into_body()).collect().await?;
        Ok((status, Duration::from_secs(retry_after.unwrap_or(0))))
    }
}
