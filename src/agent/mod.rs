//! What runs on the host: the same program, as `infra agent …`, next to the data. The operator's side calls it over SSH;
//! it answers with JSON on standard output. Long work runs under systemd and survives a closed laptop.

mod assess;
mod collect;
mod health;
mod hosted;
mod old_data;
mod pages;
mod report;

use std::path::{Path, PathBuf};

pub use assess::assess;
pub use collect::{CollectError, Once, collect, collect_once};
pub use health::SourceHealth;
pub use hosted::{host_database, own_address, save_hosted};
pub use old_data::{keep_old, remove_old};
pub use pages::Pages;
pub use report::{Report, Work};

use serde::{Deserialize, Serialize};

use crate::inventory::host_facts::MigrationFacts;
use crate::migrate::copy::{CopyError, MaxRate, write_limit};
use crate::migrate::files;
use crate::migrate::folder::{Folder, FolderError};
use crate::migrate::hosted::HostedError;
pub use crate::migrate::hosted::HostedRequest;
use crate::migrate::job::Job;
pub use crate::migrate::job::Secured;
use crate::migrate::logins::{self, Passwords};
use crate::migrate::run::{self, RunError};
pub use crate::migrate::saga::{Consent, UserCommand};
use crate::migrate::saga::{Event, Next, Progress, Side, Stage, Untimely, admit, next};
use crate::migrate::stages::{self, Context, StageError};
use crate::postgres::Endpoint;

#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Journal(#[from] crate::journal::JournalError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Assess(#[from] crate::migrate::assessment::AssessError),
    #[error(transparent)]
    Host(#[from] crate::host::HostError),
    #[error(transparent)]
    Hosted(#[from] HostedError),
    #[error("there is no way from this host to {toward}")]
    Route { toward: String, source: std::io::Error },
    #[error("cannot keep the roots that the new database is verified by")]
    Roots(#[source] std::io::Error),
    #[error("what the operator's side sent is not understood")]
    Request(#[from] serde_json::Error),
    #[error("migration {id} is under way on this host: infra migrate status shows it")]
    UnderWay { id: String },
    #[error(transparent)]
    Untimely(#[from] Untimely),
    #[error("{0}")]
    TooLate(String),
    #[error(
        "the new database still has the settings of the load, or no backup: infra migrate finish, on the operator's side, sees to that first"
    )]
    NotSecured,
    #[error(
        "the old data are kept until {until}: infra migrate finish --keep 0d --include-data says that they may go now"
    )]
    Kept { until: jiff::Timestamp },
    #[error("the migration is not finished: the old data are its way back")]
    NotFinished,
    #[error("the clients use a database that an earlier migration moved: the bundle's own service holds old data")]
    Moved,
}

/// A new migration, as the operator's side asks for it. It holds a password: it travels through standard input.
#[derive(Debug, Serialize, Deserialize)]
pub struct Begin {
    pub job: Job,
    /// None: the stage `provision` will tell it.
    pub target: Option<Endpoint>,
    /// The roots to verify it by, in PEM.
    pub ca: Option<String>,
}

/// The new database, once it is there.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewDatabase {
    pub endpoint: Endpoint,
    /// The roots to verify it by, in PEM.
    pub ca: Option<String>,
}

/// Makes the folder of a new migration in `migrations`, and lets `migrations/current` lead to it.
pub fn begin(migrations: PathBuf, request: &[u8]) -> Result<(), AgentError> {
    let mut begin: Begin = serde_json::from_slice(request)?;
    let current = migrations.join("current");
    if current.exists() {
        let folder = Folder::at(&current);
        let (job, status) = (folder.job()?, folder.status()?);
        if next(&status, job.mode, job.cutover, jiff::Timestamp::now()) != Next::Nothing {
            return Err(AgentError::UnderWay { id: job.id });
        }
    }
    if Path::new(&begin.job.site.database_dir()).join("env").exists() {
        return Err(AgentError::Moved);
    }
    let folder = Folder::create(migrations.join(&begin.job.id), &begin.job)?;
    write_limit(&folder, begin.job.max_rate)?;
    if let Some(endpoint) = begin.target.take() {
        let target = trusted(&folder, NewDatabase { endpoint, ca: begin.ca })?;
        folder.write(files::TARGET, &target)?;
    }
    Ok(folder.link(&current)?)
}

/// Takes in the database that the stage `provision` has made. What comes with it is the master's password: it stays in this process.
pub async fn provisioned(path: PathBuf, request: &[u8]) -> Result<(), AgentError> {
    let folder = Folder::at(path);
    let master = trusted(&folder, serde_json::from_slice(request)?)?;
    let passwords = match folder.read::<Passwords>(files::LOGIN_PASSWORDS)? {
        Some(passwords) => passwords,
        None => {
            let passwords = Passwords::random();
            folder.write(files::LOGIN_PASSWORDS, &passwords)?;
            passwords
        }
    };
    let user = Context::new(folder.clone())?.container().await?.user;
    let logins = logins::make(&master, &user, &passwords).await.map_err(StageError::Postgres)?;
    folder.write(files::CLIENTS, &logins.clients)?;
    Ok(folder.write(files::TARGET, &logins.infra)?)
}

