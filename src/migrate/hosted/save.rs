//! A copy of what the new database holds, beside it: the first that there is of it.

use super::{HostedError, HostedRequest};
use crate::migrate::safety_copy::{self, SafetyCopy};

/// Named after the migration: made again, it takes the place of the one before.
pub async fn save(request: &HostedRequest) -> Result<SafetyCopy, HostedError> {
    let container = request.container().await?;
    let client = super::enter(&container).await?;
    let sql = "SELECT pg_catalog.pg_database_size($1)";
    let bytes: i64 = client.row("asking for its size", sql, &[&request.database]).await?.get(0);
    let dump = container.exec_argv(&["pg_dump", "--username", &container.user, "--dbname", &request.database]);
    let named = (request.site.plan.as_str(), format!("{}-first", request.migration));
    let bytes = u64::try_from(bytes).unwrap_or_default();
    Ok(safety_copy::make(&container, &dump, (named.0, &named.1), bytes).await?)
}
