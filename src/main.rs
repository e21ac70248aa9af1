//! The program: parses the command line and hands over.

use std::process::ExitCode;

use clap::Parser;
use infra::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    infra::logging::start(cli.global.verbose);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(infra::cli::run(cli)).into(),
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}
