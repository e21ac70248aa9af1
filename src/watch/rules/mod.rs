//! Measurements and limits in, zones and what is to be said out. Pure: time is an argument, memory is a value.
//!
//! **A value** is the mean of a metric's measurements in one of its periods. A period that is not over does not count.
//!
//! **Entering a zone.** `for` is N periods. A zone is entered when the values of at least M of the last N are past its limit, the
//! last of them among these; M is four fifths of N, so that one calm minute or one lost value does not begin the time anew. Values
//! that are past their limits at the same time for N periods without a gap are in the zone, always (for three, after a silence).
//!
//! **Leaving it** takes M of N values that are better than a second limit, the last of them among these, measured after the zone was
//! entered, and the cooldown since then. Between the two limits nothing changes. Entering again takes M values from after it was left.
//! So a threshold never turns round within M periods, and never goes back within its cooldown. Getting worse waits for nothing but its N periods.
//!
//! **Missing values** count for neither. A threshold of which nothing was heard in the last five periods is *not monitored*, until three
//! of five have values; its zone is remembered meanwhile, and neither entered nor left.
//!
//! **`all` and `any`** are decided period by period: all conditions must be past their limits at the same time. With a value missing, `all`
//! can only be better, `any` only worse.
//!
//! **Clocks.** Measurements from the future are refused. A clock that went back takes what is later than it out of the evidence, and
//! keeps zones. One that jumped forward looks like a gap.
//!
//! **Said once.** A notice stands in the state until somebody acknowledges that it was delivered; then it is not repeated before the
//! zone changes.

mod assessment;
mod clock;
mod evidence;
mod judge;
mod limit;
mod measurement;
mod memory;
mod notice;
mod of_plan;
mod rate;
mod rule;
mod state;
mod window;
mod zone;

#[cfg(test)]
mod tests;

pub use assessment::{Assessment, Standing, Transition};
pub use limit::{Limit, Patience};
pub use measurement::{Measurement, Refused, Series, Subject};
pub use notice::{Figure, Notice, NoticeId};
pub use of_plan::rules_of;
pub use rate::{Counter, rates};
pub use rule::{Condition, Rule, RuleId};
pub use state::{State, StateError};
pub use window::Period;
pub use zone::{Level, Reason, Zone, whole};
