//! How long writers wait, by a clock that goes on when the agent is killed: online within the cutover, offline from
//! before the copy on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StageError;
use super::context::Context;
use crate::migrate::files;
use crate::migrate::folder::{Folder, FolderError};

/// How long writers waited, and for what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Pause {
    pub stop_ms: u64,
    pub drain_ms: u64,
    pub sequences_ms: u64,
    /// Comparing what changed since the verification.
    #[serde(default)]
    pub changes_ms: u64,
    /// Carrying what replication does not bring.
    #[serde(default)]
    pub carried_ms: u64,
    pub way_back_ms: u64,
    pub start_ms: u64,
    pub total_ms: u64,
}

impl Pause {
    /// `4426 ms`, `73 s`, `2 h 10 min`: offline it is no matter of seconds.
    pub fn told(&self) -> String {
        let (seconds, minutes) = ((self.total_ms + 500) / 1000, (self.total_ms + 30_000) / 60_000);
        match minutes {
            _ if self.total_ms < 10_000 => format!("{} ms", self.total_ms),
            0..2 => format!("{seconds} s"),
            2..120 => format!("{minutes} min"),
            _ => format!("{} h {} min", minutes / 60, minutes % 60),
        }
    }
}

/// None: they do not, or were switched. Afterwards it stays, for the clock.
pub fn waiting_since(folder: &Folder) -> Result<Option<Timestamp>, FolderError> {
    folder.read(files::PAUSED_SINCE)
}

/// They wait from now on, unless they did already.
pub fn begin(context: &Context) -> Result<(), StageError> {
    Ok(begin_in(&context.folder, Timestamp::now())?)
}

fn begin_in(folder: &Folder, now: Timestamp) -> Result<(), FolderError> {
    if folder.read::<Timestamp>(files::PAUSED_SINCE)?.is_none() {
        folder.write(files::PAUSED_SINCE, &now)?;
    }
    Ok(())
}

pub fn end(context: &Context) -> Result<(), StageError> {
    Ok(context.folder.remove(files::PAUSED_SINCE)?)
}

pub fn is_on(context: &Context) -> Result<bool, StageError> {
    Ok(context.folder.read::<Timestamp>(files::PAUSED_SINCE)?.is_some())
}

/// In milliseconds.
pub fn so_far(context: &Context) -> Result<u64, StageError> {
    Ok(waited(&context.folder, Timestamp::now())?)
}

fn waited(folder: &Folder, now: Timestamp) -> Result<u64, FolderError> {
    let since = folder.read::<Timestamp>(files::PAUSED_SINCE)?;
    let waited = since.map_or(0, |since| now.duration_since(since).as_millis());
    Ok(u64::try_from(waited).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    /// The cutover begins a pause as well: a manual one may be hours after that of `prepare`.
    #[test]
    fn writers_wait_since_they_first_had_to() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path());
        let at = |minutes: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        assert_eq!(waited(&folder, at(0)).unwrap(), 0);
        begin_in(&folder, at(0)).unwrap();
        begin_in(&folder, at(74)).unwrap();
        assert_eq!(waited(&folder, at(75)).unwrap(), 75 * 60_000);
    }

    #[test]
    fn a_wait_is_told_in_the_unit_that_fits() {
        let told =
            [4426, 73_000, 129_000, 4_500_000, 7_830_000].map(|total_ms| Pause { total_ms, ..Pause::default() }.told());
        assert_eq!(told, ["4426 ms", "73 s", "2 min", "75 min", "2 h 11 min"]);
    }
}
