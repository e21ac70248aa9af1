//! `lab serve`: the gateway and MiniStack, until a signal ends them.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use lab::machines::{ContainerMachines, Machines, NoMachines};
use lab::ministack::MiniStack;
use lab::settings::Settings;
use lab::{Gateway, Options};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::mark::Mark;
use super::{MachineKind, ServeArguments};

pub async fn serve(state: &Path, arguments: &ServeArguments) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let ministack = match arguments.lightsail_only {
        true => None,
        false => MiniStack::start(state, arguments.port + 1, arguments.machines == MachineKind::Containers)
            .await
            .inspect_err(|error| tracing::warn!("no MiniStack: {error:#}"))
            .ok(),
    };
    let settings = Settings {
        latency_ms: millis(arguments.latency),
        operation_ms: millis(arguments.operations),
        ..Settings::default()
    };
    let options = Options {
        port: arguments.port,
        machines: machines(arguments.machines, state).await?,
        settings,
        ministack: ministack.as_ref().map(MiniStack::url),
        metadata_port: arguments.port + 2,
        databases: arguments.machines == MachineKind::Containers,
        ..Options::new(state)
    };
    if options.model.is_none() {
        tracing::warn!("botocore's service model was not found: requests and answers are not validated");
    }
    let running = Gateway::start(options).await?;
    Mark::write(state, &running.url, arguments.machines)?;
    tracing::info!("the lab listens on {}", running.url);
    ended().await?;
    drop(running);
    if let Some(ministack) = ministack {
        ministack.stop().await;
    }
    Ok(())
}

/// What instances are going to be.
pub async fn machines(kind: MachineKind, state: &Path) -> anyhow::Result<Arc<dyn Machines>> {
    match kind {
        MachineKind::None => Ok(Arc::new(NoMachines::default())),
        MachineKind::Containers => Ok(Arc::new(ContainerMachines::open(state.to_owned()).await?)),
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Waits for the signal to stop. A closed terminal is none: the lab runs in the background.
async fn ended() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let _hang_up = signal(SignalKind::hangup()).context("cannot listen for signals")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
