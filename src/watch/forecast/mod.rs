//! When a series of measurements will reach a limit, with an interval; or why that cannot be said.
//!
//! Pure: no clock, no randomness, no files. It never guesses: whoever reads a date believes it, so a series that does not
//! bear one gets a [`Silence`] (docs/decisions/0123-forecasts-that-may-be-silent.md). The tests print how often the
//! interval held and how often the alarm was false, on series that were not fitted.

mod model;
mod outlook;
mod paths;
mod robust;
mod season;
mod series;
mod shift;
#[cfg(test)]
mod tests;
mod trend;

pub use model::{Course, Model};
pub use outlook::{Crossing, Direction, Limit, Outlook, Silence};
pub use series::{Bounds, Sample};
