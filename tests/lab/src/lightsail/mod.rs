//! Lightsail, answered from an account in memory that is written to disk after every change.
//!
//! A request is handled under one lock and never waits there; what takes time becomes a job (`operations`, `work`) that
//! runs afterwards. This module knows nothing of HTTP: `crate::gateway` brings it an operation's name and a JSON body.

mod access;
mod account;
mod add_ons;
mod alarms;
mod catalog;
mod contacts;
mod disks;
mod error;
mod handlers;
mod input;
mod instances;
mod inventory;
mod jobs;
mod key_pairs;
mod metrics;
mod operations;
mod page;
mod peering;
mod ports;
mod resource;
mod service;
mod snapshots;
mod static_ips;
mod tags;
mod work;

pub use error::{ApiError, Exception};
pub use operations::OperationFault;
pub(crate) use resource::{ACCOUNT, now, short_id};
pub use service::{Lightsail, ReadFault, Request};
