//! `infra agent`: for infra itself, on the host. Not in the help.

use std::io::Read;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::out;
use crate::agent::{self, AgentError, UserCommand};
use crate::error::{CommandError, Exit};
use crate::migrate::copy::MaxRate;

#[derive(Debug, Args)]
pub struct AgentArgs {
    #[command(subcommand)]
    verb: AgentVerb,
}

impl AgentArgs {
    /// It runs for as long as the host does, beside whatever else is there.
    pub fn is_small(&self) -> bool {
        matches!(self.verb, AgentVerb::Collect { .. })
    }
}

#[derive(Debug, Subcommand)]
enum AgentVerb {
    /// Tell what a migration would meet; what would begin it comes from standard input
    Look,
    /// Make the folder of a migration, from standard input
    Begin { folder: PathBuf },
    /// Run a migration's stages
    Migrate { folder: PathBuf },
    /// Keep the snapshot that rows are copied from
    Hold { folder: PathBuf },
    /// Keep the old server's disk from filling while a migration stands still
    WatchLog { folder: PathBuf },
    /// Tell where a migration stands
    Status {
        folder: PathBuf,
        /// With how the old server fares
        #[arg(long)]
        source: bool,
    },
    /// Tell what it has found, whole
    Pages { folder: PathBuf },
    /// Tell where it stands in one line, unless it is over
    Brief { folder: PathBuf },
    /// Take in the database that was provisioned, from standard input
    Provisioned { folder: PathBuf },
    /// Tell by which address another host reaches this one
    OwnAddress { toward: String },
    /// Let clients into the database that was brought here, by standard input
    HostDatabase,
    /// Copy what it holds, by standard input
    SaveHosted,
    /// Take in what was done for it by its provider, from standard input
    Secured { folder: PathBuf },
    /// Take in how many seconds the old data are to stay
    Keep { folder: PathBuf, seconds: u64 },
    /// Remove the old data
    RemoveOld { folder: PathBuf },
    /// Take in what else the user agrees to
    Accept {
        folder: PathBuf,
        #[arg(value_delimiter = ',')]
        codes: Vec<String>,
    },
    /// Change how fast rows are copied
    Limit { folder: PathBuf, rate: MaxRate },
    /// Write down a word of the user
    Ask {
        folder: PathBuf,
        word: UserCommandArg,
        /// And that he agrees to what it loses
        #[arg(long)]
        consent: bool,
        /// And that the clients may wait until every row is copied back
        #[arg(long)]
        offline: bool,
    },
    /// Measure this host until it is told to stop
    Collect {
        /// What to measure, in TOML
        #[arg(long)]
        config: PathBuf,
        /// Print one reading and keep nothing
        #[arg(long)]
        once: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum UserCommandArg {
    Resume,
    Cutover,
    Abort,
    Rollback,
    Finish,
}

pub async fn run(args: AgentArgs) -> Result<Exit, CommandError> {
    match args.verb {
        AgentVerb::Look => out::line(serde_json::json!(agent::assess(&request()?).await?)),
        AgentVerb::Begin { folder } => agent::begin(folder, &request()?)?,
        AgentVerb::Migrate { folder } => drop(agent::migrate(folder).await?),
        AgentVerb::Hold { folder } => agent::hold(folder).await?,
        AgentVerb::WatchLog { folder } => agent::watch_log(folder).await?,
        AgentVerb::Status { folder, source } => out::line(serde_json::json!(agent::report(folder, source).await?)),
        AgentVerb::Pages { folder } => out::line(serde_json::json!(agent::pages(folder)?)),
        AgentVerb::Brief { folder } => out::line(serde_json::json!(agent::brief(folder)?)),
        AgentVerb::Provisioned { folder } => agent::provisioned(folder, &request()?).await?,
        AgentVerb::OwnAddress { toward } => out::line(agent::own_address(&toward).await?),
        AgentVerb::HostDatabase => out::line(serde_json::json!(agent::host_database(&request()?).await?)),
        AgentVerb::SaveHosted => out::line(agent::save_hosted(&request()?).await?),
        AgentVerb::Secured { folder } => agent::secured(folder, &request()?)?,
        AgentVerb::Keep { folder, seconds } => agent::keep_old(folder, seconds)?,
        AgentVerb::RemoveOld { folder } => agent::remove_old(folder).await?,
        AgentVerb::Accept { folder, codes } => agent::accept(folder, codes)?,
        AgentVerb::Limit { folder, rate } => agent::limit(folder, rate)?,
        AgentVerb::Ask { folder, word, consent, offline } => {
            agent::submit(folder, word.into(), agent::Consent { loss: consent, wait: offline }).await?;
        }
        AgentVerb::Collect { config, once: true } => {
            out::line(serde_json::json!(agent::collect_once(&config).await?));
        }
        AgentVerb::Collect { config, once: false } => agent::collect(&config).await?,
    }
    Ok(Exit::Done)
}

fn request() -> Result<Vec<u8>, CommandError> {
    let mut request = vec![];
    std::io::stdin().read_to_end(&mut request).map_err(CommandError::failed)?;
    Ok(request)
}

impl From<UserCommandArg> for UserCommand {
    fn from(word: UserCommandArg) -> Self {
        match word {
            UserCommandArg::Resume => Self::Resume,
            UserCommandArg::Cutover => Self::Cutover,
            UserCommandArg::Abort => Self::Abort,
            UserCommandArg::Rollback => Self::Rollback,
            UserCommandArg::Finish => Self::Finish,
        }
    }
}

impl From<agent::CollectError> for CommandError {
    fn from(error: agent::CollectError) -> Self {
        Self::failed(error)
    }
}

impl From<AgentError> for CommandError {
    fn from(error: AgentError) -> Self {
        Self::failed(error)
    }
}