/// Its roots stand in a file from here on.
fn trusted(folder: &Folder, mut database: NewDatabase) -> Result<Endpoint, AgentError> {
    if let Some(ca) = database.ca {
        folder.write_text(files::TARGET_ROOTS, &ca)?;
        database.endpoint.tls = crate::postgres::Tls::VerifyFull { ca: folder.file(files::TARGET_ROOTS) };
    }
    Ok(database.endpoint)
}

/// How fast rows may be copied: a copy that runs takes it over within a second.
pub fn limit(path: PathBuf, rate: MaxRate) -> Result<(), AgentError> {
    let folder = Folder::at(path);
    if let Some(Progress::Done { .. }) = folder.status()?.stages.get(&Stage::Copy) {
        return Err(AgentError::TooLate("the rows are copied already: there is nothing to slow down".into()));
    }
    Ok(write_limit(&folder, rate.0)?)
}

/// Takes in what else the user agrees to, besides the job's own.
pub fn accept(path: PathBuf, codes: Vec<String>) -> Result<(), AgentError> {
    let folder = Folder::at(path);
    let mut accepted: Vec<String> = folder.read(files::ACCEPTED)?.unwrap_or_default();
    accepted.extend(codes);
    Ok(folder.write(files::ACCEPTED, &accepted)?)
}

/// Takes in what was done for the new database by its provider.
pub fn secured(path: PathBuf, request: &[u8]) -> Result<(), AgentError> {
    let secured: Secured = serde_json::from_slice(request)?;
    Ok(Folder::at(path).write(files::SECURED, &secured)?)
}

/// The long work. Ends well when a person is needed or nothing is left; a failed stage is in the journal.
pub async fn migrate(path: PathBuf) -> Result<Next, AgentError> {
    match run::run(Folder::at(path)).await {
        Ok(next) => Ok(next),
        // Written down: starting again by itself would only fail again.
        Err(RunError::Stage(error)) => {
            tracing::error!("{}", crate::error::chain(&error));
            Ok(Next::Nothing)
        }
        Err(error) => Err(error.into()),
    }
}

pub async fn hold(path: PathBuf) -> Result<(), AgentError> {
    Ok(stages::hold(&Context::new(Folder::at(path))?).await?)
}

pub async fn watch_log(path: PathBuf) -> Result<(), AgentError> {
    Ok(stages::watch_log(&Context::new(Folder::at(path))?).await?)
}

/// `source`: with how the old server fares, which takes a moment.
pub async fn report(path: PathBuf, source: bool) -> Result<Report, AgentError> {
    report::report(Folder::at(path), source).await
}

/// What the migration has found, whole.
pub fn pages(path: PathBuf) -> Result<Pages, AgentError> {
    Ok(pages::pages(&Folder::at(path))?)
}

/// Where a migration stands, for the overview of a host. None: it is over.
pub fn brief(path: PathBuf) -> Result<Option<MigrationFacts>, AgentError> {
    report::brief(&Folder::at(path))
}

/// Writes the user's word into the journal.
pub async fn submit(path: PathBuf, command: UserCommand, consent: Consent) -> Result<(), AgentError> {
    let folder = Folder::at(path);
    admit(command, consent.loss, &folder.status()?)?;
    if command == UserCommand::Finish && !is_secured(&folder)? {
        return Err(AgentError::NotSecured);
    }
    let waits = command == UserCommand::Rollback && !consent.loss && has_way_back(&folder, consent).await?;
    // Nothing is begun meanwhile.
    let _turn = folder.turn()?;
    if let Some(mut event) = admit(command, consent.loss, &folder.status()?)? {
        if let Event::RollbackAsked { offline, .. } = &mut event {
            *offline = waits;
        }
        folder.journal(format!("word-{}", std::process::id()))?.append(event)?;
    }
    Ok(())
}

/// Refused before anybody is stopped for it. A server that does not answer is the rollback's own affair. True: the clients will
/// wait for it.
async fn has_way_back(folder: &Folder, consent: Consent) -> Result<bool, AgentError> {
    if folder.status()?.at == Side::Old {
        return Ok(false);
    }
    let context = Context::new(folder.clone())?;
    if consent.wait && stages::can_come_home(&context).await? {
        return Ok(true);
    }
    match stages::has_way_back(&context).await {
        Ok(false) => Err(stages::refuses_to_go_back(&context).await.into()),
        Ok(true) | Err(_) => Ok(false),
    }
}

/// A database of the user's is the user's to secure.
fn is_secured(folder: &Folder) -> Result<bool, FolderError> {
    let (to, secured) = (folder.job()?.to, folder.read::<Secured>(files::SECURED)?.unwrap_or_default());
    Ok(!to.is_made() || secured.backup.is_some() && (secured.reverted || to.engine().is_none()))
}
