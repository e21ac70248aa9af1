//! The program: parses the command line and hands over.

use std::process::ExitCode;

use clap::Parser;
use infra::cli::Cli;
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let cli = Cli::parse();
    infra::logging::start(cli.global.verbose);
    let runtime = match cli.is_small() {
        true => Builder::new_current_thread().enable_all().build(),
        false => Builder::new_multi_thread().worker_threads(4).enable_all().build(),
    };
    match runtime {
        Ok(runtime) => runtime.block_on(infra::cli::run(cli)).into(),
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}
