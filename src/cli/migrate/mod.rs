//! `infra migrate`: begins a migration, or looks at the one under way and says a word to it. The work itself is the
//! agent's, on the host.

mod attach;
mod begin;
mod terms;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::args::Global;
use super::ask;
use super::common::{OnHost, on_host};
use crate::agent::{self, Report};
use crate::error::{CommandError, Exit};
use crate::migrate::saga::Next;
use crate::plan::FindingCode;
use attach::{attach, look};

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
    #[arg(long, conflicts_with = "online")]
    offline: bool,
    /// They wait for seconds, although the plan says offline
    #[arg(long)]
    online: bool,
    /// When the clients switch: auto, as soon as both databases hold the same; manual, at `infra migrate cutover`; or
    /// at TIME, as 02:30 or 2026-11-22T02:30:00Z [default: the plan's, or auto]
    #[arg(long, value_name = "WHEN", num_args = 1..=2)]
    cutover: Vec<String>,
    /// Warnings and losses that you agree to: codes that `--plan-only` or a question named
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    accept: Vec<FindingCode>,
    /// Connections that copy side by side [default: the host's processors, at most 8]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Show what would be done; change nothing
    #[arg(long)]
    plan_only: bool,
}

#[derive(Debug, Subcommand)]
enum Word {
    /// Show where the migration stands
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
    let (word, plan) = match word {
        Word::Status(arg) => (None, arg.plan),
        Word::Resume(arg) => (Some(agent::Word::Resume), arg.plan),
        Word::Cutover(arg) => (Some(agent::Word::Cutover), arg.plan),
        Word::Abort(arg) => (Some(agent::Word::Abort), arg.plan),
        Word::Rollback(arg) => (Some(agent::Word::Rollback), arg.plan),
        Word::Finish(arg) => (Some(agent::Word::Finish), arg.plan),
    };
    let at = on_host(global, plan, None, "migrate").await?;
    if let Some(word) = word {
        let report = look(&at).await?.ok_or_else(|| none(&at))?;
        if !agreed(global, word, &report)? {
            return Ok(Exit::Failed);
        }
        say(&at, word).await?;
    }
    attach(global, &at, word.is_none()).await
}

/// Asks where there is no way back.
fn agreed(global: &Global, word: agent::Word, report: &Report) -> Result<bool, CommandError> {
    if report.next == Next::Nothing {
        return Err(CommandError::failed(format!("migration {} is over", report.id))
            .hint("infra migrate status tells how it ended; infra migrate --to … begins another"));
    }
    agent::admit(word, &report.status)?;
    let question = match word {
        agent::Word::Resume | agent::Word::Cutover => return Ok(true),
        agent::Word::Abort => "Undo the migration? The old database serves on, what was copied is given up.",
        agent::Word::Rollback => "Go back to the old database, with every row that was written since the cutover?",
        agent::Word::Finish => "Give up the way back to the old database?",
    };
    ask::confirm(global, question, "--yes goes on without asking")
}

async fn say(at: &OnHost, word: agent::Word) -> Result<(), CommandError> {
    let connected = at.session().await?;
    let folder = current(at);
    connected.session.install_agent().await?;
    connected.session.agent(&["ask", &folder, word.name()], &[]).await?;
    Ok(connected.session.start_migration(&at.site, &folder).await?)
}

fn none(at: &OnHost) -> CommandError {
    CommandError::failed(format!("no migration was begun on host {}", at.host)).hint("infra migrate --to … begins one")
}

fn migrations(at: &OnHost) -> String {
    format!("{}/migrations", at.site.state_dir())
}

fn current(at: &OnHost) -> String {
    format!("{}/current", migrations(at))
}
