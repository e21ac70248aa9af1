//! The slots at the new server that keep its log for the way back: replication's, that of the record of changes, and those that the old server
//! makes there while it copies a table that came. If it is gone in the middle of that, they stay.

use super::StageError;
use super::context::{BACK, Context};
use crate::migrate::files;
use crate::migrate::replicate::Channel;
use crate::migrate::verify::incremental::CHANGES;
use crate::postgres::Client;

/// While the old server answers.
pub async fn remember(context: &Context, channel: &Channel<'_>) -> Result<(), StageError> {
    let copying = channel.copying_slots().await?.unwrap_or_default();
    if context.folder.read::<String>(files::WAY_BACK_COPYING)?.as_ref() != Some(&copying) {
        context.folder.write(files::WAY_BACK_COPYING, &copying)?;
    }
    Ok(())
}

/// Those that there may be, the way back's own first.
pub async fn slots(context: &Context, new: &Client) -> Result<Vec<String>, StageError> {
    let mut slots = vec![BACK.to_owned(), CHANGES.to_owned()];
    if let Some(copying) = context.folder.read::<String>(files::WAY_BACK_COPYING)? {
        let sql = "SELECT slot_name::text FROM pg_catalog.pg_replication_slots WHERE slot_name LIKE $1 ORDER BY 1";
        let rows = new.rows("looking for slots of tables that are copied", sql, &[&copying]).await?;
        slots.extend(rows.iter().map(|row| row.get::<_, String>(0)));
    }
    Ok(slots)
}

/// All of them. May be repeated: the old server, if it is there, makes those of copies again until it is told to follow no more.
pub async fn let_go(context: &Context, new: &Client) -> Result<(), StageError> {
    if let Ok(old) = context.old().await
        && let Err(error) = (Channel { name: BACK, publisher: new, subscriber: &old }).pause().await
    {
        tracing::debug!("the old server cannot be told to follow no more: {}", crate::error::chain(&error));
    }
    for slot in slots(context, new).await? {
        Channel { name: &slot, publisher: new, subscriber: new }.drop_slot().await?;
    }
    Ok(())
}
