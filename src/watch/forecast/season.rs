//! What comes again every day, or every week, as a median profile. It counts only where it explains days that it was not
//! made of.

use super::robust::median;
use super::series::Hour;

const DAY: i64 = 24;
const WEEK: i64 = 168;

/// Deviations an hour of the day, before there is a profile.
const DAYS_FOR_DAILY: usize = 3;
const WEEKS_FOR_WEEKLY: usize = 4;

/// A profile must leave no more than this share of what it is to explain in days that it was not made of: noise alone
/// leaves a little more than all of it.
const LEAVES: f64 = 0.9;
/// The weekly one has seven times the values to go wrong with, so it must be better than the daily one by more.
const WEEKLY_LEAVES: f64 = 0.8;

/// What to add to the level at an hour since 1970.
#[derive(Debug, Clone, PartialEq)]
pub struct Season {
    /// None, 24 or 168 values.
    profile: Vec<f64>,
}

impl Season {
    pub fn of(hours: &[Hour]) -> Self {
        let daily = Self::daily(hours);
        let weekly = Self::weekly(hours, &daily);
        weekly.unwrap_or(daily)
    }

    pub fn at(&self, hour: i64) -> f64 {
        let period = self.profile.len() as i64;
        if period == 0 { 0.0 } else { self.profile[hour.rem_euclid(period) as usize] }
    }

    pub fn period_hours(&self) -> usize {
        self.profile.len()
    }

    /// The hours without it.
    pub fn removed(&self, hours: &[Hour]) -> Vec<Hour> {
        hours.iter().map(|hour| Hour { value: hour.value - self.at(hour.hour), ..*hour }).collect()
    }

    fn none() -> Self {
        Self { profile: vec![] }
    }

    fn daily(hours: &[Hour]) -> Self {
        let deviations = deviations(hours, DAY);
        let explains = explains(&deviations, DAY) && (0..2).all(|half| of_half(&deviations, DAY, half).is_some());
        let profile = explains.then(|| profile(&deviations, DAY, DAYS_FOR_DAILY)).flatten();
        profile.map_or(Self::none(), |profile| Self { profile })
    }

    fn weekly(hours: &[Hour], daily: &Self) -> Option<Self> {
        let deviations = deviations(hours, WEEK);
        let profile = profile(&deviations, WEEK, WEEKS_FOR_WEEKLY)?;
        let by_day: Vec<_> = deviations.iter().map(|d| Hour { value: d.value - daily.at(d.hour), ..*d }).collect();
        let better = left(&deviations, WEEK)? < WEEKLY_LEAVES * size(&by_day);
        better.then_some(Self { profile })
    }
}

/// From the median of the hours around, one period long; without the ends, which have no hours around.
fn deviations(hours: &[Hour], period: i64) -> Vec<Hour> {
    let mut deviations = vec![];
    let (mut from, mut until, mut base) = (0, 0, None);
    // The median of a week moves little within a few hours.
    let every = (period / 24).max(1);
    let mut made_for = i64::MIN;
    let (Some(first), Some(last)) = (hours.first(), hours.last()) else { return deviations };
    for hour in hours.iter().filter(|h| h.hour - period / 2 >= first.hour && h.hour + period / 2 <= last.hour) {
        if made_for == i64::MIN || hour.hour - made_for >= every {
            made_for = hour.hour;
            from += hours[from..].iter().take_while(|other| other.hour < hour.hour - period / 2).count();
            until += hours[until..].iter().take_while(|other| other.hour < hour.hour + (period + 1) / 2).count();
            base = around(&hours[from..until], period);
        }
        deviations.extend(base.map(|base| Hour { hour: hour.hour, value: hour.value - base }));
    }
    deviations
}

/// None where less than two thirds were measured: the median would be that of some hours of the day.
fn around(hours: &[Hour], period: i64) -> Option<f64> {
    let mut values: Vec<_> = hours.iter().map(|hour| hour.value).collect();
    if (values.len() as i64) * 3 < period * 2 { None } else { median(&mut values) }
}

fn profile(deviations: &[Hour], period: i64, least: usize) -> Option<Vec<f64>> {
    let mut of_place = vec![vec![]; period as usize];
    for deviation in deviations {
        of_place[deviation.hour.rem_euclid(period) as usize].push(deviation.value);
    }
    let place = |mut values: Vec<f64>| (values.len() >= least).then(|| median(&mut values)).flatten();
    of_place.into_iter().map(place).collect()
}

/// The profile of every second period.
fn of_half(deviations: &[Hour], period: i64, half: i64) -> Option<Vec<f64>> {
    let mine: Vec<_> = deviations.iter().filter(|d| d.hour.div_euclid(period).rem_euclid(2) == half).copied().collect();
    profile(&mine, period, 1)
}

fn explains(deviations: &[Hour], period: i64) -> bool {
    left(deviations, period).is_some_and(|left| left < LEAVES * size(deviations))
}

/// How far hours are from the profile of those periods that they are not in.
fn left(deviations: &[Hour], period: i64) -> Option<f64> {
    let halves = [of_half(deviations, period, 0)?, of_half(deviations, period, 1)?];
    let other = |d: &Hour| {
        let half = 1 - d.hour.div_euclid(period).rem_euclid(2) as usize;
        halves[half][d.hour.rem_euclid(period) as usize]
    };
    let rest: Vec<_> = deviations.iter().map(|d| Hour { value: d.value - other(d), ..*d }).collect();
    Some(size(&rest))
}

/// The mean of sizes, where what is far out counts as three medians: neither a spike decides, nor do short peaks go
/// unseen as they would in a median.
fn size(deviations: &[Hour]) -> f64 {
    let mut sizes: Vec<_> = deviations.iter().map(|d| d.value.abs()).collect();
    let most = 6.0 * median(&mut sizes).unwrap_or(0.0);
    let most = if most > 0.0 { most } else { f64::INFINITY };
    sizes.iter().map(|size| size.min(most)).sum::<f64>() / sizes.len().max(1) as f64
}
