//! Replication from the old database to the new one, until the clients are there: as whom and on which way the new server
//! comes to the old one, and how it ends.

use super::context::{Context, FORWARD, READ_ROLE, RELAY_PORT};
use super::{StageError, incremental_verify, reverse_replication, role};
use crate::migrate::catalog::{quote_identifier, quote_literal};
use crate::migrate::files;
use crate::migrate::replicate::Channel;
use crate::migrate::saga::Mode;
use crate::postgres::{Client, Endpoint, Secret, Tls};

/// The role at the old database that the new server reads changes as. Its password goes nowhere but into the subscription
/// and a file of the migration's folder.
pub async fn make_reader(context: &Context, old: &Client) -> Result<(), StageError> {
    let password = match context.folder.read::<Secret>(files::REPLICATION_PASSWORD)? {
        Some(password) => password,
        None => {
            let password = Secret::random();
            context.folder.write(files::REPLICATION_PASSWORD, &password)?;
            password
        }
    };
    role::make(old, READ_ROLE, "REPLICATION BYPASSRLS").await?;
    let name = quote_identifier(READ_ROLE);
    let database = quote_identifier(&context.job.source.database);
    let sql = format!(
        "SET password_encryption = 'scram-sha-256'; ALTER ROLE {name} PASSWORD {}; GRANT CONNECT ON DATABASE {database} TO {name}",
        quote_literal(password.expose())
    );
    Ok(old.run("setting the password of the role that replicates", &sql).await?)
}

/// The old database as the new one's server sees it.
pub async fn source_for_target(context: &Context) -> Result<Endpoint, StageError> {
    let password: Option<Secret> = context.folder.read(files::REPLICATION_PASSWORD)?;
    Ok(Endpoint {
        host: context.own_address().await?,
        port: RELAY_PORT,
        database: context.job.source.database.clone(),
        user: READ_ROLE.to_owned(),
        login: None,
        password: password.ok_or(StageError::NotPrepared)?,
        tls: Tls::ChannelBinding,
    })
}

/// The clients use the new database: what brought rows there is over, and keeps no log of the old server any more. What
/// watched that goes on, as far as there is a way back to be watched.
pub async fn end_after_switch(context: &Context) {
    if context.job.mode == Mode::Offline {
        return;
    }
    let ended = async {
        end(context).await?;
        if reverse_replication::is_supported(context).await? {
            Ok(())
        } else {
            incremental_verify::stop_recording(context).await
        }
    };
    if let Err(error) = ended.await {
        tracing::warn!("replication to the new database could not be ended: {}", crate::error::chain(&error));
    }
}

/// Each end by itself: one of them may be gone.
pub async fn end(context: &Context) -> Result<(), StageError> {
    let there = async {
        let new = context.new_database().await?;
        Ok::<_, StageError>(Channel { name: FORWARD, publisher: &new, subscriber: &new }.unsubscribe().await?)
    };
    let there = there.await;
    let here = async {
        let old = context.old().await?;
        Ok::<_, StageError>(Channel { name: FORWARD, publisher: &old, subscriber: &old }.drop_slot().await?)
    };
    let here = here.await;
    there.and(here)
}
