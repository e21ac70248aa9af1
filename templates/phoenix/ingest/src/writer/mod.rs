//! Writes batches: many of them in one transaction, by several writers at once, each with its own connection.
//!
//! A writer takes whatever is queued when it becomes free; while it commits, the next group gathers. Under load groups
//! grow by themselves, without load nobody waits. A group is retried until its batches' deadlines, and repeating it is
//! always safe: [`commit`](mod@commit) first claims each batch by its id in the same transaction that stores its rows, so
//! a COMMIT whose outcome got lost with the connection is found out by simply trying again.

mod commit;
mod fault;
mod group;
mod queue;

pub use commit::Outcome;
pub use group::{Writer, WriterContext};
pub use queue::{Group, Groups, Queue, QueueFull, Submission};

use crate::budget::Reservation;
use crate::record::Day;
use bytes::Bytes;
use std::collections::BTreeSet;
use uuid::Uuid;

/// The client's name for a batch: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    pub fn parse(text: &str) -> Option<Self> {
        let good = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        good.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The SHA-256 of a decompressed body, to tell a repetition from another batch under the same key.
pub type Fingerprint = [u8; 32];

/// A batch that passed all rules, with its share of the memory budget.
pub struct Batch {
    pub id: Uuid,
    /// The key and what it stands for.
    pub key: Option<(IdempotencyKey, Fingerprint)>,
    pub records: i32,
    /// In binary COPY form, without header and trailer.
    pub rows: Bytes,
    pub days: BTreeSet<Day>,
    /// Held until the batch is answered.
    pub reservation: Reservation,
}
