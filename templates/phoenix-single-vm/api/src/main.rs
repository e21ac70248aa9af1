//! The `api` service: `api` serves, `api healthcheck` asks a running one. Configured by the environment; see the README
//! beside the compose file.

use api::config::Config;
use api::{health, service};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

type AnyError = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => serve(),
        ["healthcheck"] => block_on(async { Ok(health::ask_local().await?) }),
        _ => {
            eprintln!("usage: api [healthcheck]");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("api: {}", service::chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), AnyError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    let config = Config::from_environment()?;
    block_on(async { Ok(service::run(config, service::terminated()).await?) })
}

fn block_on(work: impl Future<Output = Result<(), AnyError>>) -> Result<(), AnyError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
