//! Watching: what is measured, where it stays, and what comes of it.
//!
//! `collect` measures and `ring` keeps, on the host; `rules` decides, `forecast` says what will come, `explain` what a metric is,
//! `report` shows it all: these are pure. What tells, and who asks every few minutes are not here yet.

pub mod collect;
pub mod explain;
pub mod forecast;
pub mod report;
pub mod ring;
pub mod rules;
