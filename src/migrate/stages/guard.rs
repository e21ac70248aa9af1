//! While the new database serves: the old one follows it, as the way back.

use std::time::Duration;

use super::context::Context;
use super::way_back::{as_applier, comes_back};
use super::{StageError, changes_back, identity, quiet};
use crate::migrate::drift::DriftError;
use crate::migrate::identity::look_for_new;
use crate::migrate::partitions::make_partitions;

/// How often partitions are looked for.
const EVERY: Duration = Duration::from_secs(30);
/// How often tables without an identity are looked for: their UPDATE fails until they are found.
const OFTEN: Duration = Duration::from_secs(5);

/// What the user is told of it.
pub async fn perform(context: &Context, is_old_given_up: bool) -> Result<String, StageError> {
    Ok(match !is_old_given_up && comes_back(context).await? {
        true => "infra migrate rollback goes back with every row, until infra migrate finish".into(),
        false => "there is no way back once rows are written: infra migrate finish when all is well".into(),
    })
}

/// Partitions that the new database gets while it serves, so that their rows find a place on their way back. What it drops
/// stays in the old one: nobody needs it gone.
pub async fn look(context: &Context) -> Result<(), StageError> {
    changes_back::look(context).await?;
    if !context.is_time("identities at the new database", OFTEN) || !comes_back(context).await? {
        return Ok(());
    }
    let (new, applier) = (context.new_database().await?, as_applier(context).await?);
    look_for_new(&new, &applier).await?;
    if !context.is_time("partitions at the new database", EVERY) {
        return Ok(());
    }
    make_partitions(&new, &applier).await.map_err(DriftError::from)?;
    identity::of_new_tables(context, &applier, &new).await?;
    quiet::close_the_rest(&applier).await
}
