//! The old data after the end of a migration: until when they stay, and whether they have gone. Pure.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldDataRetention {
    pub until: Timestamp,
    /// When somebody removed them.
    #[serde(default)]
    pub removed: Option<Timestamp>,
}

impl OldDataRetention {
    pub fn from(now: Timestamp, seconds: u64) -> Self {
        let span = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        Self { until: now.checked_add(span).unwrap_or(Timestamp::MAX), removed: None }
    }

    /// None once they are gone.
    pub fn may_go(&self, now: Timestamp) -> Option<bool> {
        self.removed.is_none().then_some(now >= self.until)
    }

    /// In words, by a calendar that everybody has.
    pub fn told(&self, now: Timestamp) -> String {
        let day = |moment: Timestamp| moment.strftime("%Y-%m-%d").to_string();
        match (self.removed, self.may_go(now)) {
            (Some(removed), _) => format!("removed on {}", day(removed)),
            (None, Some(true)) => {
                "kept, read-only, longer than asked for: infra migrate finish --include-data removes them".to_owned()
            }
            (None, _) => format!("kept, read-only, until {} (UTC)", self.until.strftime("%Y-%m-%d %H:%M")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_kept_until_their_day_and_then_until_somebody_removes_them() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (now, day) = (at("2026-11-21T13:00:00Z"), 24 * 60 * 60);
        let kept = OldDataRetention::from(now, 14 * day);
        assert_eq!(
            (kept.may_go(now), kept.told(now)),
            (Some(false), "kept, read-only, until 2026-12-05 13:00 (UTC)".into())
        );
        let later = at("2026-12-05T13:00:00Z");
        assert_eq!(kept.may_go(later), Some(true));
        assert!(kept.told(later).ends_with("infra migrate finish --include-data removes them"));
        let gone = OldDataRetention { removed: Some(later), ..kept };
        assert_eq!((gone.may_go(later), gone.told(later)), (None, "removed on 2026-12-05".into()));
        assert_eq!(OldDataRetention::from(now, 0).may_go(now), Some(true));
        assert_eq!(OldDataRetention::from(now, u64::MAX).until, Timestamp::MAX);
    }
}
