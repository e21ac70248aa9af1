//! A look before a migration: what it would meet. Leaves nothing on the host, nor in either database.

use std::io::Write as _;

use super::{AgentError, Begin};
use crate::host::Session;
use crate::migrate::assessment::{Assessment, Ends};
use crate::migrate::preflight::{Capacity, Made};
use crate::migrate::stages::{pg_dump, source};
use crate::migrate::{assessment, job};
use crate::postgres::Tls;

/// `request` is what would begin the migration.
pub async fn assess(request: &[u8]) -> Result<Assessment, AgentError> {
    let Begin { job, mut target, ca } = serde_json::from_slice(request)?;
    let host = Session::here(&job.host);
    let container = host.find_database(&job.site, &job.source.service).await?;
    // For as long as the look lasts.
    let mut roots = tempfile::NamedTempFile::new().map_err(AgentError::Roots)?;
    if let (Some(ca), Some(target)) = (ca, &mut target) {
        roots.write_all(ca.as_bytes()).map_err(AgentError::Roots)?;
        target.tls = Tls::VerifyFull { ca: roots.path().to_owned() };
    }
    let ends = Ends {
        source: source(&container, &job.source),
        target,
        made: if job.to.host().is_some() { Made::SameImage } else { Made::Managed },
        dump: pg_dump(&container, &job.source),
        mode: job.mode,
        capacity: Capacity {
            target_storage_bytes: job.storage_bytes,
            source_free_bytes: host.free_beside_data(&container).await?,
            connections: u32::try_from(job::jobs(job.jobs)).unwrap_or(u32::MAX),
        },
    };
    Ok(assessment::assess(&ends).await?)
}
