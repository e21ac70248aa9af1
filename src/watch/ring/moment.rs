//! When something was measured, as the key of its row. Pure.

use super::SLOT;

/// A year in the fifth millennium.
const AT_BITS: u32 = 36;
const SLOT_SECONDS: i64 = SLOT.as_secs() as i64;
/// How many summaries are packed together: six hours.
const PERIOD_SECONDS: i64 = 72 * SLOT_SECONDS;

/// Seconds of the clock, and which run of it: a new run begins when the clock goes back. As a number it grows with each
/// reading, whatever the clock does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    pub run: i64,
    /// Since 1970.
    pub at: i64,
}

impl Moment {
    /// None: no clock shows this.
    pub fn new(run: i64, at: i64) -> Option<Self> {
        let fits = (0..1 << AT_BITS).contains(&at) && (0..1 << (62 - AT_BITS)).contains(&run);
        fits.then_some(Self { run, at })
    }

    pub fn key(self) -> i64 {
        self.run << AT_BITS | self.at
    }

    pub fn of_key(key: i64) -> Self {
        Self { run: key >> AT_BITS, at: key & ((1 << AT_BITS) - 1) }
    }

    /// The beginning of its five minutes.
    pub fn slot(self) -> Self {
        Self { at: slot_of(self.at), ..self }
    }

    /// The beginning of its six hours.
    pub fn period(self) -> Self {
        Self { at: self.at - self.at % PERIOD_SECONDS, ..self }
    }

    /// The keys of the slot that begins here.
    pub fn keys_of_slot(self) -> (i64, i64) {
        (self.key(), self.key() + SLOT_SECONDS)
    }

    /// The keys of the period that begins here.
    pub fn keys_of_period(self) -> (i64, i64) {
        (self.key(), self.key() + PERIOD_SECONDS)
    }
}

pub fn slot_of(at: i64) -> i64 {
    at - at % SLOT_SECONDS
}

/// Slots count from the beginning of their period.
pub const fn slot_seconds() -> i64 {
    SLOT_SECONDS
}

pub const fn period_seconds() -> i64 {
    PERIOD_SECONDS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_are_ordered_as_moments_and_lead_back(a in (0_i64..1 << 26, 0_i64..1 << 36), b in (0_i64..1 << 26, 0_i64..1 << 36)) {
            let (a, b) = (Moment::new(a.0, a.1).unwrap(), Moment::new(b.0, b.1).unwrap());
            prop_assert_eq!(a.key().cmp(&b.key()), a.cmp(&b));
            prop_assert_eq!(Moment::of_key(a.key()), a);
            let (from, to) = a.slot().keys_of_slot();
            prop_assert!((from..to).contains(&a.key()));
            let (from, to) = a.period().keys_of_period();
            prop_assert!((from..to).contains(&a.key()));
        }
    }

    #[test]
    fn no_clock_shows_a_time_before_1970() {
        assert_eq!(Moment::new(0, -1), None);
        assert_eq!(Moment::new(0, 1 << 36), None);
    }
}
