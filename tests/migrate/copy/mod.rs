//! The copy between real servers: everything arrives once, whatever is killed meanwhile.

mod kills;
mod rate;
pub mod setup;
mod types;
