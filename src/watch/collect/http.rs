//! One GET, over TCP or a Unix socket, within limits of time and size. Plain text only: what is asked is on this host.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// With everything that is asked meanwhile it must fit between two readings.
pub const PATIENCE: Duration = Duration::from_secs(4);
/// A service with ten thousand series tells some 2 MB. The collector is to stay small.
const LARGEST: usize = 4 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Unix(PathBuf),
    Tcp { host: String, port: u16 },
}

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("it cannot be reached: {0}")]
    Connect(#[from] std::io::Error),
    #[error("its answer broke off: {0}")]
    Protocol(#[from] hyper::Error),
    #[error("its answer is longer than {megabytes} MB, or broke off: {0}", megabytes = LARGEST >> 20)]
    Body(Box<dyn std::error::Error + Send + Sync>),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("its address is none: {0}")]
    Address(#[from] hyper::http::Error),
    #[error("it did not answer within {} s", PATIENCE.as_secs())]
    Silent,
}

pub async fn get(place: &Place, path: &str) -> Result<Bytes, HttpError> {
    let asked = async {
        match place {
            Place::Unix(socket) => ask(UnixStream::connect(socket).await?, "localhost", path).await,
            Place::Tcp { host, port } => ask(TcpStream::connect((host.as_str(), *port)).await?, host, path).await,
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.map_err(|_| HttpError::Silent)?
}

async fn ask<S>(stream: S, host: &str, path: &str) -> Result<Bytes, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path).header(HOST, host).body(Empty::<Bytes>::new())?;
    let answer = async {
        let answer = sender.send_request(request).await?;
        if answer.status() != StatusCode::OK {
            return Err(HttpError::Status(answer.status()));
        }
        Ok(Limited::new(answer.into_body(), LARGEST).collect().await.map_err(HttpError::Body)?.to_bytes())
    };
    // The connection is driven by whoever waits for the answer: nothing is left behind when he gives up.
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        broken = &mut connection => {
            broken?;
            answer.await
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixListener;

    use super::*;

    async fn answered(answer: &'static str) -> Result<Bytes, HttpError> {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"GET /x HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        };
        let place = Place::Unix(socket);
        tokio::join!(get(&place, "/x"), serve).0
    }

    #[tokio::test]
    async fn an_answer_comes_whole_in_pieces_or_not_at_all() {
        let whole = answered("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
        assert_eq!(whole, "hi");
        let pieces =
            answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n").await.unwrap();
        assert_eq!(pieces, "hi");
        let to_the_end = answered("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi").await.unwrap();
        assert_eq!(to_the_end, "hi");
        assert!(answered("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi").await.is_err());
        assert!(matches!(answered("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n").await, Err(HttpError::Status(_))));
        let gone = get(&Place::Unix("/nowhere".into()), "/x").await;
        assert!(matches!(gone, Err(HttpError::Connect(_))));
    }
}
