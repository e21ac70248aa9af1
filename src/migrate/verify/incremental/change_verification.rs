//! A verification that is kept true: where both ends were the same, and what has changed at either since.
//!
//! The record of both ends is the point: what a person, a job or a trigger writes at the new database is found like what
//! replication failed to bring.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::changed::{Changed, ChangedTable, Keys, Origin};
use super::notes::Notes;
use super::recheck::{prepare_recheck, recheck};
use crate::migrate::catalog::{Catalog, QualifiedName};
use crate::migrate::files;
use crate::migrate::folder::{Folder, FolderError};
use crate::migrate::identity::unpublished;
use crate::migrate::replicate::{ChangeStream, ReplicateError, Written};
use crate::migrate::verify::{Rechecked, VerifyError};
use crate::postgres::{Client, Lsn};

/// The name of both records, which are a publication and a slot.
pub const CHANGES: &str = "infra_changes";
const NO_PANIC: &str = "no reader panics while it has the notes";

#[derive(Debug, thiserror::Error)]
pub enum ChangeVerificationError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Replicate(#[from] ReplicateError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error("the databases have not been verified yet")]
    NotVerified,
}

/// How far both records were read, and what of it is not known to be the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    source: Lsn,
    target: Lsn,
    changed: Changed,
}

/// Where both ends were the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Baseline {
    pub source: Lsn,
    pub target: Lsn,
}

/// One reading of both records, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecheckRound {
    pub tables: Vec<Rechecked>,
    /// Of the logs, still to be read.
    pub left: u64,
}

impl RecheckRound {
    pub fn differing(&self) -> impl Iterator<Item = &Rechecked> {
        self.tables.iter().filter(|table| !table.matches())
    }

    /// A table whose rows have to be compared all before the switch, and why.
    pub fn whole(&self) -> Option<String> {
        self.tables.iter().find_map(|table| Some(format!("{} {}", table.name.plain(), table.to_be_verified()?)))
    }

    /// Rows that were compared.
    pub fn rows(&self) -> usize {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// Tables because of which everything is verified anew before the switch.
pub fn to_be_verified(folder: &Folder) -> Result<Vec<QualifiedName>, FolderError> {
    let tables = folder.read::<State>(files::CHANGED)?.map(|state| state.changed.tables).unwrap_or_default();
    Ok(tables.into_iter().filter(ChangedTable::is_whole).map(|table| table.name).collect())
}

/// Both ends, and where it is kept what is still to be compared.
pub struct ChangeVerifier<'a> {
    pub source: &'a Client,
    pub target: &'a Client,
    pub folder: &'a Folder,
}

impl ChangeVerifier<'_> {
    /// Begins to record, at either end what may be published there, None is all tables; what an earlier verification left is
    /// thrown away.
    pub async fn record(
        &self,
        here: Option<&[QualifiedName]>,
        there: Option<&[QualifiedName]>,
    ) -> Result<(), ChangeVerificationError> {
        self.folder.remove(files::CHANGED)?;
        self.stream(self.source).begin(here).await?;
        Ok(self.stream(self.target).begin(there).await?)
    }

    /// While nobody writes and everything has arrived.
    pub async fn baseline(&self) -> Result<Baseline, ChangeVerificationError> {
        let (source, target) = (self.stream(self.source), self.stream(self.target));
        let (source, target) = tokio::try_join!(source.position(), target.position())?;
        Ok(Baseline { source, target })
    }

    /// From here on everything is to be compared.
    pub fn begin(&self, baseline: Baseline) -> Result<(), ChangeVerificationError> {
        let state = State { source: baseline.source, target: baseline.target, changed: Changed::default() };
        Ok(self.folder.write(files::CHANGED, &state)?)
    }

    /// Takes away the records; nothing happens where there are none.
    pub async fn end(&self) -> Result<(), ChangeVerificationError> {
        self.stream(self.source).end().await?;
        self.stream(self.target).end().await?;
        Ok(self.folder.remove(files::CHANGED)?)
    }

    /// Reads on in both records, and compares what changed. What differs may still be on its way: it stays for the next
    /// look, whose reading begins where this one ended. `catalog` is the source's.
    pub async fn recheck(&self, catalog: &Catalog) -> Result<RecheckRound, ChangeVerificationError> {
        self.recheck_except(catalog, &BTreeSet::new()).await
    }

    /// What changed in `hidden` tables stays for a look that sees their rows.
    pub async fn recheck_except(
        &self,
        catalog: &Catalog,
        hidden: &BTreeSet<QualifiedName>,
    ) -> Result<RecheckRound, ChangeVerificationError> {
        let Some(mut state) = self.folder.read::<State>(files::CHANGED)? else {
            return Err(ChangeVerificationError::NotVerified);
        };
        let (source, target) = (self.stream(self.source), self.stream(self.target));
        let keys = Keys::new(catalog);
        let notes = Mutex::new(Notes::new(state.changed, &keys));
        let note = |side| {
            let notes = &notes;
            move |written: Written<'_>| notes.lock().expect(NO_PANIC).take(written, side)
        };
        let (here, there) = tokio::try_join!(
            source.read(state.source, note(Origin::Source)),
            target.read(state.target, note(Origin::Target))
        )?;
        state.changed = notes.into_inner().expect(NO_PANIC).into_changed();
        // They are compared when they are carried.
        let later = unpublished(catalog);
        state.changed.tables.retain(|table| !later.contains(&table.name));
        (state.source, state.target) = (here.until, there.until);
        // Before anything is forgotten, which the next reading does.
        self.folder.write(files::CHANGED, &state)?;
        let seen = |table: &ChangedTable| !hidden.contains(&table.name);
        let (seen, later): (Vec<_>, Vec<_>) = std::mem::take(&mut state.changed.tables).into_iter().partition(seen);
        state.changed.tables = seen;
        let tables = self.compare(&mut state.changed, catalog).await?;
        state.changed.tables.extend(later);
        self.folder.write(files::CHANGED, &state)?;
        Ok(RecheckRound { tables, left: here.left + there.left })
    }

    async fn compare(
        &self,
        changed: &mut Changed,
        catalog: &Catalog,
    ) -> Result<Vec<Rechecked>, ChangeVerificationError> {
        tokio::try_join!(prepare_recheck(self.source), prepare_recheck(self.target))?;
        Ok(recheck(self.source, self.target, changed, catalog).await?)
    }

    fn stream<'c>(&self, client: &'c Client) -> ChangeStream<'c> {
        ChangeStream { name: CHANGES, client }
    }
}
