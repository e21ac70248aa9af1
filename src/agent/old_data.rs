//! The old data of a finished migration: how long they stay, and how they go.

use std::path::PathBuf;

use super::AgentError;
use crate::migrate::folder::Folder;
use crate::migrate::kept::{KEEP, KEPT, Kept};
use crate::migrate::saga::Stage;
use crate::migrate::stages::{self, Context};
use crate::plan::Migrate;

/// Takes in how long the old data are to stay: from `finish` on, or from now on if that is over.
pub fn keep_old(path: PathBuf, seconds: u64) -> Result<(), AgentError> {
    let folder = Folder::at(path);
    if !folder.status()?.is_done(Stage::Finish) {
        return Ok(folder.write(KEEP, &seconds)?);
    }
    match folder.read::<Kept>(KEPT)? {
        Some(Kept { removed: Some(_), .. }) => Err(AgentError::TooLate("the old data have been removed".into())),
        _ => Ok(folder.write(KEPT, &Kept::from(jiff::Timestamp::now(), seconds))?),
    }
}

/// Removes the old data of a migration that is finished, once their day has come.
pub async fn remove_old(path: PathBuf) -> Result<(), AgentError> {
    let folder = Folder::at(path);
    let kept = removable(&folder, jiff::Timestamp::now())?;
    if kept.removed.is_some() {
        return Ok(());
    }
    stages::remove_old(&Context::new(folder.clone())?).await?;
    Ok(folder.write(KEPT, &Kept { removed: Some(jiff::Timestamp::now()), ..kept })?)
}

/// Migrations that were finished before anything was written down of it kept the data for the usual time at least.
fn removable(folder: &Folder, now: jiff::Timestamp) -> Result<Kept, AgentError> {
    if !folder.status()?.is_done(Stage::Finish) {
        return Err(AgentError::NotFinished);
    }
    let kept = folder.read::<Kept>(KEPT)?.unwrap_or_else(|| Kept::from(now, Migrate::KEEP.as_secs()));
    if kept.may_go(now) == Some(false) { Err(AgentError::Kept { until: kept.until }) } else { Ok(kept) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::reports::{job, until};

    #[test]
    fn old_data_stay_until_their_day_which_may_be_said_anew() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("m");
        let folder = Folder::create(&path, &job()).unwrap();
        keep_old(path.clone(), 60).unwrap();
        assert_eq!(folder.read::<u64>(KEEP).unwrap(), Some(60));
        let now = jiff::Timestamp::now();
        assert!(matches!(removable(&folder, now), Err(AgentError::NotFinished)));

        let journal = folder.journal("test".into()).unwrap();
        for event in until(Stage::Finish) {
            journal.append(event).unwrap();
        }
        assert!(matches!(removable(&folder, now), Err(AgentError::Kept { .. })), "of before it was written down");
        folder.write(KEPT, &Kept::from(now, 60)).unwrap();
        assert!(matches!(removable(&folder, now), Err(AgentError::Kept { .. })));
        keep_old(path.clone(), 0).unwrap();
        let kept = removable(&folder, jiff::Timestamp::now()).unwrap();
        folder.write(KEPT, &Kept { removed: Some(now), ..kept }).unwrap();
        assert!(matches!(keep_old(path, 60), Err(AgentError::TooLate(_))));
        assert!(removable(&folder, now).is_ok(), "removed already");
    }
}
