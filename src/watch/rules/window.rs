//! The latest values of a series, by periods of its metric: the same whatever order they come in and however often.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A length of time that values are counted in; periods are numbered from 1970 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Period(u32);

/// A period is cut into as many moments, of which each has one measurement: the first that comes. A collector measures every ten
/// seconds at most.
const MOMENTS: i64 = 60;
const THOUSANDTHS: f64 = 1000.0;
/// Beyond it nothing is measured, and sums of it would not fit.
const LARGEST: f64 = 1e12;
/// More periods than a `for` of a day has, with as much to catch up on; what is older goes.
const MOST_PERIODS: usize = 4096;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Window {
    periods: BTreeMap<i64, Values>,
    /// The latest period that ever had a value.
    latest: Option<i64>,
}

/// The measurements of one period.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Values {
    /// A bit for each moment that has one.
    moments: u64,
    /// In thousandths: whole numbers add up to the same in any order, and come from a file as they went into it.
    sum: i64,
}

impl Period {
    pub const fn from_secs(seconds: u32) -> Self {
        Self(if seconds == 0 { 1 } else { seconds })
    }

    pub fn as_secs(self) -> i64 {
        i64::from(self.0)
    }

    /// The number of the period that this moment is in.
    pub fn number(self, at: Timestamp) -> i64 {
        at.as_second().div_euclid(self.as_secs())
    }

    /// The last one that is over.
    pub fn last_over(self, now: Timestamp) -> i64 {
        self.number(now) - 1
    }

    /// When a period begins; its end is when the next one does.
    pub fn begin(self, number: i64) -> Timestamp {
        Timestamp::from_second(number.saturating_mul(self.as_secs())).unwrap_or(Timestamp::MAX)
    }

    pub fn end(self, number: i64) -> Timestamp {
        self.begin(number + 1)
    }

    /// The periods of a shorter kind that make up one of this.
    fn parts(self, number: i64, shorter: Self) -> RangeInclusive<i64> {
        shorter.number(self.begin(number))..=shorter.number(self.end(number)) - 1
    }
}

/// A number that can be measured.
pub fn is_value(value: f64) -> bool {
    value.abs() <= LARGEST
}

impl Window {
    /// Of a value that is one. False: this moment has a value already.
    pub fn add(&mut self, period: Period, at: Timestamp, value: f64) -> bool {
        let number = period.number(at);
        let moment = at.as_second().rem_euclid(period.as_secs()) * MOMENTS / period.as_secs();
        let bit = 1 << moment;
        let values = self.periods.entry(number).or_default();
        if values.moments & bit != 0 {
            return false;
        }
        values.moments |= bit;
        values.sum += (value * THOUSANDTHS).round() as i64;
        self.latest = self.latest.max(Some(number));
        while self.periods.len() > MOST_PERIODS {
            self.periods.pop_first();
        }
        true
    }

    /// The mean of a period of the rule, which has one or more of the metric's own.
    pub fn value(&self, own: Period, period: Period, number: i64) -> Option<f64> {
        let (count, sum) = self
            .periods
            .range(period.parts(number, own))
            .fold((0, 0), |(count, sum), (_, values)| (count + values.moments.count_ones(), sum + values.sum));
        (count > 0).then(|| sum as f64 / f64::from(count) / THOUSANDTHS)
    }

    /// The latest period of the rule, up to this one, with a value that is still here.
    pub fn latest_up_to(&self, own: Period, period: Period, number: i64) -> Option<i64> {
        let (last, _) = self.periods.range(..=*period.parts(number, own).end()).next_back()?;
        Some(period.number(own.begin(*last)))
    }

    /// The rule's periods after one and up to another that have a value.
    pub fn numbers(&self, own: Period, period: Period, after: Option<i64>, to: i64) -> Vec<i64> {
        let first = after.map_or(i64::MIN, |after| period.parts(after, own).end() + 1);
        let last = *period.parts(to, own).end();
        if first > last {
            return vec![];
        }
        let mut numbers: Vec<_> =
            self.periods.range(first..=last).map(|(number, _)| period.number(own.begin(*number))).collect();
        numbers.dedup();
        numbers
    }

    /// When it was last heard of, to its period's begin.
    pub fn last_heard(&self, own: Period) -> Option<Timestamp> {
        self.latest.map(|number| own.begin(number))
    }

    /// Forgets what is before this period.
    pub fn forget_before(&mut self, number: i64) {
        self.periods = self.periods.split_off(&number);
    }

    /// Forgets what is after this period.
    pub fn forget_after(&mut self, number: i64) {
        self.periods.split_off(&(number + 1));
        self.latest = self.latest.min(Some(number));
    }
}
