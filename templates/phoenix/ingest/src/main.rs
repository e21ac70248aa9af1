//! The `ingest` service: `ingest` serves, `ingest healthcheck` asks a running one. Configured by the environment; see
//! the README beside the compose file.

use ingest::config::Config;
use ingest::healthcheck;
use ingest::service::{self, chain};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Gives memory back to the system after a burst, which glibc's allocator does not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type AnyError = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => serve(),
        ["healthcheck"] => block_on(async { healthcheck::run().await.map_err(AnyError::from) }),
        ["--version"] => {
            println!("ingest {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        _ => {
            eprintln!("usage: ingest [healthcheck | --version]");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ingest: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), AnyError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    let config = Config::from_environment()?;
    block_on(async { Ok(service::run(config, phoenix_tls::terminated()).await?) })
}

fn block_on(work: impl Future<Output = Result<(), AnyError>>) -> Result<(), AnyError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
