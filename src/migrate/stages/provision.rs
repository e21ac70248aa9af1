//! The new database is there, made by the operator's side or by the user: it is given the old one's encoding where infra made
//! it, and looked at.

use super::context::Context;
use super::{StageError, preflight};
use crate::migrate::alike::make_alike;

/// What preflight could not see; a database that was there before has been looked at.
pub async fn perform(context: &Context) -> Result<String, StageError> {
    if !context.job.to.is_made() {
        return Ok("it was there".into());
    }
    make_alike(&context.old().await?, &context.target().await?).await?;
    preflight::perform(context).await
}
