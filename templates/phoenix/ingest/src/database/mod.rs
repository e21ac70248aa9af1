//! The PostgreSQL side that is not the hot path: how to connect, the schema, partitions, upkeep, and whether the
//! database is there.

pub mod availability;
pub mod connect;
pub mod partitions;
pub mod schema;
pub mod upkeep;

pub use availability::Availability;
pub use connect::{ConnectError, Connector};
pub use partitions::Partitions;
