//! What happened, on disk before it happens: one JSON line an event, fsynced. For `up` it is a record (the next run
//! observes afresh); for migrations it will be what they replay. Versioned from the first day.

mod lock;
mod store;

pub use lock::{Holder, Lock, LockError};
pub use store::{Entry, Journal, JournalError, Record, read};
