//! Ways on which a series may go on: the line, an error that grows as earlier ones did, the season, and what hours differ
//! from all that, a day at a time. The same input gives the same paths.

use super::outlook::Limit;
use super::robust::quantile;
use super::season::Season;
use super::series::{Bounds, Hour};
use super::trend::{Line, Miss};

/// Enough that a tenth of them is more than a handful.
const PATHS: usize = 80;

/// How errors grow with the lead, in hours: `sizes`, in order, times the lead to this power.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    power: f64,
    sizes: Vec<f64>,
}

impl Growth {
    /// Both signs of every miss: there are too few to know that they lean to one side.
    pub fn of(misses: &[Miss], widen: f64) -> Self {
        let power = power(misses);
        let size = |miss: &Miss| widen * miss.by / miss.lead.max(1.0).powf(power);
        let mut sizes: Vec<_> = misses.iter().flat_map(|miss| [size(miss), -size(miss)]).collect();
        sizes.sort_by(f64::total_cmp);
        Self { power, sizes }
    }

    /// At this share of the misses, in order, and at this lead in hours.
    pub fn at(&self, share: f64, lead: f64) -> f64 {
        self.size(share) * self.grown(lead)
    }

    fn size(&self, share: f64) -> f64 {
        let place = share * self.sizes.len().saturating_sub(1) as f64;
        self.sizes.get(place.round() as usize).copied().unwrap_or(0.0)
    }

    fn grown(&self, lead: f64) -> f64 {
        lead.max(1.0).powf(self.power)
    }
}

/// Between that of noise about a line, which does not grow at all, and that of a wrong slope.
fn power(misses: &[Miss]) -> f64 {
    let longest = misses.iter().map(|miss| miss.lead).fold(0.0, f64::max);
    let typical = |from: f64, until: f64| {
        let some = misses.iter().filter(|miss| miss.lead >= from && miss.lead <= until);
        let (leads, sizes): (Vec<_>, Vec<_>) = some.map(|miss| (miss.lead, miss.by.abs())).unzip();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        (mean(&leads), mean(&sizes))
    };
    let (near, far) = (typical(0.0, longest / 3.0), typical(longest / 2.0, longest));
    let power = (far.1 / near.1).ln() / (far.0 / near.0).ln();
    if power.is_finite() { power.clamp(0.5, 1.0) } else { 0.75 }
}

/// All that a path is made of.
pub struct Paths<'a> {
    pub line: Line,
    pub growth: &'a Growth,
    pub season: &'a Season,
    /// What hours differ from line and season by.
    pub rests: &'a [Hour],
    pub bounds: Option<Bounds>,
    /// The last hour that was measured.
    pub last: i64,
}

impl Paths<'_> {
    /// Hours after the last one at which each path is first past the limit, in order; only those that are within `most`.
    pub fn first_past(&self, limit: Limit, most: i64) -> Vec<i64> {
        let ahead = |ahead: i64| Ahead {
            hour: self.last + ahead,
            level: self.line.at(ahead as f64) + self.season.at(self.last + ahead),
            grown: self.growth.grown(ahead as f64),
        };
        let way: Vec<_> = (1..=most).map(ahead).collect();
        let mut firsts: Vec<_> = (0..PATHS).filter_map(|path| self.first(path, limit, &way)).collect();
        firsts.sort_unstable();
        firsts
    }

    /// Of how many.
    pub fn count() -> usize {
        PATHS
    }

    fn first(&self, path: usize, limit: Limit, way: &[Ahead]) -> Option<i64> {
        // Misses go in order, days by chance, or the two would go together.
        let miss = self.growth.size((path as f64 + 0.5) / PATHS as f64);
        let mut chance = Chance(path as u64 + 1);
        let mut rests = Rests { all: self.rests, place: 0 };
        let past = way.iter().enumerate().find(|(place, ahead)| {
            if *place == 0 || ahead.hour.rem_euclid(24) == 0 {
                rests.choose(&mut chance, ahead.hour);
            }
            let level = ahead.level + miss * ahead.grown + rests.next();
            limit.is_past(self.bounds.map_or(level, |bounds| level.clamp(bounds.least, bounds.most)))
        });
        past.map(|(_, ahead)| ahead.hour - self.last)
    }
}

/// An hour that is to come, as it is on every path.
struct Ahead {
    hour: i64,
    level: f64,
    /// What a miss is multiplied by.
    grown: f64,
}

/// What the hours of some day of the past differ by.
struct Rests<'a> {
    all: &'a [Hour],
    place: usize,
}

impl Rests<'_> {
    /// Some hour of the same time of day, from which on it goes.
    fn choose(&mut self, chance: &mut Chance, hour: i64) {
        if self.all.is_empty() {
            return;
        }
        let some = chance.below(self.all.len());
        let same = |place: &usize| (self.all[*place].hour - hour).rem_euclid(24) == 0;
        self.place = (some..self.all.len()).chain(0..some).take(48).find(same).unwrap_or(some);
    }

    fn next(&mut self) -> f64 {
        let rest = self.all.get(self.place).map_or(0.0, |rest| rest.value);
        self.place = if self.place + 1 < self.all.len() { self.place + 1 } else { 0 };
        rest
    }
}

/// Splitmix64: the same numbers in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % most as u64) as usize
    }
}

/// Rests without their wildest hundredth at either end: outliers come, but not on every path.
pub fn tamed(rests: &mut [Hour]) {
    let mut values: Vec<_> = rests.iter().map(|rest| rest.value).collect();
    let (Some(least), Some(most)) = (quantile(&mut values, 0.01), quantile(&mut values, 0.99)) else { return };
    rests.iter_mut().for_each(|rest| rest.value = rest.value.clamp(least, most));
}
