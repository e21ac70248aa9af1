//! The copy of all rows, from one snapshot of the source, by parts.
//!
//! - [`hold`] keeps the snapshot alive, in a process of its own: a copier that dies and starts again reads the same.
//! - `plan` cuts the tables into parts, once; what it decided is kept, because its borders must not move.
//! - A part is one transaction at the target, which also writes the part's number into a table there: the target's own
//!   commit says which parts are done. Nothing on this side could say it for sure.
//! - A table that is rewritten between two of its parts is copied again from its beginning: its rows have moved.
//! - If the snapshot is gone, [`copy`] says so; with a new one it starts over and empties what it filled.
//!
//! A table that fails fails the copy: success is never reported otherwise.

mod error;
mod event;
mod format;
mod ledger;
mod limit;
mod objects;
mod part_list;
mod patience;
mod plan;
mod pressure;
mod rewrite;
mod run;
mod session;
mod snapshot_holder;
mod sql;
mod throttle;
mod worker;

pub use crate::plan::Rate;
pub use error::CopyError;
pub use event::{Brake, CopyEvent, Tell};
pub use limit::{Limit, MaxRate, RateError, read_limit, write_limit};
pub use part_list::tables;
pub use plan::Sizing;
pub use pressure::{DiskLoad, DiskQueue, Pressure, disk_of};
pub use run::{Complete, Copied, Setup, copy};
pub use snapshot_holder::{HeldSnapshot, SnapshotSource, hold};
