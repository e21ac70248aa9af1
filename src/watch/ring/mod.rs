//! What was measured, kept on the host: 48 hours of readings each 10 s and 90 days of five-minute summaries, in one SQLite file
//! of at most 32 MB ([0122](../../../docs/decisions/0122-the-ring-on-the-host.md)).
//!
//! It does not measure, and knows series by their text only. What is acknowledged survives the end of the process; the end of
//! the machine costs at most the last five minutes. Nothing is overwritten: when the clock goes back a new run begins, and
//! whoever reads is told of readings that another run has in their place.

mod block;
mod close;
mod error;
mod merge;
mod moment;
mod reader;
mod salvage;
mod store;
mod writer;

#[cfg(test)]
mod clock_tests;
#[cfg(test)]
mod killed_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod torn_tests;

pub use error::RingError;
pub use merge::{Point, Readout, Stretch};
pub use reader::{Loss, RingReader};
pub use writer::{Appended, Opened, Ring};

use std::time::Duration;

/// How far apart readings are.
pub const INTERVAL: Duration = Duration::from_secs(10);
/// What a summary covers; also how much is synced to the disk at once.
pub const SLOT: Duration = Duration::from_secs(300);
