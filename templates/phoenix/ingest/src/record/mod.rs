//! From JSON text to rows in PostgreSQL's binary COPY format: all the rules for a batch, and nothing but the rules.
//!
//! Pure: text, rules and the current time in; rows or errors out. Every record is checked here so strictly that the
//! database has no reason left to refuse a row, because one refused row would spoil the transaction of many batches.
//! JSON values are copied as they came, never parsed into a tree and printed again.

mod batch;
mod fields;
mod json;
mod row;
mod time;
mod value;

pub use batch::{BatchError, EncodedBatch, RecordError, Rules, encode};
pub use row::{COLUMNS, COPY_HEADER, COPY_TRAILER};
pub use time::{Day, Instant};

/// Records in one batch.
pub const RECORDS_MAX: usize = 10_000;
/// Characters of `agent_id`, `session_id`, `name` and the trace ids.
pub const TEXT_MAX: usize = 128;
/// Characters of `role`.
pub const ROLE_MAX: usize = 32;
/// Bytes of `payload` as it is sent.
pub const PAYLOAD_MAX: usize = 512 * 1024;
/// Bytes of `location` as it is sent.
pub const LOCATION_MAX: usize = 16 * 1024;
/// Errors that are listed; the rest is only counted.
pub const ERRORS_MAX: usize = 50;
