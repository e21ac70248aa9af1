//! What is measured, where it stays, and what comes of it.

pub mod collect;
pub mod ring;
