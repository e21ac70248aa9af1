//! Series of five-minute means as hosts make them, few of which are a line with a daily season.

use crate::watch::forecast::Sample;

pub const EVERY: i64 = 300;
pub const DAY: i64 = 86_400;
/// A Monday, so that weeks begin where they should.
pub const START: i64 = 1_767_571_200;

/// The same numbers in every run.
pub struct Chance(pub u64);

impl Chance {
    /// From 0 to 1.
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        ((mixed >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Student's t of two degrees: without a variance.
    pub fn heavy(&mut self) -> f64 {
        self.normal() / (-self.uniform().ln()).sqrt()
    }
}

/// A value for each five minutes of so many days; `f` gets the day as a fraction.
pub fn series(days: i64, mut f: impl FnMut(f64) -> f64) -> Vec<Sample> {
    let sample = |step: i64| Sample { at: START + step * EVERY, value: f((step * EVERY) as f64 / DAY as f64) };
    (0..days * DAY / EVERY).map(sample).collect()
}

fn daily(day: f64) -> f64 {
    (std::f64::consts::TAU * day).sin()
}

/// Working hours of working days.
fn busy(day: f64) -> f64 {
    let (weekday, hour) = (day.rem_euclid(7.0).floor(), day.fract() * 24.0);
    if weekday < 5.0 && (8.0..18.0).contains(&hour) { 1.0 } else { 0.0 }
}

pub fn growth(days: i64, chance: &mut Chance) -> Vec<Sample> {
    let slope = 0.2 + chance.uniform();
    series(days, |day| 20.0 + slope * day + 3.0 * daily(day) + 2.0 * chance.normal())
}

/// As it is with wild values, hours that were not measured and whole days too.
pub fn growth_with_gaps(days: i64, chance: &mut Chance) -> Vec<Sample> {
    let slope = 0.2 + chance.uniform();
    let all = series(days, |day| 20.0 + slope * day + 2.0 * daily(day) + chance.heavy());
    let gap = |sample: &Sample| (sample.at / DAY) % 9 == 4 || (sample.at / 7200) % 11 == 3;
    all.into_iter().filter(|sample| !gap(sample)).collect()
}

/// Growth that is itself a walk.
pub fn drifting(days: i64, chance: &mut Chance) -> Vec<Sample> {
    let (mut level, mut slope) = (20.0, 0.5);
    series(days, |_| {
        slope += 0.006 * chance.normal();
        level += slope / 288.0;
        level + chance.normal()
    })
}

pub fn random_walk(days: i64, chance: &mut Chance) -> Vec<Sample> {
    let mut level = 50.0;
    series(days, |_| {
        level += 0.15 * chance.normal();
        level
    })
}

/// Comes back to its middle within days.
pub fn wandering(days: i64, chance: &mut Chance) -> Vec<Sample> {
    let mut off = 0.0;
    series(days, |day| {
        off = off * 0.9985 + 0.3 * chance.normal();
        40.0 + off + 5.0 * daily(day)
    })
}

/// A disk that retention empties every week.
pub fn retention(days: i64, chance: &mut Chance) -> Vec<Sample> {
    series(days, |day| 30.0 + 4.0 * day.rem_euclid(7.0) + 0.3 * chance.normal())
}

/// The disk grows while vacuum takes back a part every day.
pub fn vacuum(days: i64, chance: &mut Chance) -> Vec<Sample> {
    let slope = 0.3 + 0.5 * chance.uniform();
    series(days, |day| 30.0 + slope * day + 4.0 * (day + 0.3).fract() + 0.3 * chance.normal())
}

pub fn weekly(days: i64, chance: &mut Chance) -> Vec<Sample> {
    series(days, |day| 30.0 + 25.0 * busy(day) + 2.0 * chance.normal())
}

pub fn weekly_growth(days: i64, chance: &mut Chance) -> Vec<Sample> {
    let slope = 0.3 + 0.5 * chance.uniform();
    series(days, |day| 20.0 + slope * day + 10.0 * busy(day) + 2.0 * chance.normal())
}

/// Each deploy moves it, every ten days or so.
pub fn deploys(days: i64, chance: &mut Chance) -> Vec<Sample> {
    let mut level = 40.0;
    series(days, |day| {
        if chance.uniform() < 1.0 / 2880.0 {
            level = (level + 12.0 * chance.normal()).clamp(10.0, 80.0);
        }
        level + 2.0 * daily(day) + chance.normal()
    })
}

/// Fills up and stays.
pub fn saturating(days: i64, chance: &mut Chance) -> Vec<Sample> {
    let (end, pace) = (60.0 + 30.0 * chance.uniform(), 8.0 + 8.0 * chance.uniform());
    series(days, |day| end * (1.0 - (-day / pace).exp()) + 0.7 * chance.normal())
}

/// Users that bring users.
pub fn compound(days: i64, chance: &mut Chance) -> Vec<Sample> {
    let rate = 0.01 + 0.03 * chance.uniform();
    series(days, |day| 10.0 * (rate * day).exp() * (1.0 + 0.1 * daily(day)) + 0.5 * chance.normal())
}

/// Its growth ends halfway.
pub fn ends(days: i64, chance: &mut Chance) -> Vec<Sample> {
    let slope = 0.5 + chance.uniform();
    series(days, |day| 20.0 + slope * day.min(days as f64 / 2.0) + daily(day) + chance.normal())
}

/// Counts bytes, and begins anew when the machine does.
pub fn counter(days: i64, chance: &mut Chance) -> Vec<Sample> {
    let mut count = 0.0;
    series(days, |_| {
        count = if chance.uniform() < 1.0 / 3000.0 { 0.0 } else { count + chance.uniform() };
        count
    })
}

/// A processor: between 0 and 100, with jobs.
pub fn processor(days: i64, chance: &mut Chance) -> Vec<Sample> {
    let mut job = 0.0;
    series(days, |day| {
        job = if chance.uniform() < 0.003 { 60.0 * chance.uniform() } else { job * 0.93 };
        (25.0 + 10.0 * daily(day) + job + 3.0 * chance.heavy()).clamp(0.0, 100.0)
    })
}

pub fn constant(days: i64, _: &mut Chance) -> Vec<Sample> {
    series(days, |_| 41.0)
}
