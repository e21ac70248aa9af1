//! The lab: a small AWS on one machine. Real API traffic, faults on demand, and real hosts behind it.
//!
//! `Gateway::start` runs it inside a test; the `lab` command runs it in the background. It verifies no signatures and
//! knows one account.

mod behind;
pub mod ec2;
mod form;
mod gateway;
pub mod host;
mod lightsail;
pub mod machines;
pub mod ministack;
mod model;
pub mod paths;
pub mod process;
pub mod rds;
pub mod settings;
mod ssh;
mod store;

pub use gateway::{Gateway, Options, Running};
pub use lightsail::{ApiError, Lightsail};
