//! The copy between real servers: everything arrives once, whatever is killed meanwhile.

mod kills;
mod rate;
mod rewritten;
pub mod setup;
mod types;
