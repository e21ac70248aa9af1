//! The agent's loop: what comes next by the journal is begun, done, written down; until a person is needed or all is
//! over. Killed anywhere, the next run goes on from the journal.

use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::files;
use super::folder::{Folder, FolderError};
use super::logins;
use super::relay::relay;
use super::saga::{Direction, Event, Mode, Next, Place, Side, Stage, Status, Step, next};
use super::stages::{
    Context, RELAY_PORT, StageError, Switch, has_way_back, is_paused, is_watched, leave_watch, log_watch,
    look_at_the_way_back, perform, relieve_watch, restore, serve_again, take_back, told_of_switch, try_stop_recording,
    undo, while_waiting,
};
use crate::journal::{Journal, JournalError};

/// How often a word of the user is looked for.
const LISTEN: Duration = Duration::from_millis(500);
/// Clients that are to be served where they were are tried again after this.
const AGAIN: Duration = Duration::from_secs(1);

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
    #[error(
        "an earlier version of infra was switching the clients when this one came: end that with the earlier one (infra migrate resume), then use this one again"
    )]
    Former,
}

/// Runs until the next stage is the operator's, a stage failed (it is written down), or nothing is left to do.
pub async fn run(folder: Folder) -> Result<Next, RunError> {
    let context = Context::new(folder)?;
    let journal = context.folder.journal(format!("agent-{}", std::process::id()))?;
    take_over(&context.folder)?;
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

/// What an earlier version began is gone on with, unless it was in the midst of a switch.
fn take_over(folder: &Folder) -> Result<(), RunError> {
    if folder.read_text(files::FORMER_SWITCH)?.is_none() {
        return Ok(());
    }
    let status = folder.status()?;
    if !status.is_done(Stage::Cutover) || status.wanted() == Side::Old {
        return Err(RunError::Former);
    }
    Ok(folder.remove(files::FORMER_SWITCH)?)
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

/// What comes next. Its first line is written before anybody can say another word.
fn begin(context: &Context, journal: &Journal<Event>) -> Result<(Next, Status), RunError> {
    let turn = context.folder.turn()?;
    let status = context.folder.status()?;
    let mut next = next(&status, context.job.mode, context.job.cutover, Timestamp::now());
    match next {
        // Its provider's part is the operator's.
        Next::Switch { to: Side::New, from: Step::Drain } if !context.is_reverted()? => next = Next::AwaitCutover,
        // A database that the user made is known from the beginning.
        Next::Run(stage) if stage.place() == Place::Operator && !context.has_target()? => return Ok((next, status)),
        _ => {}
    }
    if let Some(event) = next.begun(&status) {
        journal.append(event)?;
    }
    if let Next::Switch { to, from } = next {
        journal.append(Event::Step { to, step: from })?;
    }
    drop(turn);
    Ok((next, status))
}

async fn advance(context: &Context, journal: &Journal<Event>) -> Result<Next, RunError> {
    relieve_watch().await;
    // Once more, each time that this program starts.
    let mut is_restored = false;
    loop {
        let (next, status) = begin(context, journal)?;
        match next {
            Next::Run(stage) if stage.place() == Place::Operator && !context.has_target()? => {
                return Ok(Next::Run(stage));
            }
            Next::Run(stage) => match watched(stage, context, &status).await {
                Ok(note) => journal.append(Event::Done { stage, note })?,
                Err(error) => {
                    journal.append(Event::Failed { stage, error: crate::error::chain(&error) })?;
                    let_clients_run(context, journal, stage, &error).await?;
                    return Err(stand_still(context, error).await);
                }
            },
            Next::Switch { to, from } => {
                is_restored = false;
                switch(context, journal, &status, (to, from)).await?;
            }
            Next::TakeBack { to } => {
                is_restored = false;
                taken_back(context, journal, to).await?;
            }
            Next::Undo(stage) => match undo(stage, context, &status).await {
                Ok(left) => journal.append(Event::Undone { stage, left })?,
                Err(error) => {
                    journal.append(Event::UndoFailed { stage, error: crate::error::chain(&error) })?;
                    return Err(stand_still(context, error).await);
                }
            },
            Next::AwaitCutover => wait(context, journal).await?,
            Next::AwaitFinish => {
                guard(context, &status, &mut is_restored).await;
                sleep(LISTEN).await;
            }
            Next::Nothing => {
                if status.direction == Direction::Forward {
                    retire_login(context).await;
                }
                return Ok(Next::Nothing);
            }
        }
    }
}

/// After the last line of the journal: whoever had to begin again could not come in.
async fn retire_login(context: &Context) {
    let retired = async { Ok::<_, StageError>(logins::retire(&context.target().await?).await?) };
    if let Err(error) = retired.await {
        tracing::warn!("infra's own role may still enter the new database: {}", crate::error::chain(&error));
    }
}

/// The new database serves whatever becomes of the way back.
async fn guard(context: &Context, status: &Status, is_restored: &mut bool) {
    if status.given_up.old || (!*is_restored && !context.is_time("the way back", AGAIN * 5)) {
        return;
    }
    // Where the old server does not answer, the new one's log is looked after all the same.
    let restored = if *is_restored { Ok(()) } else { restore(context, Side::Old).await };
    *is_restored = restored.is_ok();
    for error in [restored.err(), look_at_the_way_back(context).await.err()].into_iter().flatten() {
        tracing::warn!("the way back: {}", crate::error::chain(&error));
    }
}

/// Step by step, as long as it is wanted: a word may come between two of them.
async fn switch(
    context: &Context,
    journal: &Journal<Event>,
    status: &Status,
    (to, from): (Side, Step),
) -> Result<(), RunError> {
    let mut switch = Switch::new(context, to, from, status.given_up);
    for step in from.on() {
        if step != from && !goes_on(context, journal, to, step)? {
            return Ok(());
        }
        if let Err(error) = switch.step(step).await {
            let error = told_of_switch(to, step, &error);
            journal.append(Event::SwitchFailed { to, error: error.clone() })?;
            return failed(context, journal, (to, step), error).await;
        }
    }
    journal.append(Event::Switched { to })?;
    if to == Side::New {
        journal.append(Event::Done { stage: Stage::Cutover, note: switch.note() })?;
    }
    Ok(())
}

/// The next step is written down, unless something else is wanted by now.
fn goes_on(context: &Context, journal: &Journal<Event>, to: Side, step: Step) -> Result<bool, RunError> {
    let turn = context.folder.turn()?;
    let next = next(&context.folder.status()?, context.job.mode, context.job.cutover, Timestamp::now());
    let is_wanted = matches!(next, Next::Switch { to: still, .. } if still == to);
    if is_wanted {
        journal.append(Event::Step { to, step })?;
    }
    drop(turn);
    Ok(is_wanted)
}

/// Clients that do not work with the new database go back, if nothing is lost by it.
async fn failed(
    context: &Context,
    journal: &Journal<Event>,
    (to, step): (Side, Step),
    why: String,
) -> Result<(), RunError> {
    match (to, step) {
        (Side::New, Step::Serve) if goes_back(context).await? => {
            journal.append(Event::RollbackAsked { leave_rows: false, offline: false })?;
            Ok(())
        }
        (_, Step::Serve | Step::Drain) => served_where_they_were(context, journal, why).await,
        // They are started first.
        _ => Ok(()),
    }
}

async fn goes_back(context: &Context) -> Result<bool, RunError> {
    let status = context.folder.status()?;
    if status.given_up.old || status.finish_asked {
        return Ok(false);
    }
    // Who cannot be asked cannot be gone back from either, which the rollback then says.
    Ok(has_way_back(context).await.unwrap_or(true))
}

/// Nothing else matters as much: it is tried until it works, or the user goes on without that server.
async fn taken_back(context: &Context, journal: &Journal<Event>, to: Side) -> Result<(), RunError> {
    let status = context.folder.status()?;
    let Some(switch) = status.switch.clone().filter(|switch| switch.to == to) else { return Ok(()) };
    if let Err(error) = take_back(context, to, switch.step).await {
        if !status.given_up.has(to.other()) {
            tracing::warn!("{} is to serve again: {}", to.other(), crate::error::chain(&error));
            drop(context.folder.write(files::PROGRESS, &crate::error::chain(&error)));
            sleep(AGAIN).await;
            return Ok(());
        }
        tracing::warn!("{} is left as it is: {}", to.other(), crate::error::chain(&error));
    }
    journal.append(Event::TakenBack { to })?;
    // Replication goes on as soon as it can; whoever switches next sees to it again. Offline there is none.
    if to == Side::New
        && context.job.mode == Mode::Online
        && let Err(error) = restore(context, to).await
    {
        tracing::warn!("not everything is as before the switch: {}", crate::error::chain(&error));
    }
    match switch.failed {
        Some(why) => served_where_they_were(context, journal, why).await,
        None => Ok(()),
    }
}

/// A cutover that failed waits for a word. After a rollback that failed the new database serves as before, and the old one
/// follows it.
async fn served_where_they_were(context: &Context, journal: &Journal<Event>, why: String) -> Result<(), RunError> {
    let status = context.folder.status()?;
    if status.at == Side::New && status.is_done(Stage::Cutover) && status.switch.is_none() {
        return Ok(());
    }
    let error = StageError::Switch { why };
    if status.at == Side::Old && !status.has_served {
        let_clients_run(context, journal, Stage::Cutover, &error).await?;
    }
    Err(stand_still(context, error).await)
}

/// Before the cutover, for somebody or something else.
async fn wait(context: &Context, journal: &Journal<Event>) -> Result<(), RunError> {
    let Err(error) = while_waiting(context).await else {
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
    if !stage.is_in_pause(context.job.mode) || !is_paused(context)? {
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
async fn watched(stage: Stage, context: &Context, status: &Status) -> Result<String, StageError> {
    if !is_watched(stage, context.job.mode) {
        return perform(stage, context, status.given_up).await;
    }
    tokio::select! {
        done = perform(stage, context, status.given_up) => done,
        stopped = log_watch(context) => match stopped {
            Ok(never) => match never {},
            Err(error) => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::reports::{job, until};

    #[test]
    fn what_an_earlier_version_began_is_gone_on_with_unless_it_was_switching() {
        for (last, reached, asked, goes_on) in [
            (Stage::Verify, None, None, true),
            (Stage::Verify, Some("paused"), None, false),
            (Stage::Guard, Some("pointed"), None, true),
            (Stage::Guard, Some("home"), Some(Event::RollbackAsked { leave_rows: false, offline: false }), false),
        ] {
            let place = tempfile::tempdir().unwrap();
            let folder = Folder::create(place.path().join("m"), &job()).unwrap();
            let journal = folder.journal("test".into()).unwrap();
            for event in until(last).into_iter().chain(asked) {
                journal.append(event).unwrap();
            }
            if let Some(reached) = reached {
                folder.write(files::FORMER_SWITCH, &reached).unwrap();
            }
            assert_eq!(take_over(&folder).is_ok(), goes_on, "{last} {reached:?}");
            assert_eq!(folder.file(files::FORMER_SWITCH).exists(), reached.is_some() && !goes_on);
        }
    }
}
