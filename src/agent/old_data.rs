//! The old data of a finished migration: how long they stay, and how they go.

use std::path::PathBuf;

use super::AgentError;
use crate::migrate::files;
use crate::migrate::folder::Folder;
use crate::migrate::old_data_retention::OldDataRetention;
use crate::migrate::saga::Stage;
use crate::migrate::stages::{self, Context};
use crate::plan::Migrate;

/// Takes in how long the old data are to stay: from `finish` on, or from now on if that is over.
pub fn keep_old(path: PathBuf, seconds: u64) -> Result<(), AgentError> {
    let folder = Folder::at(path);
    if !folder.status()?.is_done(Stage::Finish) {
        return Ok(folder.write(files::OLD_DATA_SECONDS, &seconds)?);
    }
    match folder.read::<OldDataRetention>(files::OLD_DATA)? {
        Some(OldDataRetention { removed: Some(_), .. }) => {
            Err(AgentError::TooLate("the old data have been removed".into()))
        }
        _ => Ok(folder.write(files::OLD_DATA, &OldDataRetention::from(jiff::Timestamp::now(), seconds))?),
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
    Ok(folder.write(files::OLD_DATA, &OldDataRetention { removed: Some(jiff::Timestamp::now()), ..kept })?)
}

/// Migrations that were finished before anything was written down of it kept the data for the usual time at least.
fn removable(folder: &Folder, now: jiff::Timestamp) -> Result<OldDataRetention, AgentError> {
    if !folder.status()?.is_done(Stage::Finish) {
        return Err(AgentError::NotFinished);
    }
    let kept = folder
        .read::<OldDataRetention>(files::OLD_DATA)?
        .unwrap_or_else(|| OldDataRetention::from(now, Migrate::KEEP.as_secs()));
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
        assert_eq!(folder.read::<u64>(files::OLD_DATA_SECONDS).unwrap(), Some(60));
        let now = jiff::Timestamp::now();
        assert!(matches!(removable(&folder, now), Err(AgentError::NotFinished)));

        let journal = folder.journal("test".into()).unwrap();
        for event in until(Stage::Finish) {
            journal.append(event).unwrap();
        }
        assert!(matches!(removable(&folder, now), Err(AgentError::Kept { .. })), "of before it was written down");
        folder.write(files::OLD_DATA, &OldDataRetention::from(now, 60)).unwrap();
        assert!(matches!(removable(&folder, now), Err(AgentError::Kept { .. })));
        keep_old(path.clone(), 0).unwrap();
        let kept = removable(&folder, jiff::Timestamp::now()).unwrap();
        folder.write(files::OLD_DATA, &OldDataRetention { removed: Some(now), ..kept }).unwrap();
        assert!(matches!(keep_old(path, 60), Err(AgentError::TooLate(_))));
        assert!(removable(&folder, now).is_ok(), "removed already");
    }
}
