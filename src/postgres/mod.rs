//! How infra talks to PostgreSQL: where a database is, connections for statements, and raw ones for bulk data and for
//! replication commands. No migration in it.
//!
//! Every session starts with the same pinned settings, so that what one session writes another reads alike.

mod client;
mod dial;
mod endpoint;
mod error;
mod lsn;
mod secret;
mod settings;
pub mod wire;

pub use client::{Client, ROLL_BACK, connect};
pub use endpoint::{Endpoint, EndpointError, Tls};
pub use error::{PostgresError, ServerReport, SqlState};
pub use lsn::{Lsn, LsnError};
pub use secret::Secret;
pub use settings::set;
