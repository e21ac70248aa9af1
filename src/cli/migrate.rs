//! `infra migrate`: begins a migration, or looks at the one under way and says a word to it. The work itself is the
//! agent's, on the host.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::args::Global;
use super::ask;
use super::common::{OnHost, on_host};
use super::out;
use crate::agent::{Begin, Report};
use crate::error::{CommandError, Exit};
use crate::host::{self, Session};
use crate::migrate::job::{JOB_VERSION, Job, Source};
use crate::migrate::saga::{Direction, Mode, Next, Stage};
use crate::postgres::{Endpoint, Secret, Tls};
use crate::ui::{stage_line, stages_text};

const POLL: Duration = Duration::from_millis(700);
/// A connection that broke is made anew; the migration goes on meanwhile.
const RECONNECTS: u32 = 20;

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
    let Some(word) = args.word else { return start(global, args.start).await };
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

async fn start(global: &Global, args: StartArgs) -> Result<Exit, CommandError> {
    let Some(to) = &args.to else {
        return Err(CommandError::usage("where to? name the new database")
            .hint("infra migrate --to postgres://user@host/name; its password comes from INFRA_TARGET_PASSWORD"));
    };
    let (target, ca) = target(to)?;
    let at = on_host(global, args.plan.clone(), None, "migrate").await?;
    let job = job(&at, &args)?;
    if !global.json {
        out::text(stages_text(&job, &target));
    }
    if args.plan_only {
        return Ok(Exit::Done);
    }
    if !ask::confirm(global, "Begin?", "--yes goes on without asking")? {
        return Ok(Exit::Failed);
    }
    let connected = at.session().await?;
    connected.session.install_agent().await?;
    let request = serde_json::to_vec(&Begin { job, target: Some(target), ca }).map_err(CommandError::failed)?;
    connected.session.agent(&["begin", &migrations(&at)], &request).await?;
    connected.session.start_migration(&at.site, &current(&at)).await?;
    attach(global, &at, false).await
}

/// The endpoint, and the roots of its file's content: the host does not have the file.
fn target(url: &str) -> Result<(Endpoint, Option<String>), CommandError> {
    let mut target = Endpoint::parse(url).map_err(CommandError::usage)?;
    if target.password.is_empty() {
        let password = std::env::var("INFRA_TARGET_PASSWORD").map_err(|_| {
            CommandError::usage("the new database's password is not known")
                .hint("set INFRA_TARGET_PASSWORD; a password in the URL would show in the process list")
        })?;
        target.password = Secret::new(password);
    }
    let ca = match &target.tls {
        Tls::Off => None,
        Tls::VerifyFull { ca } => Some(
            std::fs::read_to_string(ca)
                .map_err(|error| CommandError::usage(format!("cannot read {}: {error}", ca.display())))?,
        ),
    };
    Ok((target, ca))
}

fn job(at: &OnHost, args: &StartArgs) -> Result<Job, CommandError> {
    let plan = &at.stack.plan;
    let database = plan.database.as_ref().ok_or_else(|| {
        CommandError::usage("the plan has no [database]").hint("name the service that holds it and its clients")
    })?;
    let timeout = plan.bundle.as_ref().map(|b| b.health_timeout.duration()).unwrap_or_default();
    Ok(Job {
        v: JOB_VERSION,
        id: jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string(),
        mode: if args.offline { Mode::Offline } else { Mode::Online },
        auto_cutover: args.cutover == CutoverArg::Auto,
        site: at.site.clone(),
        host: at.host.clone(),
        source: Source {
            service: database.service.to_string(),
            database: database.name.to_string(),
            clients: database.clients.iter().map(ToString::to_string).collect(),
            password_variable: "POSTGRES_PASSWORD".to_owned(),
        },
        jobs: args.jobs,
        accepted: args.accept.clone(),
        health_timeout_seconds: timeout.as_secs(),
        by: host::operator(),
    })
}

fn migrations(at: &OnHost) -> String {
    format!("{}/migrations", at.site.state_dir())
}

fn current(at: &OnHost) -> String {
    format!("{}/current", migrations(at))
}

/// Shows how the migration goes on, until it needs somebody or is over. Ctrl-C only stops looking.
async fn attach(global: &Global, at: &OnHost, once: bool) -> Result<Exit, CommandError> {
    let mut shown: BTreeMap<Stage, String> = BTreeMap::new();
    let mut failures = 0;
    loop {
        let report = match look(at).await {
            Ok(report) => report,
            Err(_) if failures < RECONNECTS => {
                failures += 1;
                tokio::time::sleep(POLL).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        failures = 0;
        if global.json {
            out::line(serde_json::json!(report));
        } else {
            for (stage, progress) in &report.status.stages {
                let line = stage_line(*stage, progress, report.progress.as_ref());
                if shown.get(stage) != Some(&line) {
                    eprintln!("{line}");
                    shown.insert(*stage, line);
                }
            }
        }
        if let Some(exit) = ended(global, &report, once) {
            return exit;
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn look(at: &OnHost) -> Result<Report, CommandError> {
    let connected = at.session().await?;
    let session: &Session = &connected.session;
    let text = session.agent(&["status", &current(at)], &[]).await?;
    serde_json::from_str(&text).map_err(CommandError::failed)
}

fn ended(global: &Global, report: &Report, once: bool) -> Option<Result<Exit, CommandError>> {
    let say = |text: &str| {
        if !global.json {
            out::line(text);
        }
    };
    if !report.running
        && let Some((stage, error)) = report.status.failure()
    {
        let next = if report.status.is_cut_over() { "rollback" } else { "abort" };
        return Some(Err(CommandError::failed(format!("{stage}: {error}"))
            .hint(format!("infra migrate resume goes on where it stopped; infra migrate {next} goes back"))));
    }
    match report.next {
        Next::Nothing if report.status.direction == Direction::Forward => say("the migration is finished"),
        Next::Nothing => say("everything is undone: the old database serves"),
        Next::AwaitFinish => {
            if let Some(pause) = report.pause {
                say(&format!("the new database serves; writers waited {} ms", pause.total_ms));
            }
            say("infra migrate finish gives up the way back; infra migrate rollback takes it, with every row");
        }
        Next::AwaitCutover => say("ready: infra migrate cutover switches the clients"),
        Next::Run(_) | Next::Undo(_) if once => {}
        Next::Run(_) | Next::Undo(_) => return None,
    }
    Some(Ok(Exit::Done))
}
