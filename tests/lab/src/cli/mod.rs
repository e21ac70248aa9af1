//! Arguments of the `lab` command; one file for each verb that does more than a few lines.

mod background;
mod mark;
mod serve;
mod status;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use lab::host::{self, HostCommand};
use lab::paths;

/// A small AWS on one machine: Lightsail answered here, the rest by MiniStack.
#[derive(Debug, Parser)]
#[command(name = "lab", version)]
pub struct Arguments {
    /// Where the account, the disks and the logs are kept.
    #[arg(long, global = true, value_name = "DIR", default_value_os_t = paths::state())]
    state: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start the lab in the background, unless it runs already.
    Up(ServeArguments),
    /// Run the lab in the foreground.
    Serve(ServeArguments),
    /// Stop the lab and remove what it made: account, machines, disks, networks.
    Down {
        /// Only stop the gateway; account and machines stay for the next `lab up`.
        #[arg(long)]
        keep: bool,
    },
    /// Print the environment that points AWS's clients at the lab: `eval "$(lab env)"`.
    Env,
    /// Single hosts outside of the account, for tests of what happens over SSH.
    #[command(subcommand)]
    Host(HostCommand),
    /// Say whether the lab runs, and what it has been asked.
    Status,
}

#[derive(Debug, Clone, Args)]
pub struct ServeArguments {
    /// What instances are.
    #[arg(long, value_enum, default_value_t = MachineKind::Containers)]
    machines: MachineKind,
    /// MiniStack gets the one above it.
    #[arg(long, default_value_t = 4780, env = "LAB_PORT", value_parser = clap::value_parser!(u16).range(1024..=65534))]
    port: u16,
    /// Added to every request, such as `200ms`.
    #[arg(long, default_value = "0ms", value_parser = duration)]
    latency: Duration,
    /// How long a Lightsail operation takes at least, such as `0.3s`.
    #[arg(long, default_value = "0.3s", value_parser = duration)]
    operations: Duration,
    /// Answer Lightsail only: do not start MiniStack.
    #[arg(long)]
    lightsail_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MachineKind {
    /// Containers on this machine's Docker.
    Containers,
    /// Nothing: only the account exists.
    None,
}

impl Arguments {
    pub async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            Verb::Up(arguments) => background::up(&self.state, &arguments).await,
            Verb::Serve(arguments) => serve::serve(&self.state, &arguments).await,
            Verb::Down { keep } => background::down(&self.state, keep).await,
            Verb::Env => status::env(&self.state),
            Verb::Host(command) => host::run(&command, &self.state).await,
            Verb::Status => status::status(&self.state).await,
        }
    }
}

/// A number with `ms` or `s`.
fn duration(text: &str) -> anyhow::Result<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').context("write a duration as 200ms or 0.3s")?, 1.0),
    };
    let seconds: f64 = number.parse().context("write a duration as 200ms or 0.3s")?;
    if !(0.0..=86400.0).contains(&seconds) {
        bail!("a duration is between 0 and a day");
    }
    Ok(Duration::from_secs_f64(seconds * unit))
}
