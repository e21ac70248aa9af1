//! The new database on another host of the plan, for the words of `infra migrate`.

use tokio::sync::mpsc::unbounded_channel;

use super::database_host;
use crate::agent::NewDatabase;
use crate::cli::args::Global;
use crate::cli::common::OnHost;
use crate::error::CommandError;
use crate::plan::NodeName;
use crate::stack::{self, HostedDatabase, HostedError};
use crate::ui;

/// Whether it could be there; how much it could hold.
pub async fn check(at: &OnHost, host: &NodeName) -> Result<Option<u64>, CommandError> {
    let disk = stack::data_disk(&at.stack, host)?;
    if database_host::is_it(at, host) {
        return Ok(disk.map(|disk| disk.size_gb.bytes()));
    }
    // It answers, and runs on what this program was made for.
    at.session_on(host).await?.session.install_agent().await?;
    Ok(disk.map(|disk| disk.size_gb.bytes()))
}

pub async fn provide(
    global: &Global,
    at: &OnHost,
    host: &NodeName,
    migration: &str,
) -> Result<NewDatabase, CommandError> {
    let made = if database_host::is_it(at, host) { Some(database_host::make(global, at, host).await?) } else { None };
    let at = made.as_ref().unwrap_or(at);
    stack::data_disk(&at.stack, host)?;
    let source = at.session().await?.session.facts(&at.site).await?;
    with(global, at, host, async |database| database.provide(migration, source).await).await
}

pub async fn back_up(global: &Global, at: &OnHost, host: &NodeName, migration: &str) -> Result<String, CommandError> {
    with(global, at, host, async |database| database.back_up(migration).await).await
}

/// What has served is not destroyed: it stays under another name, which is told.
pub async fn remove(global: &Global, at: &OnHost, host: &NodeName, has_served: bool) -> Result<(), CommandError> {
    let goes = database_host::is_it(at, host);
    if goes && !database_host::is_there(at, host) {
        // Removed, or never made, or all but what stands beside it.
        return database_host::remove(global, at, host, true).await;
    }
    let keep = has_served.then(|| format!(".last-{}", jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S")));
    let (kept, besides) = with(global, at, host, async |database| {
        Ok((database.remove(keep.as_deref()).await?, database.besides_ours().await?))
    })
    .await?;
    if !goes {
        kept.iter()
            .for_each(|what| eprintln!("it has served: its last state is the {what} on host {host}, yours to remove"));
        return Ok(());
    }
    if has_served && stack::data_disk(&at.stack, host)?.is_none() {
        // A volume of Docker is on the root disk, which goes with the host.
        let what = kept.join(", ");
        eprintln!("it has served: its last state is the {what} on host {host}, which stays for it, and costs");
        eprintln!(
            "hint: save it; then take [migrate.ec2] out of the plan: infra down --left-over --include-data removes the host, and infra up its way to this one"
        );
        return Ok(());
    }
    database_host::remove(global, at, host, has_served || !besides.is_empty()).await?;
    if !besides.is_empty() {
        eprintln!("on the disk of host {host}, which stays: {}", besides.join(", "));
        eprintln!("hint: infra plan names the disk, and infra down --left-over --include-data removes it");
    }
    Ok(())
}

/// With a display of what is done there.
async fn with<T>(
    global: &Global,
    at: &OnHost,
    host: &NodeName,
    act: impl AsyncFnOnce(&HostedDatabase<'_>) -> Result<T, HostedError>,
) -> Result<T, CommandError> {
    let site = at.stack.site(host).ok_or_else(|| CommandError::usage(format!("the plan has no host {host}")))?;
    let there = at.session_on(host).await?;
    let (events, mut shown) = unbounded_channel();
    let mut display = ui::display(global.mode(), global.verbose);
    let showing = tokio::spawn(async move {
        while let Some(event) = shown.recv().await {
            display.event(&event);
        }
    });
    let database = HostedDatabase { stack: &at.stack, inventory: &at.inventory, there, site, events };
    let done = act(&database).await;
    drop(database);
    // What was said is read before anything stands below it.
    drop(showing.await);
    Ok(done?)
}

impl From<HostedError> for CommandError {
    fn from(error: HostedError) -> Self {
        let hint = error.hint();
        Self::failed(error).hints(hint)
    }
}
