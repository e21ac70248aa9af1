//! What can be typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};

use super::agent::AgentArgs;
use super::init::InitArgs;
use super::migrate::MigrateArgs;
use super::out;

#[derive(Debug, Parser)]
#[command(
    name = "infra",
    version,
    about = "From one small server to managed services, without a rewrite and without losing a row",
    after_help = "Exit codes: 0 done · 1 failed · 2 wrong usage or invalid plan · 3 changes pending (plan --exit-code) · \
                  5 stopped at a question that needs a person · 130 interrupted"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

impl Cli {
    /// One thread is enough for it, and more would only take room.
    pub fn is_small(&self) -> bool {
        matches!(&self.verb, Verb::Agent(args) if args.is_small())
    }
}

#[derive(Debug, Clone, Args)]
pub struct Global {
    /// One JSON document on stdout, or JSON lines while something runs
    #[arg(long, global = true)]
    pub json: bool,
    /// Answer yes to every question but the loss of data or of access
    #[arg(long, short = 'y', global = true)]
    pub yes: bool,
    /// Say more; twice: still more of infra's own diagnostics
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// The folder that holds `.infra` [default: the current one]
    #[arg(long, global = true, value_name = "DIR", env = "INFRA_DIR", hide_env_values = true)]
    pub dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write a first plan by asking what is needed, or from one that ships
    Init(InitArgs),
    /// Show what would change, why, and what it costs; change nothing
    Plan(PlanArgs),
    /// Make it so
    Up(UpArgs),
    /// Hosts, disks, services and alarms on one screen
    Status(StatusArgs),
    /// What a metric is, where it is measured, and what to do about it
    Explain(ExplainArgs),
    /// Remove what the plan made; disks with data stay
    Down(DownArgs),
    /// Put the bundle on its host as a new release
    Deploy(DeployArgs),
    /// Go back to an earlier release
    Rollback(RollbackArgs),
    /// Show the services' logs
    Logs(LogsArgs),
    /// Open a shell on a host
    Ssh(SshArgs),
    /// Run a command on a host
    Exec(ExecArgs),
    /// Move the database to another server while it is used, verified and reversible
    Migrate(MigrateArgs),
    #[command(hide = true)]
    Agent(AgentArgs),
    /// Print the JSON Schema of plans, for editors
    Schema,
    /// Print a completion script for your shell
    Completions { shell: clap_complete::Shell },
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The plan [default: the one that was brought up from here]
    pub plan: Option<PathBuf>,
    /// Save it, for `infra up FILE` to run exactly this or nothing
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Exit with 3 when there is something to do
    #[arg(long)]
    pub exit_code: bool,
}

#[derive(Debug, Args)]
pub struct UpArgs {
    /// The plan, or a file saved by `infra plan --out` [default: the plan that was brought up from here]
    pub plan: Option<PathBuf>,
    /// Go on although SSH from here may be cut off
    #[arg(long)]
    pub allow_lockout: bool,
    /// Lose what lies on the root disk of this instance and cannot be carried to its successor
    #[arg(long, value_name = "INSTANCE")]
    pub lose: Vec<String>,
    /// The host key of an instance, as its own console shows it, where the cloud does not tell it
    #[arg(long, value_name = "INSTANCE=SHA256:…")]
    pub host_key: Vec<String>,
    /// How long any one step may take, for example 30m [default: by kind of step]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub step_timeout: Option<Duration>,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    pub plan: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// As plans name it, or as AWS does [default: a list of all]
    pub metric: Option<String>,
}

#[derive(Debug, Args)]
pub struct DownArgs {
    pub plan: Option<PathBuf>,
    /// Disks and snapshots go too
    #[arg(long)]
    pub include_data: bool,
    /// Only what nothing in the plan needs any more: hosts, disks and snapshots that earlier changes left over
    #[arg(long)]
    pub left_over: bool,
    /// Do not stop services over SSH first: for a host that does not answer
    #[arg(long)]
    pub skip_services: bool,
    /// The plan's name, instead of typing it
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// Lose what lies on the root disk of this instance
    #[arg(long, value_name = "INSTANCE")]
    pub lose: Vec<String>,
}

#[derive(Debug, Args)]
pub struct DeployArgs {
    pub plan: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The release to go back to [default: the one before the current]
    #[arg(long, value_name = "NUMBER")]
    pub to: Option<u32>,
    /// List the releases instead
    #[arg(long)]
    pub list: bool,
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct LogsArgs {
    /// All services when none is named
    pub services: Vec<String>,
    /// Go on as lines come
    #[arg(long, short)]
    pub follow: bool,
    /// Lines from the end
    #[arg(long, short = 'n', default_value_t = 100)]
    pub tail: u32,
    /// Not older than this, for example 10m
    #[arg(long)]
    pub since: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SshArgs {
    /// The host [default: the bundle's]
    pub host: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Run it in this service's container instead of on the host
    #[arg(long, short)]
    pub service: Option<String>,
    /// The host [default: the bundle's]
    #[arg(long)]
    pub host: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

/// `30s`, `15m`, `2h`, as in plans.
fn duration(text: &str) -> Result<Duration, String> {
    crate::plan::Span::parse(text).map(|span| span.duration()).map_err(|error| error.to_string())
}

pub fn completions(shell: clap_complete::Shell) {
    let mut script = vec![];
    clap_complete::generate(shell, &mut Cli::command(), "infra", &mut script);
    out::text(String::from_utf8_lossy(&script));
}
