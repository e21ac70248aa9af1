//! The whole schema is made once at the target's server before anything is copied, under the session settings and the user of
//! the real run, and taken back. What fails is known then, all of it at once, and so is how a server of that version prints
//! each definition.
//!
//! It happens in a scratch database, within one transaction that is never committed: roles and what else belongs to the
//! whole server leave no trace either. Where a server has too few locks for that it is committed in batches, and what belongs
//! to the server is taken back.

mod arrives;
mod bodies;
mod memberships;
mod outcome;
mod pass;
mod routed;
mod rows;
mod run;
mod scratch;
mod uses;

pub use arrives::{ARRIVES_OTHERWISE, SourceDefinitions, arrives_otherwise};
pub use outcome::Rehearsal;
pub use rows::Source;
pub use run::{RehearseError, rehearse, rehearsed};
pub use scratch::{drop_scratch, scratch_name};
