//! A copy of the old database before anything is changed, on another disk than its own.

use super::StageError;
use super::context::Context;
use crate::migrate::{catalog, files, safety_copy};

pub async fn perform(context: &Context) -> Result<String, StageError> {
    let old = context.old().await?;
    let data = catalog::read(&old).await?.data_bytes();
    let (container, command) = (context.container().await?, context.dump_command().await?);
    let named = (context.site().plan.as_str(), context.job.id.as_str());
    let copy = safety_copy::make(&container, &command, named, data).await?;
    context.folder.write(files::SAFETY_COPY, &copy)?;
    Ok(format!("{} ({} bytes, {} entries)", copy.path.display(), copy.bytes, copy.entries))
}
