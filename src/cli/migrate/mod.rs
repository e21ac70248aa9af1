//! `infra migrate`: begins a migration, or looks at the one under way and says a word to it. The work itself is the
//! agent's, on the host.

mod attach;
mod begin;
mod command;
mod database_host;
mod finish;
mod guide;
mod hosted;
mod limit;
mod options;
mod provider;
mod ways;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::args::Global;
use super::common::{OnHost, on_host};
use super::{ask, out};
use crate::agent::{self, Report};
use crate::error::{CommandError, Exit};
use crate::migrate::saga::{Next, admit};
use crate::plan::{FindingCode, Rate};
use crate::ui::pages_text;
use attach::{Attached, attach, look};
use finish::FinishArgs;
use limit::LimitArgs;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct MigrateArgs {
    #[command(subcommand)]
    word: Option<Verb>,
    #[command(flatten)]
    start: StartArgs,
}

#[derive(Debug, Args)]
struct StartArgs {
    /// The plan [default: the one that was brought up from here]
    plan: Option<PathBuf>,
    /// Where: rds, aurora or ec2 (as the plan's [migrate.rds], [migrate.aurora] or [migrate.ec2] says), another host of the
    /// plan, or postgres://user@host/name?sslmode=verify-full&sslrootcert=FILE
    #[arg(long, value_name = "rds|aurora|ec2|HOST|URL")]
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
    /// How fast rows may be copied, as 20MB/s [default: as fast as the disk of the old database bears]
    #[arg(long, value_name = "RATE")]
    max_rate: Option<Rate>,
    /// Show what would be done; change nothing
    #[arg(long)]
    plan_only: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show where the migration stands
    Status(StatusArg),
    /// Go on after a failure
    Resume(ResumeArg),
    /// Change how fast rows may be copied, while they are
    Limit(LimitArgs),
    /// Switch the clients now
    Cutover(CutoverWord),
    /// Undo everything, before the clients have switched
    Abort(UndoArg),
    /// Go back to the old database with every row, after they have
    Rollback(RollbackArg),
    /// Give up the way back and clean up; afterwards, remove the old data
    Finish(FinishArgs),
}

#[derive(Debug, Args)]
struct CutoverWord {
    plan: Option<PathBuf>,
    #[command(flatten)]
    leave: Leave,
    /// The plan's name: agrees to what is lost without asking
    #[arg(long, value_name = "NAME", requires = "leave_rows")]
    confirm: Option<String>,
}

/// What goes on although something of it is lost.
#[derive(Debug, Default, Args)]
struct Leave {
    /// Go on without what a server that is gone, or cannot bring it, holds; the plan's name is typed
    #[arg(long)]
    leave_rows: bool,
}

#[derive(Debug, Args)]
struct StatusArg {
    plan: Option<PathBuf>,
    /// Go on showing it until somebody is needed or it is over
    #[arg(long, short)]
    follow: bool,
    /// Everything that was found, that changed in the schema and that differs, whole
    #[arg(long, conflicts_with = "follow")]
    report: bool,
}

#[derive(Debug, Args)]
struct ResumeArg {
    plan: Option<PathBuf>,
    /// Warnings and losses that you agree to, besides those of the beginning
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    accept: Vec<FindingCode>,
}

#[derive(Debug, Args)]
struct UndoArg {
    plan: Option<PathBuf>,
    #[command(flatten)]
    removal: Removal,
    #[command(flatten)]
    leave: Leave,
}

#[derive(Debug, Args)]
struct RollbackArg {
    #[command(flatten)]
    undo: UndoArg,
    /// Where nothing follows by itself, as with hypertables: the clients wait while every row is copied back and compared
    #[arg(long, conflicts_with = "leave_rows")]
    offline: bool,
}

