//! Measurements to what they mean: how they will go on, what they are, how they are shown.

pub mod explain;
pub mod forecast;
pub mod report;
