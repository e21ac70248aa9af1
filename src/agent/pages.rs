//! What a migration has found, whole: for whoever wants to read more than its screen shows.

use serde::{Deserialize, Serialize};

use crate::migrate::folder::{Folder, FolderError};
use crate::migrate::preflight::Finding;
use crate::migrate::{files, verify};

/// None: that has not been looked at yet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Pages {
    pub findings: Option<Vec<Finding>>,
    /// Codes that are agreed to.
    pub accepted: Vec<String>,
    /// How the schema changed the last time that this stopped the migration.
    pub schema_changes: Option<Vec<String>>,
    pub verification: Option<verify::Report>,
    /// The same as a page, with what changed since.
    pub verification_page: Option<String>,
}

pub(super) fn pages(folder: &Folder) -> Result<Pages, FolderError> {
    let mut accepted = folder.job()?.accepted;
    accepted.extend(folder.read::<Vec<String>>(files::ACCEPTED)?.unwrap_or_default());
    Ok(Pages {
        findings: folder.read(files::FINDINGS)?,
        accepted,
        schema_changes: folder.read(files::SCHEMA_CHANGES)?,
        verification: folder.read(files::VERIFICATION)?,
        verification_page: folder.read_text(files::VERIFICATION_REPORT)?,
    })
}
