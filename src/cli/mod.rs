//! The command line: arguments → call → render. One file a verb; no logic.

mod agent;
mod args;
mod ask;
mod common;
mod deploy;
mod down;
mod exec;
mod explain;
mod host_key;
mod init;
mod logs;
mod migrate;
mod out;
mod plan;
mod provider;
mod rollback;
mod schema;
mod status;
mod stop;
mod up;

pub use args::{Cli, Global, Verb};

use crate::error::{CommandError, Exit};

/// Runs one command to its exit code; errors are rendered here and nowhere else.
pub async fn run(cli: Cli) -> Exit {
    let json = cli.global.json;
    match dispatch(cli).await {
        Ok(exit) => exit,
        Err(error) => {
            if json {
                out::line(error.json());
            }
            eprint!("{}", error.text());
            error.exit
        }
    }
}

async fn dispatch(cli: Cli) -> Result<Exit, CommandError> {
    let global = &cli.global;
    match cli.verb {
        Verb::Init(args) => init::verb(global, &args),
        Verb::Plan(args) => plan::run(global, args).await,
        Verb::Up(args) => up::run(global, args).await,
        Verb::Status(args) => status::run(global, args).await,
        Verb::Explain(args) => explain::run(global, &args),
        Verb::Down(args) => down::run(global, args).await,
        Verb::Deploy(args) => deploy::run(global, args).await,
        Verb::Rollback(args) => rollback::run(global, args).await,
        Verb::Logs(args) => logs::run(global, args).await,
        Verb::Ssh(args) => exec::ssh(global, args).await,
        Verb::Exec(args) => exec::exec(global, args).await,
        Verb::Migrate(args) => migrate::run(global, args).await,
        Verb::Agent(args) => agent::run(args).await,
        Verb::Schema => {
            out::text(schema::text());
            Ok(Exit::Done)
        }
        Verb::Completions { shell } => {
            args::completions(shell);
            Ok(Exit::Done)
        }
    }
}
