//! What is remembered of a rule from one evaluation to the next: its zone, and what was said of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::zone::Level;

/// Nothing was heard in as many periods: not monitored.
pub const LISTEN: i64 = 5;
/// As many of them with a value: monitored again. What comes in every fourth period only does not swing between the two.
pub const HEARD: usize = 3;

/// What was said of it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    Zone(Level),
    NotMonitored,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// None: there were never enough values to say.
    pub level: Option<Level>,
    /// When it entered it.
    pub since: Option<Timestamp>,
    /// When it last entered a worse zone. Values from before it do not lead out again.
    pub worse_at: Option<Timestamp>,
    /// When it last entered a better one. Values from before it do not lead back.
    pub better_at: Option<Timestamp>,
    /// The end of the last period that was judged.
    pub judged: Option<Timestamp>,
    pub unmonitored: bool,
    /// Since when it is shown as not monitored. It is said some time later: a clock that jumps is no silence.
    pub unmonitored_since: Option<Timestamp>,
    pub said: Option<Said>,
    /// What its last zone asks for has been asked, since it is there.
    pub acted: bool,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            level: None,
            since: None,
            worse_at: None,
            better_at: None,
            judged: None,
            unmonitored: true,
            unmonitored_since: None,
            said: None,
            acted: false,
        }
    }
}

impl Memory {
    /// `last` is the zone of the rule's last limit.
    pub fn enter(&mut self, level: Level, at: Timestamp, last: Level) {
        let is_worse = level > self.level.unwrap_or(Level::Safe);
        if is_worse {
            self.worse_at = Some(at);
            // What led there was heard.
            self.unmonitored = false;
        } else if self.level.is_some() {
            self.better_at = Some(at);
        }
        self.acted &= level >= last;
        self.level = Some(level);
        self.since = Some(at);
    }

    /// How many of the latest periods had what its zone needs to be known.
    pub fn hear(&mut self, heard: usize) {
        if heard == 0 {
            self.unmonitored = true;
        } else if heard >= HEARD {
            self.unmonitored = false;
        }
    }

    /// Another plan has no such zone any more.
    pub fn forget_level_beyond(&mut self, last: Level) {
        if self.level > Some(last) {
            self.level = None;
        }
    }

    /// The clock went back: nothing has happened later than now.
    pub fn not_after(&mut self, now: Timestamp) {
        let of_zone = [&mut self.since, &mut self.worse_at, &mut self.better_at];
        for time in of_zone.into_iter().chain([&mut self.judged, &mut self.unmonitored_since]) {
            *time = time.map(|time| time.min(now));
        }
    }
}
