//! A managed database beside the plan's host: what is asked of the provider, in which order, for `infra migrate`. Pure.
//!
//! It is no node of the graph: a plan's `[migrate]` says where its database may go, not that it is there. It is known by
//! its name and tags, as everything else, so each of these lists can be asked for again after an interruption and holds
//! only what is still missing.

mod action;
mod alarms;
mod build;
mod settings;
#[cfg(test)]
mod tests;

pub use action::{DatabaseAction, DatabaseChange, DatabaseSpec, describe, member_name};
pub use alarms::{ALARM_SECONDS, alarm_names, topic_name, watch};
pub use build::{DatabaseWish, database_name, provision, remove, revert, secure};
