//! Watching: what was measured goes into zones, and zones into what is said and done.
//!
//! `rules` decides, and is pure. What measures, what tells, and who asks every few minutes are not here yet.

pub mod rules;
