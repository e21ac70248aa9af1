//! The way to a server: TCP that notices when its peer is gone, and verified TLS on it.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::sockopt;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect as _};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::endpoint::{Endpoint, Tls};
use super::error::PostgresError;

/// The time for TCP, TLS and authentication together. A server that recovers from a crash answers at once that it does.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Firewalls forget quiet connections after some minutes; a build of an index is quiet for hours.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_COUNT: u32 = 6;
/// A peer that vanished without a word is noticed after this long, also while data is on its way. Long enough for a
/// short outage of the network: losing the connection that holds a snapshot costs the whole copy.
const USER_TIMEOUT: Duration = Duration::from_secs(120);

type TlsStream = <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::Stream;

/// Plain or encrypted bytes.
pub enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

/// A stream on which PostgreSQL's protocol starts; nothing is authenticated yet.
pub async fn dial(endpoint: &Endpoint) -> Result<Stream, PostgresError> {
    let address = endpoint.address();
    let unreachable = |source| PostgresError::Unreachable { address: address.clone(), source };
    let tcp = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await.map_err(unreachable)?;
    tune(&tcp).map_err(unreachable)?;
    match &endpoint.tls {
        Tls::Off => Ok(Stream::Plain(tcp)),
        Tls::VerifyFull { ca } => encrypt(tcp, endpoint, ca).await,
        Tls::ChannelBinding => Err(PostgresError::Authentication { address, method: "SCRAM bound to the channel" }),
    }
}

fn tune(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    sockopt::set_socket_keepalive(tcp, true)?;
    sockopt::set_tcp_keepidle(tcp, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(tcp, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(tcp, KEEPALIVE_COUNT)?;
    sockopt::set_tcp_user_timeout(tcp, USER_TIMEOUT.as_millis() as u32)?;
    Ok(())
}

async fn encrypt(mut tcp: TcpStream, endpoint: &Endpoint, ca: &Path) -> Result<Stream, PostgresError> {
    let address = endpoint.address();
    let mut connector = MakeRustlsConnect::new(verifying(ca)?);
    let mut request = bytes::BytesMut::new();
    postgres_protocol::message::frontend::ssl_request(&mut request);
    let mut answer = [0];
    let asked = async {
        tcp.write_all(&request).await?;
        // Exactly one byte: more would be somebody who slips plain text in before the encryption.
        tcp.read_exact(&mut answer).await
    };
    asked.await.map_err(|source| PostgresError::Unreachable { address: address.clone(), source })?;
    if answer != [b'S'] {
        return Err(PostgresError::TlsRefused { address });
    }
    let tls = |source| PostgresError::Tls { address: address.clone(), source };
    let Ok(connect) = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut connector, &endpoint.host);
    let stream = connect.connect(tcp).await.map_err(tls)?;
    Ok(Stream::Tls(Box::new(stream)))
}

fn verifying(path: &Path) -> Result<ClientConfig, PostgresError> {
    let unreadable = |source| PostgresError::Roots { path: path.to_owned(), source };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(|certificates| certificates.collect::<Result<_, _>>())
        .map_err(unreadable)?;
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(PostgresError::NoRoots { path: path.to_owned() });
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows the ciphers of the default versions");
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
