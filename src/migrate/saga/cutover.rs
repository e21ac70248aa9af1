//! When the clients switch, once everything is ready.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cutover {
    /// As soon as both databases hold the same.
    #[default]
    Auto,
    /// When the user says so.
    Manual,
    /// Not before this; later if the databases hold the same only then. The user may say so earlier.
    At(Timestamp),
}

impl Cutover {
    /// Needs no word of the user any more.
    pub fn is_due(self, now: Timestamp) -> bool {
        match self {
            Self::Auto => true,
            Self::Manual => false,
            Self::At(moment) => now >= moment,
        }
    }
}
