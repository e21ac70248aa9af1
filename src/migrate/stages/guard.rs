//! While the new database serves: the old one follows it, as the way back.

use std::time::Duration;

use super::context::Context;
use super::reverse_replication::{as_applier, is_supported};
use super::{StageError, changes_back, client_connections, home, way_back_watch};
use crate::migrate::identity::look_for_new;

/// How often tables without an identity are looked for: their UPDATE fails until they are found.
const OFTEN: Duration = Duration::from_secs(5);

/// What the user is told of it.
pub async fn perform(context: &Context, is_old_given_up: bool) -> Result<String, StageError> {
    let text = match !is_old_given_up {
        true if is_supported(context).await? => "the old database follows, as the way back, until infra migrate finish",
        true if home::is_possible(context).await? => {
            "the way back with every row is infra migrate rollback --offline: the clients wait while all of it is copied back"
        }
        _ => "there is no way back once rows are written: infra migrate finish when all is well",
    };
    Ok(text.into())
}

/// What comes at the new database gets its place in the old one. What it drops stays there: nobody needs it gone.
pub async fn look(context: &Context) -> Result<(), StageError> {
    if let Err(error) = changes_back::look(context).await {
        tracing::warn!("what changes since the cutover is not compared any more: {}", crate::error::chain(&error));
    }
    if let Err(error) = client_connections::watch(context).await {
        tracing::warn!("whether every client has come is not known: {}", crate::error::chain(&error));
    }
    if !is_supported(context).await? {
        return Ok(());
    }
    // What keeps it from that is said by the watch, which must not be kept from looking by it.
    if let Err(error) = new_identities(context).await {
        tracing::warn!("tables without an identity are not looked for: {}", crate::error::chain(&error));
    }
    way_back_watch::watch(context).await
}

async fn new_identities(context: &Context) -> Result<(), StageError> {
    if context.is_time("identities at the new database", OFTEN) {
        let (new, applier) = (context.new_database().await?, as_applier(context).await?);
        look_for_new(&new, &applier).await?;
    }
    Ok(())
}
