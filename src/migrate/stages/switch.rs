//! The clients go from one database to the other, in either direction, step by step; and back to where they were, when that
//! fails before they were started there. What differs between the two ways is in `cutover` and `rollback`.

use tokio::time::{Duration, Instant, sleep};

use super::context::Context;
use super::pause::{self, Pause};
use super::switch_ends::Ends;
use super::{StageError, cutover, rollback};
use crate::host::{DatabaseLocation, Progress};
use crate::migrate::files;
use crate::migrate::replicate::refuse_writes;
use crate::migrate::saga::{GivenUp, Mode, Side, Step};
use crate::postgres::{Endpoint, Tls};
use zeroize::Zeroizing;

/// Where the server that is left is given up, nobody waits for it.
const TRY: Duration = Duration::from_secs(10);
/// Clients that fail to start at once may do so a moment later.
const STARTS: usize = 3;
const AGAIN: Duration = Duration::from_secs(1);

/// One switch, from a step on: what stands open in the pause.
pub struct Switch<'a> {
    context: &'a Context,
    to: Side,
    /// An earlier attempt was cut off in its midst.
    is_resumed: bool,
    /// The user goes on without the server that the clients leave.
    alone: bool,
    ends: Option<Ends>,
    pause: Pause,
}

impl<'a> Switch<'a> {
    pub fn new(context: &'a Context, to: Side, from: Step, given_up: GivenUp) -> Self {
        let (is_resumed, alone) = (from == Step::Pause, given_up.has(to.other()));
        Self { context, to, is_resumed, alone, ends: None, pause: Pause::default() }
    }

    /// May be repeated, once it is begun again where `Step::again` says.
    pub async fn step(&mut self, step: Step) -> Result<(), StageError> {
        let since = Instant::now();
        if self.alone {
            self.without_the_other(step).await?;
        } else {
            self.with_both(step).await?;
        }
        let spent = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        match step {
            Step::Drain => {}
            Step::Pause | Step::Fence => self.pause.stop_ms += spent,
            // Its parts are counted by themselves.
            Step::Carry => {}
            Step::Open => self.pause.way_back_ms += spent,
            Step::Point | Step::Serve => self.pause.start_ms += spent,
        }
        if step == Step::Serve {
            self.served().await?;
        }
        Ok(())
    }

    /// What a person wants to know of it.
    pub fn note(&self) -> String {
        format!("writers waited {}", self.pause.told())
    }

    async fn with_both(&mut self, step: Step) -> Result<(), StageError> {
        let (context, to) = (self.context, self.to);
        match (step, to) {
            (Step::Drain, Side::New) => cutover::drain(context).await,
            (Step::Drain, Side::Old) => rollback::drain(context).await,
            (Step::Pause, _) => {
                self.ends = Some(match to {
                    Side::New => cutover::ends(context, self.is_resumed).await?,
                    Side::Old => rollback::ends(context, self.is_resumed).await?,
                });
                stop_clients(context).await
            }
            (Step::Fence, Side::New) => {
                let ends = self.ends()?;
                Ok(refuse_writes(&ends.maintenance, &ends.old).await.map(drop)?)
            }
            (Step::Fence, Side::Old) => rollback::fence(context, self.ends()?).await,
            (Step::Carry, _) => {
                let mut pause = self.pause;
                match to {
                    Side::New => cutover::carry_over(context, self.ends()?, &mut pause).await?,
                    Side::Old => rollback::carry_over(context, self.ends()?, &mut pause).await?,
                }
                self.pause = pause;
                Ok(())
            }
            (Step::Open, Side::New) => cutover::open(context, self.ends()?).await,
            (Step::Open, Side::Old) => rollback::open(context).await,
            (Step::Point, _) => point(context, to).await,
            (Step::Serve, _) => start_clients(context).await,
        }
    }

    /// What the other server has stays there, by the user's word: whatever of it can be had is had.
    async fn without_the_other(&mut self, step: Step) -> Result<(), StageError> {
        let context = self.context;
        let tried = match (step, self.to) {
            (Step::Drain, Side::Old) => tokio::time::timeout(TRY, rollback::drain_what_comes(context)).await.ok(),
            (Step::Fence, side) => {
                let close = async {
                    let (maintenance, keep) = match side {
                        Side::New => (context.old_maintenance().await?, context.old().await?),
                        Side::Old => (context.new_maintenance().await?, context.new_database().await?),
                    };
                    refuse_writes(&maintenance, &keep).await?;
                    rollback::last_of(context, side, &keep).await
                };
                tokio::time::timeout(TRY, close).await.ok()
            }
            (Step::Drain, Side::New) => return cutover::all_is_there(context),
            (Step::Pause, _) => return stop_clients(context).await,
            (Step::Carry, Side::New) => return cutover::carry_alone(context).await,
            (Step::Carry, Side::Old) => return rollback::carry_alone(context).await,
            (Step::Open, Side::New) => return cutover::open_alone(context).await,
            (Step::Open, Side::Old) => return rollback::open(context).await,
            (Step::Point, to) => return point(context, to).await,
            (Step::Serve, _) => return start_clients(context).await,
        };
        if let Some(Err(error)) = tried {
            tracing::warn!("{} is left as it is: {}", self.to.other(), crate::error::chain(&error));
        }
        Ok(())
    }

