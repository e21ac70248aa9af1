//! The way from the new database's server to the old one, which the bundle does not publish: a port on the host's own
//! address in their common network, open as long as the migration runs. Who enters is for the old server to decide: its
//! role for replication has a password of its own.

use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// After a connection that could not be taken: with no descriptor or memory left, the next one fails as well.
const WAITS: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_secs(5))
    .without_max_times();

/// This host's address in the network that it shares with another: the one that it calls that from.
pub async fn own_address(toward: (&str, u16)) -> std::io::Result<IpAddr> {
    let socket = tokio::net::UdpSocket::bind(("0.0.0.0", 0)).await?;
    // Nothing is sent: the kernel only chooses the way.
    socket.connect(toward).await?;
    Ok(socket.local_addr()?.ip())
}

/// Serves until it is dropped. `to` is asked for each connection: a restarted container has another address.
pub async fn relay<F, A>(listener: TcpListener, to: F) -> Infallible
where
    F: Fn() -> A + Clone + Send + 'static,
    A: Future<Output = Option<(String, u16)>> + Send,
{
    loop {
        let warn = |error: &std::io::Error, _| {
            tracing::warn!("a connection of the new database could not be taken: {error}");
        };
        let Ok((mut client, _)) = (|| listener.accept()).retry(WAITS).notify(warn).await else { continue };
        let to = to.clone();
        tokio::spawn(async move {
            let Some(address) = to().await else { return };
            let Ok(mut server) = TcpStream::connect(address).await else { return };
            drop(client.set_nodelay(true));
            drop(server.set_nodelay(true));
            // Either side may end at any time; both notice by themselves.
            drop(copy_bidirectional(&mut client, &mut server).await);
        });
    }
}
