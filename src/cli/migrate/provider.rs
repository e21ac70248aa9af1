//! What only the operator's side can do of a migration to a database that infra makes, since only it has the cloud's credentials
//! and enters every host: make it, take the load's settings back, back it up, watch it, remove it. The agent is told.

use super::{current, hosted};
use crate::agent::{NewDatabase, Report, Secured, Work};
use crate::cli::args::Global;
use crate::cli::common::OnHost;
use crate::cli::provider::Provider;
use crate::cloud::Databases;
use crate::error::CommandError;
use crate::inventory::Inventory;
use crate::migrate::job::Destination;
use crate::plan::Engine;
use crate::postgres::{Endpoint, Secret, Tls};
use crate::stack::{self, DatabaseError, ObserveError};

pub async fn perform(work: Work, global: &Global, at: &OnHost, report: &Report) -> Result<(), CommandError> {
    match work {
        Work::Provide(to) => {
            let made = match to {
                Destination::Managed(engine) => {
                    let made = provide(global, at, engine).await?;
                    super::ways::settle(global, at, &at.host).await?;
                    made
                }
                Destination::Host(host) => {
                    let made = hosted::provide(global, at, &host, &report.id).await?;
                    super::ways::settle(global, at, &host).await?;
                    super::ways::settle(global, at, &at.host).await?;
                    made
                }
                // It was there before the migration.
                Destination::Url => return Ok(()),
            };
            tell(at, "provisioned", &made).await?;
            let connected = at.session().await?;
            Ok(connected.session.start_migration(&at.site, &current(at)).await?)
        }
        Work::Revert => {
            let provider = Provider::connect(global, &at.stack).await?;
            provider.database.revert().await?;
            // From here on it may serve, and keep its log for a way back.
            provider.database.watch().await?;
            provider.end().await;
            tell(at, "secured", &Secured { reverted: true, ..report.secured.clone() }).await
        }
    }
}

/// Whether the plan and its hosts are such that a database can be made for them; how much it could hold, if that is bounded.
pub async fn check(at: &OnHost, to: &Destination) -> Result<Option<u64>, CommandError> {
    match to {
        Destination::Managed(engine) => {
            stack::database_wish(&at.stack, &observed(at).await?, &at.host, *engine)?;
            Ok(at.stack.plan.migrate.managed(*engine).and_then(|size| size.storage_bytes()))
        }
        Destination::Host(host) => hosted::check(at, host).await,
        Destination::Url => Ok(None),
    }
}

async fn provide(global: &Global, at: &OnHost, engine: Engine) -> Result<NewDatabase, CommandError> {
    let wish = stack::database_wish(&at.stack, &observed(at).await?, &at.host, engine)?;
    let provider = Provider::connect(global, &at.stack).await?;
    let made = provider.database.provide(&wish).await?;
    let incomplete = |what| DatabaseError::Incomplete { name: made.name.clone(), what };
    let address = made.endpoint.as_ref().ok_or_else(|| incomplete("address"))?;
    let secret = made.secret.as_ref().ok_or_else(|| incomplete("secret with its password"))?;
    let rds = &provider.database.rds;
    let password = rds.password(secret).await.map_err(DatabaseError::Observe)?;
    let ca = rds.authorities().await.map_err(DatabaseError::Observe)?;
    let endpoint = Endpoint {
        host: address.host.clone(),
        port: address.port.get(),
        database: wish.database.clone().unwrap_or_else(|| wish.master.clone()),
        user: made.master.clone(),
        login: None,
        password: Secret::new(password.as_str()),
        tls: Tls::VerifyFull { ca: "ca.pem".into() },
    };
    provider.end().await;
    Ok(NewDatabase { endpoint, ca: Some(ca) })
}

/// Before the way back is given up: the load's settings are gone, a backup of the new database is complete, and its
/// alarms are set, as the plan has them by now.
pub async fn secure(global: &Global, at: &OnHost, report: &Report) -> Result<(), CommandError> {
    if !report.to.is_made() || report.secured.backup.is_some() && report.secured.reverted {
        return Ok(());
    }
    if let Some(host) = report.to.host() {
        let backup = hosted::back_up(global, at, host, &report.id).await?;
        return tell(at, "secured", &Secured { reverted: true, backup: Some(backup) }).await;
    }
    let provider = Provider::connect(global, &at.stack).await?;
    provider.database.revert().await?;
    let backup = provider.database.back_up(&report.id).await?;
    provider.database.watch().await?;
    provider.end().await;
    tell(at, "secured", &Secured { reverted: true, backup: Some(backup.to_string()) }).await
}

/// The database that a migration made goes again. What it held is in the old one; if it has served, a last snapshot stays all
/// the same, whose name is told.
pub async fn remove(global: &Global, at: &OnHost, report: &Report) -> Result<(), CommandError> {
    if !report.to.is_made() {
        return Err(CommandError::usage("infra did not make the new database: it is yours to remove"));
    }
    if let Some(host) = report.to.host() {
        hosted::remove(global, at, host, report.status.has_served).await?;
        super::ways::settle(global, at, host).await?;
        return super::ways::settle(global, at, &at.host).await;
    }
    let provider = Provider::connect(global, &at.stack).await?;
    super::ways::close(global, at).await?;
    let last = report.status.has_served.then(|| stack::last_snapshot(&at.stack.plan.name, jiff::Timestamp::now()));
    provider.database.remove(last.clone()).await?;
    provider.end().await;
    if let Some(snapshot) = last {
        eprintln!("it has served: its last state is the snapshot {snapshot}");
    }
    Ok(())
}

async fn tell(at: &OnHost, word: &str, what: &impl serde::Serialize) -> Result<(), CommandError> {
    let request = serde_json::to_vec(what).map_err(CommandError::failed)?;
    let connected = at.session().await?;
    connected.session.install_agent().await?;
    connected.session.agent(&[word, &current(at)], &request).await.map(drop)?;
    Ok(())
}

async fn observed(at: &OnHost) -> Result<Inventory, CommandError> {
    match stack::clouds(&at.stack).await {
        Some(cloud) => Ok(cloud.observe().await.map_err(ObserveError::from)?),
        None => Ok(Inventory::empty(jiff::Timestamp::now())),
    }
}
