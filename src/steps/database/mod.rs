//! A managed database: what is asked of the provider, in which order. Pure.
//!
//! `infra migrate` makes it, takes the load's settings back and removes it, by lists that hold what is still missing, so that
//! each can be asked for again after an interruption. From then on it is a node of the graph: `mend` makes steps of what
//! differs from the plan.

mod action;
mod alarms;
mod build;
mod mend;
#[cfg(test)]
mod node_tests;
#[cfg(test)]
mod tests;

pub use action::{DatabaseAction, DatabaseChange, DatabaseSpec, describe, interrupts, member_name};
pub use alarms::watch;
pub use build::{DatabaseWish, database_name, provision, remove, revert, secure};
pub(super) use mend::{let_in, mend, shut_out};