#[derive(Debug, Default, Args)]
struct Removal {
    /// Remove the new database as well, if infra made it; otherwise it stays, and costs
    #[arg(long)]
    include_data: bool,
    /// The plan's name: removes it, or agrees to what is lost, without asking
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

/// What a word carries.
#[derive(Default)]
struct Said {
    plan: Option<PathBuf>,
    accept: Vec<FindingCode>,
    removal: Removal,
    consent: agent::Consent,
}

fn losing(leave: Leave) -> agent::Consent {
    agent::Consent { loss: leave.leave_rows, ..agent::Consent::default() }
}

impl Said {
    fn undoing(arg: UndoArg) -> Self {
        Self { plan: arg.plan, removal: arg.removal, consent: losing(arg.leave), ..Self::default() }
    }
}

pub async fn run(global: &Global, args: MigrateArgs) -> Result<Exit, CommandError> {
    let Some(word) = args.word else { return begin::begin(global, args.start).await };
    match word {
        Verb::Limit(arg) => limit::limit(global, arg).await,
        Verb::Status(arg) => status(global, arg).await,
        Verb::Resume(arg) => {
            let said = Said { plan: arg.plan, accept: arg.accept, ..Said::default() };
            obey(global, agent::UserCommand::Resume, said).await
        }
        Verb::Cutover(arg) => {
            let removal = Removal { confirm: arg.confirm, ..Removal::default() };
            let said = Said { plan: arg.plan, removal, consent: losing(arg.leave), ..Said::default() };
            obey(global, agent::UserCommand::Cutover, said).await
        }
        Verb::Abort(arg) => obey(global, agent::UserCommand::Abort, Said::undoing(arg)).await,
        Verb::Rollback(RollbackArg { undo, offline }) => {
            let mut said = Said::undoing(undo);
            said.consent.wait = offline;
            obey(global, agent::UserCommand::Rollback, said).await
        }
        Verb::Finish(arg) => finish::finish(global, arg).await,
    }
}

async fn status(global: &Global, arg: StatusArg) -> Result<Exit, CommandError> {
    let at = on_host(global, arg.plan, None, "migrate").await?;
    if arg.report {
        return pages(global, &at).await;
    }
    attach(global, &at, if arg.follow { Attached::Follows } else { Attached::Glances }).await
}

/// What its screen shows the first of.
async fn pages(global: &Global, at: &OnHost) -> Result<Exit, CommandError> {
    look(at).await?.ok_or_else(|| none(at))?;
    let connected = at.session().await?;
    connected.session.install_agent().await?;
    let text = connected.session.agent(&["pages", &current(at)], &[]).await?;
    let pages: agent::Pages = serde_json::from_str(&text).map_err(CommandError::failed)?;
    if global.json {
        out::line(serde_json::json!(pages));
    } else {
        out::text(pages_text(&pages));
    }
    Ok(Exit::Done)
}

async fn obey(global: &Global, word: agent::UserCommand, said: Said) -> Result<Exit, CommandError> {
    let Said { plan, accept, removal, consent } = said;
    let at = on_host(global, plan, None, "migrate").await?;
    let report = look(&at).await?.ok_or_else(|| none(&at))?;
    if removal.include_data && report.is_undone() {
        return remove(global, &at, &report, &removal).await;
    }
    if !agreed(global, word, consent, &report)?
        || consent.loss && !loss_agreed(&at, word, removal.confirm.as_deref())?
        || removal.include_data && !removal_agreed(&at, &removal)?
    {
        return Ok(Exit::Failed);
    }
    say(&at, word, consent, &accept).await?;
    let exit = attach(global, &at, Attached::Serves).await?;
    if removal.include_data && exit == Exit::Done {
        let after = look(&at).await?.ok_or_else(|| none(&at))?;
        // The word may have been refused on the way: then it still serves.
        if after.is_undone() {
            provider::remove(global, &at, &after).await?;
        }
    }
    Ok(exit)
}

/// What is given up is said, and typed.
fn loss_agreed(at: &OnHost, word: agent::UserCommand, confirmed: Option<&str>) -> Result<bool, CommandError> {
    ask::destroy(loss(word), at.stack.plan.name.as_str(), confirmed)
}

fn loss(word: agent::UserCommand) -> &'static str {
    match word {
        agent::UserCommand::Cutover => "What the old database has and did not send to the new one is lost by this.",
        agent::UserCommand::Abort => "What is at a server that does not answer stays there, whatever it is.",
        agent::UserCommand::Rollback => {
            "Rows at the new database that the old one has no place for, or that its server does not send any more, are lost by this."
        }
        agent::UserCommand::Finish | agent::UserCommand::Resume => {
            "There is no way back to the old database after this, and what the migration made there may stay."
        }
    }
}

