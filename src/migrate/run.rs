//! The agent's loop: what comes next by the journal is begun, done, written down; until a person is needed or all is
//! over. Killed anywhere, the next run goes on from the journal.

use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::folder::{Folder, FolderError};
use super::relay::relay;
use super::saga::{Event, Mode, Next, Place, Stage, next};
use super::stages::{
    Context, RELAY_PORT, StageError, carry_partitions, is_paused, is_watched, leave_watch, log_watch, perform,
    relieve_watch, serve_again, try_stop_recording, undo, watch,
};
use crate::journal::{Journal, JournalError};

/// How often a word of the user is looked for.
const LISTEN: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Stage(#[from] StageError),
    /// At the host's start its network may come later than this: systemd tries again.
    #[error("the way to the new database is not known")]
    Address { source: Box<StageError> },
    #[error("cannot listen on port {port} for the new database")]
    Listen { port: u16, source: std::io::Error },
}

/// Runs until the next stage is the operator's, a stage failed (it is written down), or nothing is left to do.
pub async fn run(folder: Folder) -> Result<Next, RunError> {
    let context = Context::new(folder)?;
    let journal = context.folder.journal(format!("agent-{}", std::process::id()))?;
    let listener = listen(&context).await?;
    let site = context.site().clone();
    let (host, service) = (context.job.host.clone(), context.job.source.service.clone());
    let to = move || {
        let (host, site, service) = (crate::host::Session::here(&host), site.clone(), service.clone());
        async move { host.find_database(&site, &service).await.ok().map(|found| (found.address, 5432)) }
    };
    tokio::select! {
        ended = advance(&context, &journal) => ended,
        never = async { match listener { Some(listener) => relay(listener, to).await, None => std::future::pending().await } } => {
            match never {}
        }
    }
}

/// Offline migrations need no way from the new database to the old one.
async fn listen(context: &Context) -> Result<Option<TcpListener>, RunError> {
    // Before the new database is there, nobody has to come in.
    if context.job.mode == Mode::Offline || !context.has_target()? {
        return Ok(None);
    }
    // In the network of the new database, and nowhere else.
    let address = context.own_address().await.map_err(|error| RunError::Address { source: Box::new(error) })?;
    let bound = TcpListener::bind((address, RELAY_PORT)).await;
    bound.map(Some).map_err(|source| RunError::Listen { port: RELAY_PORT, source })
}

async fn advance(context: &Context, journal: &Journal<Event>) -> Result<Next, RunError> {
    relieve_watch().await;
    loop {
        let status = context.folder.status()?;
        match next(&status, context.job.mode, context.job.cutover, Timestamp::now()) {
            // A database that the user made is known from the beginning.
            Next::Run(stage) if stage.place() == Place::Operator && !context.has_target()? => {
                return Ok(Next::Run(stage));
            }
            // Its provider's part is the operator's.
            Next::Run(Stage::Cutover) if !context.is_reverted()? => wait(context, journal).await?,
            Next::Run(stage) => {
                journal.append(Event::Started { stage })?;
                match watched(stage, context).await {
                    Ok(note) => journal.append(Event::Done { stage, note })?,
                    Err(error) => {
                        let text = crate::error::chain(&error);
                        journal.append(Event::Failed { stage, error: text })?;
                        if !matches!(error, StageError::MustRollBack { .. }) {
                            let_clients_run(context, journal, stage, &error).await?;
                            return Err(stand_still(context, error).await);
                        }
                        journal.append(Event::RollbackAsked)?;
                    }
                }
            }
            Next::Undo(stage) => {
                journal.append(Event::UndoStarted { stage })?;
                match undo(stage, context).await {
                    Ok(()) => journal.append(Event::Undone { stage })?,
                    Err(error) => {
                        journal.append(Event::UndoFailed { stage, error: crate::error::chain(&error) })?;
                        return Err(stand_still(context, error).await);
                    }
                }
            }
            Next::AwaitCutover => wait(context, journal).await?,
            Next::AwaitFinish => {
                // The new database serves whatever becomes of the way back.
                if let Err(error) = carry_partitions(context).await {
                    tracing::warn!("partitions for the way back: {}", crate::error::chain(&error));
                }
                sleep(LISTEN).await;
            }
            Next::Nothing => return Ok(Next::Nothing),
        }
    }
}

/// Before the cutover, for somebody or something else.
async fn wait(context: &Context, journal: &Journal<Event>) -> Result<(), RunError> {
    let Err(error) = watch(context).await else {
        sleep(LISTEN).await;
        return Ok(());
    };
    // The next run verifies anew.
    journal.append(Event::Failed { stage: Stage::Verify, error: crate::error::chain(&error) })?;
    Err(stand_still(context, error).await)
}

/// Offline: nobody waits for a person to come. It is written down first: whoever goes on from the journal pauses them anew.
async fn let_clients_run(
    context: &Context,
    journal: &Journal<Event>,
    stage: Stage,
    error: &StageError,
) -> Result<(), RunError> {
    if !stage.is_in_pause(context.job.mode) || error.is_after_switch() || !is_paused(context)? {
        return Ok(());
    }
    journal.append(Event::Served)?;
    if let Err(stuck) = serve_again(context).await {
        let [error, stuck] = [error, &stuck].map(|error| crate::error::chain(error));
        let error = format!("{error}; and the clients could not be started again: {stuck}");
        journal.append(Event::Failed { stage, error })?;
    }
    Ok(())
}

/// Until somebody says a word, the old server's disk must not fill.
async fn stand_still(context: &Context, error: StageError) -> RunError {
    try_stop_recording(context).await;
    leave_watch(context).await;
    error.into()
}

/// A stage that takes long stops when the old server keeps too much of its log for it.
async fn watched(stage: Stage, context: &Context) -> Result<String, StageError> {
    if !is_watched(stage, context.job.mode) {
        return perform(stage, context).await;
    }
    tokio::select! {
        done = perform(stage, context) => done,
        stopped = log_watch(context) => match stopped {
            Ok(never) => match never {},
            Err(error) => Err(error),
        },
    }
}