    /// The clients work with it.
    async fn served(&mut self) -> Result<(), StageError> {
        let context = self.context;
        self.pause.total_ms = pause::so_far(context)?;
        context.folder.write(files::PAUSE, &self.pause)?;
        // The whole release has the old server too: where that is given up, the clients would be made anew and wait for it.
        if !(self.alone && self.to == Side::New) {
            serve(context).await?;
        }
        self.ends = None;
        match self.to {
            Side::New => cutover::served(context).await,
            Side::Old => pause::end(context)?,
        }
        Ok(())
    }

    fn ends(&self) -> Result<&Ends, StageError> {
        self.ends.as_ref().ok_or(StageError::NotPrepared)
    }
}

/// The clients are served where they were. `step` is the one that the switch had come to.
pub async fn take_back(context: &Context, to: Side, step: Step) -> Result<(), StageError> {
    if step == Step::Drain {
        return Ok(());
    }
    let from = to.other();
    match from {
        Side::Old => cutover::reopen(context).await?,
        Side::New => rollback::reopen(context).await?,
    }
    // Also after a word that let it begin again at an earlier step.
    point(context, from).await?;
    if from == Side::Old && context.job.mode == Mode::Offline {
        // The clients wait on, as since `prepare`.
        return Ok(());
    }
    for attempt in 1..=STARTS {
        match start_clients(context).await {
            Ok(()) => break,
            // They are started, which is all that can be done: why they do not become healthy is theirs.
            Err(error) => tracing::warn!("attempt {attempt}: {}", crate::error::chain(&error)),
        }
        sleep(AGAIN).await;
    }
    pause::end(context)?;
    if let Err(error) = serve(context).await {
        tracing::warn!("{}", crate::error::chain(&error));
    }
    Ok(())
}

/// Both databases are as they were before the switch was begun, the clients apart.
pub async fn restore(context: &Context, to: Side) -> Result<(), StageError> {
    match to {
        Side::New => cutover::restore(context).await,
        Side::Old => rollback::restore(context).await,
    }
}

/// Why it failed, and where the clients are.
pub fn told(to: Side, step: Step, error: &StageError) -> String {
    let error = crate::error::chain(error);
    match step {
        Step::Drain => format!("the clients were not paused for it, {} serves: {error}", to.other()),
        Step::Serve => format!("the clients do not work with {to}: {error}"),
        _ => format!("it was taken back, {} serves: {error}", to.other()),
    }
}

async fn stop_clients(context: &Context) -> Result<(), StageError> {
    pause::begin(context)?;
    Ok(context.host.stop_clients(context.site(), &context.job.source.clients).await?)
}

/// What writers wait for.
pub async fn start_clients(context: &Context) -> Result<(), StageError> {
    let clients = &context.job.source.clients;
    Ok(context.host.serve_clients(context.site(), clients, context.health_timeout()).await?)
}

async fn point(context: &Context, to: Side) -> Result<(), StageError> {
    let location = match to {
        Side::Old => None,
        Side::New => Some(location(context, &context.target_of_clients().await?)?),
    };
    Ok(context.host.point_clients(context.site(), location.as_ref()).await?)
}

/// The whole release, with the database that its clients are pointed to; in the host's audit log.
async fn serve(context: &Context) -> Result<(), StageError> {
    let (job, none) = (&context.job, Progress::none());
    let lock = context.host.lock(&job.by, "migrate").await?;
    let started = context.host.restart_release(&lock, context.site(), &job.by, context.health_timeout(), &none).await;
    lock.release().await;
    Ok(started.map(drop)?)
}

fn location(context: &Context, target: &Endpoint) -> Result<DatabaseLocation, StageError> {
    let ca = match &target.tls {
        Tls::Off | Tls::ChannelBinding => None,
        Tls::VerifyFull { ca } => {
            let read = std::fs::read_to_string(ca);
            Some(read.map_err(|source| StageError::Io { path: ca.clone(), source })?)
        }
    };
    Ok(DatabaseLocation {
        host: target.host.clone(),
        port: target.port,
        name: target.database.clone(),
        user: target.user.clone(),
        password: (context.job.source.password_variable.clone(), Zeroizing::new(target.password.expose().to_owned())),
        ca,
    })
}
