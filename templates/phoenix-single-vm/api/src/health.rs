//! How the service is. `/ready` is its own readiness, which is the database's: the container's health check, and what a
//! release and a migration wait for. `/health` covers everything behind it: the one check for whoever looks from outside.

use crate::config::default_listen;
use crate::store::Store;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Of one part; all are asked at once, and who asks us waits ten seconds.
const PATIENCE: Duration = Duration::from_secs(3);
/// Of an answer the first line is all that counts.
const LINE_MOST: u64 = 256;

/// Another service, asked over plain HTTP within the bundle's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    address: String,
    path: String,
}

#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    #[error("{address} does not answer")]
    Silent { address: String, source: std::io::Error },
    #[error("{address} did not answer within {} s", PATIENCE.as_secs())]
    Slow { address: String },
    #[error("{address} answered {status:?}")]
    Ill { address: String, status: String },
}

impl Part {
    /// From `name=host:port/path`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('=')?;
        let (address, path) = rest.split_at(rest.find('/')?);
        let port: u16 = address.rsplit_once(':')?.1.parse().ok()?;
        let named = !name.is_empty() && port > 0;
        named.then(|| Self { name: name.to_owned(), address: address.to_owned(), path: path.to_owned() })
    }

    /// Succeeds if it answers 200.
    pub async fn ask(&self) -> Result<(), HealthError> {
        let address = self.address.clone();
        let status = match tokio::time::timeout(PATIENCE, self.status_line()).await {
            Ok(Ok(status)) => status,
            Ok(Err(source)) => return Err(HealthError::Silent { address, source }),
            Err(_) => return Err(HealthError::Slow { address }),
        };
        if status.split(' ').nth(1) == Some("200") { Ok(()) } else { Err(HealthError::Ill { address, status }) }
    }

    async fn status_line(&self) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address).await?;
        let request = format!("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.path, self.address);
        stream.write_all(request.as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(stream.take(LINE_MOST)).read_line(&mut line).await?;
        Ok(line.trim_end().to_owned())
    }
}

/// Each part with what is wrong with it; none: all is well.
pub async fn report(store: &Store, parts: &[Part]) -> BTreeMap<String, Option<String>> {
    let asked: Vec<_> =
        parts.iter().cloned().map(|part| (part.name.clone(), tokio::spawn(async move { part.ask().await }))).collect();
    let database = store.ping().await.err().map(|error| crate::service::chain(&error));
    let mut report = BTreeMap::from([("database".to_owned(), database)]);
    for (name, answer) in asked {
        let answer = answer.await.expect("asking does not panic");
        report.insert(name, answer.err().map(|error| crate::service::chain(&error)));
    }
    report
}

/// `api healthcheck`: asks the service on this machine whether it is ready, so that its image needs no curl.
pub async fn ask_local() -> Result<(), HealthError> {
    let listen = std::env::var("LISTEN").ok().and_then(|text| text.parse().ok()).unwrap_or_else(default_listen);
    Part { name: "api".to_owned(), address: reachable(listen).to_string(), path: "/ready".to_owned() }.ask().await
}

/// What listens everywhere is reached over loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_read_or_refused() {
        let part = Part::parse("prometheus=prometheus:9090/-/healthy").unwrap();
        assert_eq!((part.address.as_str(), part.path.as_str()), ("prometheus:9090", "/-/healthy"));
        for wrong in ["", "a", "a=b", "a=b/", "a=b:x/", "=b:1/", "a=b:0/"] {
            assert_eq!(Part::parse(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn only_200_is_well() {
        for (answer, well) in [("HTTP/1.1 200 OK\r\n\r\n", true), ("HTTP/1.1 503 No\r\n\r\n", false), ("", false)] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let part = Part::parse(&format!("x={}/", listener.local_addr().unwrap())).unwrap();
            tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                assert!(stream.read(&mut request).await.unwrap() > 0);
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
            assert_eq!(part.ask().await.is_ok(), well, "{answer:?}");
        }
    }
}
