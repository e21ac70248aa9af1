//! Watching: what is measured, where it stays, and what comes of it.
//!
//! `collect` measures and `ring` keeps, on the host; `rules` decides, and is pure. What tells, and who asks every few minutes
//! are not here yet.

pub mod collect;
pub mod ring;
pub mod rules;
