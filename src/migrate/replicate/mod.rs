//! Native logical replication between the two ends, in either direction: forwards until the cutover, backwards after it.
//!
//! A [`Channel`] is a publication and a slot of one name at the publisher and a subscription of that name at the
//! subscriber. A row of [`heartbeat`] travels through it: when one has arrived, everything committed before it has, and
//! how long it took is the lag. Every step may be repeated and has its undo.

mod channel;
mod copy_refusal;
mod extend;
mod fence;
mod heartbeat;
mod lacks;
mod message;
mod read_only;
mod slot_reader;
mod stuck;
mod wal_retention;
mod writers;

pub use channel::{Channel, Lag};
pub use copy_refusal::CopyRefusal;
pub use extend::logged_tables;
pub use fence::{FENCE_TRIGGER, lower_fence, raise_fence, remove_fence};
pub use heartbeat::{Heartbeat, make_heartbeat};
pub use lacks::{Lack, have_rows, lacking, placeless};
pub use message::{Described, DescribedColumn, Message, MessageError, Tuple, Value};
pub use read_only::{
    READ_ONLY, ReadOnlyError, WritesRefused, close_database, empty_database, hold_writers, readmit, readmit_all,
    readmit_only_readers, readmit_readers, refuse_writes, reopen_database, rows_written,
};
pub use slot_reader::{ChangeStream, Reading, Written};
pub use wal_retention::{Because, Bound, RetainedWal};
pub use writers::{open_writers, told as told_of_writers};

use std::time::Duration;

use crate::postgres::PostgresError;

#[derive(Debug, thiserror::Error)]
pub enum ReplicateError {
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error(
        "slot {slot} is gone from the publisher: the changes since the copy are lost; infra migrate abort, and begin again"
    )]
    SlotGone { slot: String },
    #[error(
        "slot {slot} has lost the changes that it held: more was written than max_slot_wal_keep_size allows ({status}); infra migrate abort, raise it, and begin again"
    )]
    SlotLost { slot: String, status: String },
    #[error(
        "the server keeps {bytes} bytes of its log and of decoded changes for slot {slot}, more than {bound} ({because}): the migration was stopped and its slots dropped before the disk fills up; make room or wait until less is written, then infra migrate abort, and begin again"
    )]
    TooMuchKept { slot: String, bytes: u64, bound: u64, because: Because },
    #[error("no replication slot {slot} within {} s: {who}", waited.as_secs())]
    NoSlot { slot: String, waited: Duration, who: String },
    #[error("the changes did not arrive within {} s: {lag}", after.as_secs())]
    NotDrained { after: Duration, lag: Lag },
    #[error("the rows of {tables} are still copied after {} s: try again when they have arrived", after.as_secs())]
    StillCopied { tables: String, after: Duration },
    #[error("the subscriber cannot apply a change: {message}")]
    ApplyFailed { message: String },
}
