//! When tables get an identity, and when they have their own again: before anything is published at an end, and after
//! nothing is any more. Both ends have the same, since each of the two directions is applied by what the other one sends.

use super::StageError;
use super::context::Context;
use super::reverse_replication;
use crate::migrate::identity::{give, give_to_new, take_back};
use crate::postgres::Client;

/// Before the clients are paused, if they are, and before the first publication.
pub async fn at_source(context: &Context, old: &Client) -> Result<(), StageError> {
    // Nothing is ever published where nothing comes back: offline, and with hypertables.
    if !reverse_replication::is_supported(context).await? {
        return Ok(());
    }
    give(old, None).await?;
    // Tables that came between the two.
    if give_to_new(old).await? {
        give(old, None).await?;
    }
    Ok(())
}

/// As soon as the indexes are there by which rows are found.
pub async fn at_target(context: &Context, old: &Client, new: &Client) -> Result<(), StageError> {
    if !reverse_replication::is_supported(context).await? {
        return Ok(());
    }
    give(new, Some(old)).await?;
    if give_to_new(new).await? {
        give(new, Some(old)).await?;
    }
    Ok(())
}

/// Tables and partitions that came at either end.
pub async fn of_new_tables(context: &Context, old: &Client, new: &Client) -> Result<(), StageError> {
    if reverse_replication::is_supported(context).await? {
        give(old, None).await?;
        give(new, Some(old)).await?;
    }
    Ok(())
}

/// The last thing before the helper schema goes.
pub async fn back(client: &Client) -> Result<(), StageError> {
    Ok(take_back(client).await?)
}
