//! A series understood as far as it can be, and what follows for a limit.

use serde::{Deserialize, Serialize};

use super::outlook::{Crossing, Limit, Outlook, Silence};
use super::paths::{Growth, Paths, tamed};
use super::season::Season;
use super::series::{Block, Bounds, HOUR, Hour, Sample, blocks, hours};
use super::shift::{Shift, shifts};
use super::trend::{LEAST, Line, Record, best, line};

/// Less than a week shows neither what comes again nor what is brought back; the back-test has fewer false alarms from here on.
const DAYS: f64 = 6.0;
/// After a shift the level must have shown where it goes.
const DAYS_SINCE_SHIFT: f64 = 3.0;
/// A forecast of yesterday's data is none.
const STALE: i64 = 6;
/// Of the mean miss of "it stays as it is": a line that misses more knows nothing.
const SKILL: f64 = 0.7;
/// Misses are of the past that the line was chosen by; the future is worse. By the
/// back-test: with 1.3, seven of ten intervals held.
const WIDEN: f64 = 1.8;
/// As far ahead as there are data behind, and no further.
const AHEAD: f64 = 1.0;
/// The interval, in times of the way to its middle.
const WIDEST: f64 = 1.5;
/// A line in the last third that is so much flatter than the whole: it runs out.
const FLATTER: f64 = 0.6;
/// Hours that are looked at for whether the limit was reached.
const WEEK: i64 = 168;

/// What was learnt of one series. It answers for any number of limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    hours: Vec<Hour>,
    season: Season,
    record: Record,
    growth: Growth,
    rests: Vec<Hour>,
    bounds: Option<Bounds>,
    flattens: bool,
    /// The series is brought back: the hours from one time to the next at the most, and since the last.
    brought_back: Option<(f64, f64)>,
    span: f64,
}

/// Where it is expected to be at a time, without the season's peaks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Course {
    pub at: i64,
    pub low: f64,
    pub likely: f64,
    pub high: f64,
}

impl Model {
    /// Of samples up to `now`, in unix seconds.
    pub fn fit(samples: &[Sample], now: i64, bounds: Option<Bounds>) -> Result<Self, Silence> {
        let all = hours(samples, now);
        enough(&all, DAYS)?;
        let last = all.last().map_or(0, |hour| hour.hour);
        if now.div_euclid(HOUR) - last > STALE {
            return Err(Silence::NoNewData { since: (last + 1) * HOUR });
        }
        let season = Season::of(&all);
        let level = season.removed(&all);
        let shifts = shifts(&level);
        let since = shifts.last().map_or(f64::MIN, |shift| shift.at);
        let recent: Vec<_> = level.into_iter().filter(|hour| (hour.hour - last) as f64 >= since).collect();
        if let (Some(shift), Err(_)) = (shifts.last(), enough(&recent, DAYS_SINCE_SHIFT)) {
            let at = (last + 1) * HOUR + (shift.at * HOUR as f64) as i64;
            return Err(Silence::LevelShift { at, size: shift.size });
        }
        Self::learn(all, season, recent, &shifts, bounds)
    }

    fn learn(
        all: Vec<Hour>,
        season: Season,
        recent: Vec<Hour>,
        shifts: &[Shift],
        bounds: Option<Bounds>,
    ) -> Result<Self, Silence> {
        let begun = -span(&all);
        let span = span(&recent);
        let width = width(span);
        let blocks = blocks(&recent, width);
        let few = Silence::TooFewDays { days: (blocks.len() as i64 * width) as f64 / 24.0, needed: DAYS };
        if blocks.len() < LEAST + 2 {
            return Err(few);
        }
        let record = best(&blocks).ok_or(few)?;
        let growth = Growth::of(&record.misses, WIDEN);
        let rests = rests(&recent, &blocks, width);
        let first = recent.first().map_or(0, |hour| hour.hour);
        Ok(Self {
            hours: all.into_iter().filter(|hour| hour.hour >= first).collect(),
            flattens: flattens(&blocks, record.line),
            brought_back: brought_back(shifts, record.line.slope, begun),
            season,
            record,
            growth,
            rests,
            bounds,
            span,
        })
    }

    /// When it will be past this limit.
    pub fn outlook(&self, limit: Limit) -> Outlook {
        if self.bounds.is_some_and(|bounds| limit.value < bounds.least || limit.value > bounds.most) {
            return Outlook::Silent(Silence::OutOfRange);
        }
        if let Some(hour) = self.reached(limit) {
            return Outlook::Reached { time: hour.hour * HOUR };
        }
        if !limit.is_towards(self.record.line.slope) || self.record.skill > SKILL {
            return Outlook::Silent(Silence::NoTrend);
        }
        if self.flattens {
            return Outlook::Silent(Silence::Saturating);
        }
        self.crossing(limit)
    }

