//! One way over, used in both directions: which steps it has, and where it is begun again after it was cut off. Cutover and
//! rollback are the same act with the ends exchanged (docs/decisions/0097-one-switch.md).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Of the two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The one that the migration found.
    Old,
    /// The one that it filled.
    New,
}

impl Side {
    pub fn other(self) -> Self {
        match self {
            Self::Old => Self::New,
            Self::New => Self::Old,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Old => "the old database",
            Self::New => "the new database",
        })
    }
}

/// In their order. Each is in the journal before its effect; that of the next one says that it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Most of what is under way arrives, and what stands in the way is said, while the clients run.
    Drain,
    /// The clients stop.
    Pause,
    /// Nobody else writes.
    Fence,
    /// All of it arrives; what replication does not bring is carried, and what changed is compared.
    Carry,
    /// The other database is ready for them: the channel the other way, its rights, its writers.
    Open,
    /// The clients are pointed to it.
    Point,
    /// They are started there and seen healthy. From its beginning on they may have written.
    Serve,
}

impl Step {
    pub const ALL: [Self; 7] =
        [Self::Drain, Self::Pause, Self::Fence, Self::Carry, Self::Open, Self::Point, Self::Serve];

    /// Where a switch goes on that was cut off in this step: sessions that stood within the fence ended with their process.
    pub fn again(self) -> Self {
        match self {
            Self::Drain => Self::Drain,
            Self::Pause | Self::Fence | Self::Carry | Self::Open => Self::Pause,
            Self::Point => Self::Point,
            Self::Serve => Self::Serve,
        }
    }

    /// This one and those after it.
    pub fn on(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |step| *step >= self)
    }

    pub(super) fn follows(self, before: Self) -> bool {
        self == before.again() || self == Self::Drain || before.on().nth(1) == Some(self)
    }

    /// What it is about, in a few words.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Drain => "what is under way arrives, while the clients run",
            Self::Pause => "the clients are paused",
            Self::Fence => "other writers are kept out",
            Self::Carry => "the last changes arrive and are compared",
            Self::Open => "the other database is made ready for them",
            Self::Point => "the clients are pointed",
            Self::Serve => "the clients are started",
        }
    }
}

/// A switch that is under way, or could not be ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Switching {
    pub to: Side,
    pub step: Step,
    /// Why it does not go on.
    pub failed: Option<String>,
    /// The clients are being started where they were, whatever is wanted by now.
    #[serde(default)]
    pub taken_back: bool,
}

impl Switching {
    pub(super) fn begun(to: Side, step: Step) -> Self {
        Self { to, step, failed: None, taken_back: false }
    }

    pub(super) fn stuck(to: Side, error: Option<String>) -> Self {
        Self { failed: error, ..Self::begun(to, Step::Serve) }
    }

    /// The clients may be writing to the database that it leads to.
    pub fn is_over_the_point(&self) -> bool {
        self.step == Step::Serve
    }
}
