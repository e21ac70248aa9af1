//! The lab: a small AWS on one machine.

pub mod host;
pub mod machines;
