//! The protocol itself, where a driver's comfort is in the way: COPY data that is passed from one server to another
//! without looking into rows, and commands of the replication protocol, which only exist as simple queries.

mod auth;
mod connection;
mod copy;
mod frames;

pub use connection::{Answer, Connection, SessionKind};
pub use copy::{Meter, PassError, Passed, Side, discard, pass};
