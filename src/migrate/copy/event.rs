//! What a copy tells while it runs.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum CopyEvent {
    /// `bytes` and `done` as measured at the source; `done` is what an earlier run left.
    Started {
        parts: usize,
        done_parts: usize,
        bytes: u64,
        done: u64,
        tables: usize,
    },
    /// An earlier copy under a snapshot that is gone was thrown away.
    StartedOver,
    /// It was rewritten between two of its parts: what was copied of it was thrown away.
    TableAgain {
        table: String,
    },
    PartDone {
        what: String,
        bytes: u64,
        rows: u64,
    },
    /// All rows of it are there.
    TableDone {
        table: String,
    },
    /// Every second. `moved` are bytes on the wire since the start; `done` counts parts as the source measures them, those
    /// under way by what went.
    Progress {
        done: u64,
        total: u64,
        moved: u64,
        bytes_per_second: u64,
        #[serde(flatten)]
        brake: Brake,
    },
    Retrying {
        what: String,
        attempt: u32,
        error: String,
    },
    /// The source's disk has a queue: slower for now.
    BackedOff {
        queue_depth: f64,
        bytes_per_second: u64,
    },
    /// No worker reads any more: the snapshot may be released.
    RowsDone {
        rows: u64,
        bytes: u64,
    },
}

/// What holds a copy back, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Brake {
    /// Bytes a second that are allowed at present; None: as fast as it goes.
    pub limit: Option<u64>,
    /// That is less than the user allows, because the source's disk is behind, or was until a moment ago.
    pub backing_off: bool,
    /// Of the source's disk in the last second, where it is known: requests, and milliseconds that one took.
    pub queue_depth: Option<f64>,
    pub await_ms: Option<f64>,
}

/// Where events go. Must not block.
pub type Tell = dyn Fn(CopyEvent) + Send + Sync;
