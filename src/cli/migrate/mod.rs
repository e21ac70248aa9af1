//! `infra migrate`: begins a migration, or looks at the one under way and says a word to it. The work itself is the
//! agent's, on the host.

mod attach;
mod begin;
mod provider;

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
    /// Where: rds (as the plan's [migrate.rds] says), or postgres://user@host/name?sslmode=verify-full&sslrootcert=FILE
    #[arg(long, value_name = "rds|URL")]
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
    Resume(ResumeArg),
    /// Switch the clients now
    Cutover(PlanArg),
    /// Undo everything, before the clients have switched
    Abort(UndoArg),
    /// Go back to the old database with every row, after they have
    Rollback(UndoArg),
    /// Give up the way back and clean up
    Finish(PlanArg),
}

#[derive(Debug, Args)]
struct PlanArg {
    plan: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ResumeArg {
    plan: Option<PathBuf>,
    /// Warnings and losses that you agree to, besides those of the beginning
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    accept: Vec<String>,
}

#[derive(Debug, Args)]
struct UndoArg {
    plan: Option<PathBuf>,
    /// Remove the new database as well, if infra made it; otherwise it stays, and costs
    #[arg(long)]
    include_data: bool,
    /// The plan's name: removes it without asking
    #[arg(long, value_name = "NAME", requires = "include_data")]
    confirm: Option<String>,
}

pub async fn run(global: &Global, args: MigrateArgs) -> Result<Exit, CommandError> {
    let Some(word) = args.word else { return begin::begin(global, args.start).await };
    let accept = if let Word::Resume(arg) = &word { arg.accept.clone() } else { vec![] };
    let (name, plan, removal) = match word {
        Word::Status(arg) => ("status", arg.plan, None),
        Word::Resume(arg) => ("resume", arg.plan, None),
        Word::Cutover(arg) => ("cutover", arg.plan, None),
        Word::Abort(arg) => ("abort", arg.plan, arg.include_data.then_some(arg.confirm)),
        Word::Rollback(arg) => ("rollback", arg.plan, arg.include_data.then_some(arg.confirm)),
        Word::Finish(arg) => ("finish", arg.plan, None),
    };
    let at = on_host(global, plan, None, "migrate").await?;
    let connected = at.session().await?;
    let folder = current(&at);
    if let Some(confirm) = &removal
        && !ask::destroy("The new database is removed by this.", at.stack.plan.name.as_str(), confirm.as_deref())?
    {
        return Ok(Exit::Failed);
    }
    if name != "status" {
        if name == "finish"
            && !ask::confirm(global, "Give up the way back to the old database?", "--yes goes on without asking")?
        {
            return Ok(Exit::Failed);
        }
        connected.session.install_agent().await?;
        if name == "finish" {
            provider::secure(global, &at, &attach::look(&at).await?).await?;
        }
        if !accept.is_empty() {
            connected.session.agent(&["accept", &folder, &accept.join(",")], &[]).await?;
        }
        connected.session.agent(&["ask", &folder, name], &[]).await?;
        connected.session.start_migration(&at.site, &folder).await?;
    }
    let exit = attach(global, &at, name == "status").await?;
    match removal {
        Some(_) if exit == Exit::Done => provider::remove(global, &at).await.map(|()| exit),
        _ => Ok(exit),
    }
}

fn migrations(at: &OnHost) -> String {
    format!("{}/migrations", at.site.state_dir())
}

fn current(at: &OnHost) -> String {
    format!("{}/current", migrations(at))
}
