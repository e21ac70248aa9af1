//! The `adapters` service: `adapters` serves, `adapters healthcheck` asks the running one how it is.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use adapters::api::Service;
use adapters::config::Config;
use adapters::store::Store;
use phoenix_tls::{Certificate, Server, probe, terminated};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let result = match std::env::args().nth(1).as_deref() {
        None => serve().await,
        Some("healthcheck") => healthcheck().await,
        Some(other) => Err(format!("unknown command {other:?}: there is only `healthcheck`").into()),
    };
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("adapters: {}", chain(error.as_ref()));
    ExitCode::FAILURE
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let config = config()?;
    let tls = if config.plain { None } else { Some(Certificate::from_env()?.ensure()?.watch()?) };
    let store = Store::open(&config.folder)?;
    let listener = TcpListener::bind(config.listen).await?;
    tracing::info!(address = %listener.local_addr()?, tls = tls.is_some(), "serving");
    let router = Service::new(store, config.access, config.limits).router();
    Server { tls, ..Server::default() }.run(listener, router, terminated()).await;
    Ok(())
}

async fn healthcheck() -> Result<(), Box<dyn Error>> {
    let config = config()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, config.listen.port()));
    match probe(address, !config.plain, "/healthz").await? {
        200 => Ok(()),
        status => Err(format!("/healthz answers {status}").into()),
    }
}

fn config() -> Result<Config, adapters::config::ConfigError> {
    Config::read(|name| std::env::var(name).ok())
}

/// The error and its causes on one line.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