    fn crossing(&self, limit: Limit) -> Outlook {
        let most = (self.span * AHEAD) as i64;
        let paths = Paths {
            line: self.record.line,
            growth: &self.growth,
            season: &self.season,
            rests: &self.rests,
            bounds: self.bounds,
            last: self.last(),
        };
        let firsts = paths.first_past(limit, most * 2);
        let at = |share: f64| firsts.get((share * Paths::count() as f64) as usize).copied();
        let (Some(earliest), Some(likely)) = (at(0.1), at(0.5).filter(|likely| *likely <= most)) else {
            return Outlook::NotBefore { time: self.time(most) };
        };
        if let Some((every, since)) = self.brought_back
            && since + likely as f64 > every
        {
            return Outlook::Silent(Silence::FallsBack { every_seconds: (every * HOUR as f64) as i64 });
        }
        match at(0.9) {
            Some(latest) if (latest - earliest) as f64 <= WIDEST * likely as f64 + 12.0 => Outlook::Crosses(Crossing {
                earliest: self.time(earliest),
                likely: self.time(likely),
                latest: self.time(latest) + HOUR,
            }),
            _ => Outlook::Silent(Silence::TooNoisy),
        }
    }

    /// The line and four fifths of its errors, every so many hours, as far as a forecast goes.
    pub fn course(&self, every_hours: i64) -> Vec<Course> {
        let most = (self.span * AHEAD) as i64;
        let clamp = |value: f64| self.bounds.map_or(value, |bounds| value.clamp(bounds.least, bounds.most));
        let course = |ahead: i64| {
            let (lead, likely) = (ahead as f64, self.record.line.at(ahead as f64));
            let off = |share| clamp(likely + self.growth.at(share, lead));
            Course { at: self.time(ahead), low: off(0.1), likely: clamp(likely), high: off(0.9) }
        };
        (0..=most).step_by(every_hours.max(1) as usize).map(course).collect()
    }

    /// What comes again: nothing, 24 hours or 168.
    pub fn season_hours(&self) -> usize {
        self.season.period_hours()
    }

    fn reached(&self, limit: Limit) -> Option<&Hour> {
        let last = self.last();
        self.hours.iter().rev().take_while(|hour| last - hour.hour < WEEK).find(|hour| limit.is_past(hour.value))
    }

    fn last(&self) -> i64 {
        self.hours.last().map_or(0, |hour| hour.hour)
    }

    /// Hours after the last one as unix seconds.
    fn time(&self, ahead: i64) -> i64 {
        (self.last() + ahead) * HOUR
    }
}

fn span(hours: &[Hour]) -> f64 {
    match (hours.first(), hours.last()) {
        (Some(first), Some(last)) => (last.hour - first.hour + 1) as f64,
        _ => 0.0,
    }
}

/// Half of the hours at least, over so many days.
fn enough(hours: &[Hour], days: f64) -> Result<(), Silence> {
    let measured = (hours.len() as f64 * 2.0).min(span(hours)) / 24.0;
    if measured < days { Err(Silence::TooFewDays { days: measured, needed: days }) } else { Ok(()) }
}

/// Hours of a block, so that there are some 20 to 90.
fn width(span: f64) -> i64 {
    match span / 24.0 {
        ..10.0 => 4,
        ..21.0 => 8,
        ..42.0 => 12,
        _ => 24,
    }
}

/// What hours differ from the level of their block by.
fn rests(hours: &[Hour], blocks: &[Block], width: i64) -> Vec<Hour> {
    let last = hours.last().map_or(0, |hour| hour.hour);
    let mut of = blocks.iter().peekable();
    let mut rests = vec![];
    for hour in hours {
        let at = (hour.hour - last) as f64;
        while of.next_if(|block| at - block.at > width as f64 / 2.0).is_some() {}
        let within = of.peek().filter(|block| (at - block.at).abs() <= width as f64 / 2.0);
        rests.extend(within.map(|block| Hour { hour: hour.hour, value: hour.value - block.value }));
    }
    tamed(&mut rests);
    rests
}

fn flattens(blocks: &[Block], whole: Line) -> bool {
    let late = &blocks[blocks.len() - (blocks.len() / 3).max(LEAST).min(blocks.len())..];
    line(late).is_some_and(|late| late.slope / whole.slope < FLATTER)
}

/// By shifts against the slope. It was not, for the longest time between two of them, or from the first hour to the first.
fn brought_back(shifts: &[Shift], slope: f64, first: f64) -> Option<(f64, f64)> {
    let against: Vec<_> = shifts.iter().filter(|shift| shift.size * slope < 0.0).map(|shift| shift.at).collect();
    let since = -against.last()?;
    let from = std::iter::once(first).chain(against.iter().copied());
    let longest = from.zip(&against).map(|(from, until)| until - from).fold(0.0, f64::max);
    Some((longest * 1.1, since))
}
