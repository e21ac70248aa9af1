//! Asks at many times of a series what the forecast would have been, and looks at what came.

use std::collections::BTreeMap;
use std::fmt;

use super::generators::DAY;
use crate::watch::forecast::robust::quantile;
use crate::watch::forecast::series::{HOUR, Hour, hours};
use crate::watch::forecast::{Bounds, Limit, Model, Outlook, Sample, Silence};

/// What came of all that was asked.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// Limits that lay ahead, of series that went on for long enough to know.
    pub asked: usize,
    /// They were crossed within two weeks.
    pub came: usize,
    /// Of those, a time was told.
    pub foreseen: usize,
    pub told: usize,
    /// What came of it is known: the limit was crossed, or the interval ended.
    pub known: usize,
    pub held: usize,
    pub before: usize,
    /// Told within a week, and the series goes on for one.
    pub week: usize,
    /// It did not come within the week.
    pub week_late: usize,
    /// Nor until the end of the interval, if that is later.
    pub week_false: usize,
    pub silent: BTreeMap<&'static str, usize>,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        self.came += other.came;
        self.foreseen += other.foreseen;
        self.told += other.told;
        self.known += other.known;
        self.held += other.held;
        self.before += other.before;
        self.week += other.week;
        self.week_late += other.week_late;
        self.week_false += other.week_false;
        other.silent.iter().for_each(|(why, count)| *self.silent.entry(why).or_default() += count);
    }

    pub fn coverage(&self) -> f64 {
        self.held as f64 / self.known.max(1) as f64
    }

    pub fn false_alarms(&self) -> f64 {
        self.week_false as f64 / self.week.max(1) as f64
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |part: usize, of: usize| if of == 0 { 0.0 } else { part as f64 * 100.0 / of as f64 };
        write!(
            f,
            "asked {:5} told {:4}, known {:4}, held {:3.0} % (before {:3.0} %); came {:4}, foreseen {:3.0} %; \
             within a week {:4}: later {:3.0} %, false {:3.0} %; {:?}",
            self.asked,
            self.told,
            self.known,
            percent(self.held, self.known),
            percent(self.before, self.known),
            self.came,
            percent(self.foreseen, self.came),
            self.week,
            percent(self.week_late, self.week),
            percent(self.week_false, self.week),
            self.silent
        )
    }
}

/// At every so many days, limits on both sides of what the series did so far.
pub fn backtest(samples: &[Sample], bounds: Option<Bounds>, every: i64) -> Tally {
    let mut tally = Tally::default();
    let all = hours(samples, i64::MAX);
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return tally };
    let mut now = first.at + 4 * DAY + 7 * HOUR;
    while now < last.at {
        let past = &samples[..samples.partition_point(|sample| sample.at <= now)];
        let next = all.partition_point(|hour| hour.hour <= now / HOUR);
        let model = Model::fit(past, now, bounds);
        for limit in limits(&all[..next]) {
            tally.judge(&model, limit, now, &all[next..]);
        }
        now += every;
    }
    tally
}

/// Not too near, where the next spike decides, to further than the series ever moved.
fn limits(past: &[Hour]) -> Vec<Limit> {
    let mut values: Vec<_> = past.iter().map(|hour| hour.value).collect();
    let at = |values: &mut [f64], share| quantile(values, share).unwrap_or(0.0);
    let (low, high) = (at(&mut values, 0.02), at(&mut values, 0.98));
    let recent = &past[past.len().saturating_sub(48)..];
    let most = recent.iter().map(|hour| hour.value).fold(f64::MIN, f64::max);
    let least = recent.iter().map(|hour| hour.value).fold(f64::MAX, f64::min);
    let parts = [0.1, 0.3, 0.8].map(|part| part * (high - low)).into_iter().filter(|part| *part > 0.0);
    parts.flat_map(|part| [Limit::rising(most + part), Limit::falling(least - part)]).collect()
}

impl Tally {
    fn judge(&mut self, model: &Result<Model, Silence>, limit: Limit, now: i64, future: &[Hour]) {
        let Some(end) = future.last().map(|hour| hour.hour * HOUR) else { return };
        let came = future.iter().find(|hour| limit.is_past(hour.value)).map(|hour| hour.hour * HOUR);
        let outlook = match model {
            Ok(model) => model.outlook(limit),
            Err(silence) => Outlook::Silent(*silence),
        };
        let soon = came.is_some_and(|came| came <= now + 14 * DAY);
        self.asked += 1;
        self.came += usize::from(soon);
        let why = match outlook {
            Outlook::Crosses(crossing) => {
                self.told += 1;
                self.foreseen += usize::from(soon);
                let hour = |time: i64| time / HOUR * HOUR;
                if came.is_some() || end >= crossing.latest {
                    self.known += 1;
                    let came = came.unwrap_or(i64::MAX);
                    self.before += usize::from(came < hour(crossing.earliest));
                    self.held += usize::from((hour(crossing.earliest)..=crossing.latest).contains(&came));
                }
                let week = now + 7 * DAY;
                if crossing.likely <= week && end >= week.max(crossing.latest) {
                    self.week += 1;
                    self.week_late += usize::from(came.is_none_or(|came| came > week));
                    self.week_false += usize::from(came.is_none_or(|came| came > week.max(crossing.latest)));
                }
                return;
            }
            Outlook::NotBefore { .. } => "far",
            Outlook::Reached { .. } => "reached",
            Outlook::Silent(silence) => match silence {
                Silence::TooFewDays { .. } => "few",
                Silence::NoNewData { .. } => "stale",
                Silence::LevelShift { .. } => "shift",
                Silence::FallsBack { .. } => "back",
                Silence::NoTrend => "trend",
                Silence::TooNoisy => "noisy",
                Silence::Saturating => "saturating",
                Silence::OutOfRange => "range",
            },
        };
        *self.silent.entry(why).or_default() += 1;
    }
}