/// The new database of a migration that was undone before.
async fn remove(global: &Global, at: &OnHost, report: &Report, removal: &Removal) -> Result<Exit, CommandError> {
    if !removal_agreed(at, removal)? {
        return Ok(Exit::Failed);
    }
    provider::remove(global, at, report).await?;
    Ok(Exit::Done)
}

fn removal_agreed(at: &OnHost, removal: &Removal) -> Result<bool, CommandError> {
    ask::destroy("The new database is removed by this.", at.stack.plan.name.as_str(), removal.confirm.as_deref())
}

/// Asks where there is no way back.
fn agreed(
    global: &Global,
    word: agent::UserCommand,
    consent: agent::Consent,
    report: &Report,
) -> Result<bool, CommandError> {
    if report.next == Next::Nothing {
        return Err(CommandError::failed(format!("migration {} is over", report.id))
            .hint("infra migrate status tells how it ended; infra migrate --to … begins another"));
    }
    admit(word, consent.loss, &report.status).map_err(CommandError::failed)?;
    // Of a loss the plan's name is asked.
    if consent.loss {
        return Ok(true);
    }
    let question = match word {
        agent::UserCommand::Resume | agent::UserCommand::Cutover => return Ok(true),
        agent::UserCommand::Abort => "Undo the migration? The old database serves on, what was copied is given up.",
        agent::UserCommand::Rollback if consent.wait && report.comes_home => {
            "Go back to the old database, with every row? The clients wait while all of them are copied back and compared."
        }
        agent::UserCommand::Rollback => {
            "Go back to the old database, with every row that was written since the cutover?"
        }
        agent::UserCommand::Finish => {
            for missing in &report.missing_clients {
                eprintln!("note: {}", missing.told());
            }
            "Give up the way back to the old database?"
        }
    };
    ask::confirm(global, question, "--yes goes on without asking")
}

async fn say(
    at: &OnHost,
    word: agent::UserCommand,
    consent: agent::Consent,
    accept: &[FindingCode],
) -> Result<(), CommandError> {
    let connected = at.session().await?;
    let folder = current(at);
    connected.session.install_agent().await?;
    if !accept.is_empty() {
        let codes: Vec<_> = accept.iter().map(FindingCode::to_string).collect();
        connected.session.agent(&["accept", &folder, &codes.join(",")], &[]).await?;
    }
    let flags = [(consent.loss, "--consent"), (consent.wait, "--offline")].into_iter().filter(|(is_said, _)| *is_said);
    let words: Vec<&str> = ["ask", &folder, word.name()].into_iter().chain(flags.map(|(_, flag)| flag)).collect();
    connected.session.agent(&words, &[]).await?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::saga::Stage;
    use crate::ui::reports::{report, until};

    /// Tests have no terminal.
    fn said(word: agent::UserCommand, last: Stage, next: Next, yes: bool) -> Result<bool, (Exit, String)> {
        let global = Global { json: false, yes, verbose: 0, dir: None };
        agreed(&global, word, agent::Consent::default(), &report(&until(last), next, true))
            .map_err(|error| (error.exit, error.text()))
    }

    #[test]
    fn what_nothing_undoes_is_asked_for() {
        use agent::UserCommand::{Abort, Cutover, Finish, Resume, Rollback};
        for (word, last) in [(Abort, Stage::Verify), (Rollback, Stage::Guard), (Finish, Stage::Guard)] {
            let (exit, text) = said(word, last, Next::AwaitFinish, false).expect_err("nobody is there");
            assert!(exit == Exit::Question && text.contains("--yes goes on without asking"), "{text}");
            assert_eq!(said(word, last, Next::AwaitFinish, true), Ok(true));
        }
        for word in [Resume, Cutover] {
            assert_eq!(said(word, Stage::Verify, Next::AwaitCutover, false), Ok(true));
        }
    }

    #[test]
    fn words_out_of_time_are_refused_before_anybody_is_asked() {
        use agent::UserCommand::{Abort, Resume, Rollback};
        for (word, last, next) in [
            (Rollback, Stage::Copy, Next::AwaitCutover),
            (Abort, Stage::Guard, Next::AwaitFinish),
            (Resume, Stage::Finish, Next::Nothing),
        ] {
            assert_eq!(said(word, last, next, false).expect_err("its time is not now").0, Exit::Failed);
        }
    }
}
