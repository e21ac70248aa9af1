//! A plan with everything that it refers to, read from disk, and the observation of it. The effects before the pure
//! part: what `diff` and `steps` work on is gathered here.

mod connect;
mod database;
mod hosted;
mod load;
mod local;
mod observe;
mod saved;
mod situation;

pub use connect::{clouds, databases, hosts, uses};
pub use database::{DatabaseError, ManagedDatabase, last_snapshot, wish as database_wish};
pub use hosted::{HostedDatabase, HostedError, data_disk};
pub use load::{LoadError, Release, Stack, address_of, load};
pub use local::{Local, LocalError};
pub use observe::{ObserveError, find_database_host, observe, serving};
pub use saved::{Saved, SavedError};
pub use situation::{Situation, SituationError, Survey, assess, bursts, survey};
