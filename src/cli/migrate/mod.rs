//! `infra migrate`: begins a migration, or looks at the one under way and says a word to it. The work itself is the
//! agent's, on the host.

mod attach;
mod begin;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::args::Global;
use super::ask;
use super::common::{OnHost, on_host};
use crate::error::{CommandError, Exit};
use attach::attach;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct MigrateArgs {
    #[command(subcommand)]
    word: Option<Word>,
    #[command(flatten)]
    start: StartArgs,
}

#[derive(Debug, Args)]
struct StartArgs {
    /// The plan [default: the one that was brought up from here]
    plan: Option<PathBuf>,
    /// The new database: postgres://user@host/name?sslmode=verify-full&sslrootcert=FILE
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Writers wait from before the copy to the end; without it they wait for seconds
    #[arg(long)]
    offline: bool,
    /// When the clients switch
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    cutover: CutoverArg,
    /// What is lost and may be: codes that `--plan-only` or a refusal named
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    accept: Vec<String>,
    /// Connections that copy side by side [default: the host's processors, at most 8]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Show what would be done; change nothing
    #[arg(long)]
    plan_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CutoverArg {
    /// As soon as both databases hold the same
    Auto,
    /// At `infra migrate cutover`
    Manual,
}

#[derive(Debug, Subcommand)]
enum Word {
    /// Watch the migration
    Status(PlanArg),
    /// Go on after a failure
    Resume(PlanArg),
    /// Switch the clients now
    Cutover(PlanArg),
    /// Undo everything, before the clients have switched
    Abort(PlanArg),
    /// Go back to the old database with every row, after they have
    Rollback(PlanArg),
    /// Give up the way back and clean up
    Finish(PlanArg),
}

#[derive(Debug, Args)]
struct PlanArg {
    plan: Option<PathBuf>,
}

pub async fn run(global: &Global, args: MigrateArgs) -> Result<Exit, CommandError> {
    let Some(word) = args.word else { return begin::begin(global, args.start).await };
    let (name, plan) = match word {
        Word::Status(arg) => ("status", arg.plan),
        Word::Resume(arg) => ("resume", arg.plan),
        Word::Cutover(arg) => ("cutover", arg.plan),
        Word::Abort(arg) => ("abort", arg.plan),
        Word::Rollback(arg) => ("rollback", arg.plan),
        Word::Finish(arg) => ("finish", arg.plan),
    };
    let at = on_host(global, plan, None, "migrate").await?;
    let connected = at.session().await?;
    let folder = current(&at);
    if name != "status" {
        if name == "finish"
            && !ask::confirm(global, "Give up the way back to the old database?", "--yes goes on without asking")?
        {
            return Ok(Exit::Failed);
        }
        connected.session.install_agent().await?;
        connected.session.agent(&["ask", &folder, name], &[]).await?;
        connected.session.start_migration(&at.site, &folder).await?;
    }
    attach(global, &at, name == "status").await
}

fn migrations(at: &OnHost) -> String {
    format!("{}/migrations", at.site.state_dir())
}

fn current(at: &OnHost) -> String {
    format!("{}/current", migrations(at))
}
