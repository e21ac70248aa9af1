//! `ingest healthcheck`: asks the service on this machine whether it is ready, so that images need no curl.

use crate::config::default_listen;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

#[derive(Debug, thiserror::Error)]
pub enum HealthcheckError {
    #[error("{address} does not answer")]
    Silent { address: SocketAddr, source: std::io::Error },
    #[error("{address} is not ready: it answered {status}")]
    NotReady { address: SocketAddr, status: u16 },
}

/// Succeeds if `/healthz` answers 200 where `LISTEN` or `LISTEN_PLAIN` say that the service is.
pub async fn run() -> Result<(), HealthcheckError> {
    let variable = |name| std::env::var(name).ok().and_then(|text| text.parse::<SocketAddr>().ok());
    let (address, tls) = match (variable("LISTEN"), variable("LISTEN_PLAIN")) {
        (Some(address), _) => (address, true),
        (None, Some(address)) => (address, false),
        (None, None) => (default_listen(None).expect("HTTPS is served by default"), true),
    };
    let address = reachable(address);
    let status = phoenix_tls::probe(address, tls, "/healthz")
        .await
        .map_err(|source| HealthcheckError::Silent { address, source })?;
    if status == 200 { Ok(()) } else { Err(HealthcheckError::NotReady { address, status }) }
}

/// What listens everywhere is reached over loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    address
}
