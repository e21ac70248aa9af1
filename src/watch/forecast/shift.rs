//! Level shifts: where a series jumped, as by a deploy, a cleanup or a counter that began anew.

use super::robust::{median, spread};
use super::series::{Block, Hour, blocks};

/// Hours of a block: long enough to hold no single outlier, short enough to say when.
const WIDTH: i64 = 6;
/// A day before is compared with a day after.
const SIDE: usize = 4;
/// A jump differs from the usual change within a day by so many spreads, a spread being 0.67 of a standard deviation.
const SPREADS: f64 = 9.0;
/// And by so many spreads of the change from block to block.
const NOISE_SPREADS: f64 = 6.0;
/// And is no smaller than this part of all that was seen: nobody minds less.
const PART_OF_RANGE: f64 = 0.08;

/// Hours on either side over which a new level must be another one.
const LASTING: f64 = 120.0;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// In hours after the last hour: negative. The new level begins here.
    pub at: f64,
    pub size: f64,
}

/// In order of time. A shift within the last hours is seen only when half a day of the new level is there.
pub fn shifts(hours: &[Hour]) -> Vec<Shift> {
    let blocks = blocks(hours, WIDTH);
    let jumps: Vec<_> = (2..blocks.len().saturating_sub(1)).filter_map(|place| jump(&blocks, place)).collect();
    let mut sizes: Vec<_> = jumps.iter().map(|jump| jump.size).collect();
    let usual = median(&mut sizes).unwrap_or(0.0);
    let least = least(&blocks, &sizes);
    let far = |jump: &Shift| (jump.size - usual).abs();
    let largest = |place: usize| {
        let near = jumps[place.saturating_sub(SIDE)..jumps.len().min(place + SIDE + 1)].iter();
        near.max_by(|a, b| far(a).total_cmp(&far(b))).is_some_and(|other| other.at == jumps[place].at)
    };
    let found = (0..jumps.len()).filter(|place| far(&jumps[*place]) > least && largest(*place));
    lasting(&blocks, found.map(|place| jumps[place]).collect(), usual)
}

/// Without those that went back within days, as a weekend does, and without new ones that are as those were.
fn lasting(blocks: &[Block], found: Vec<Shift>, usual: f64) -> Vec<Shift> {
    let went_back: Vec<_> = found.iter().filter(|shift| lasts(blocks, shift, usual) == Some(false)).copied().collect();
    let alike = |a: &Shift, b: &Shift| a.size * b.size > 0.0 && (0.5..2.0).contains(&(a.size / b.size));
    let stays = |shift: &Shift| match lasts(blocks, shift, usual) {
        Some(lasts) => lasts,
        None => !went_back.iter().any(|other| alike(other, shift)),
    };
    found.into_iter().filter(stays).collect()
}

/// None as long as nobody can know. Five days on either side, since a weekend and a day are three.
fn lasts(blocks: &[Block], shift: &Shift, usual: f64) -> Option<bool> {
    let side = |from: f64, until: f64| {
        let some = blocks.iter().filter(|block| (from..until).contains(&block.at));
        median(&mut some.map(|block| block.value).collect::<Vec<_>>())
    };
    if shift.at + LASTING > 0.0 {
        return None;
    }
    let (before, after) = (side(shift.at - LASTING, shift.at)?, side(shift.at, shift.at + LASTING)?);
    // What would have come anyway, from the middle of one side to that of the other.
    let left = after - before - usual * LASTING / 24.0;
    Some(left * shift.size > 0.0 && left.abs() > shift.size.abs() / 2.0)
}

fn least(blocks: &[Block], sizes: &[f64]) -> f64 {
    let steps: Vec<_> = blocks.windows(2).map(|pair| pair[1].value - pair[0].value).collect();
    let values = || blocks.iter().map(|block| block.value);
    let range = values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min);
    (SPREADS * spread(sizes)).max(NOISE_SPREADS * spread(&steps)).max(PART_OF_RANGE * range)
}

/// The difference of the medians of a day before and a day after; of half a day at the ends.
fn jump(blocks: &[Block], place: usize) -> Option<Shift> {
    let side = |part: &[Block]| median(&mut part.iter().map(|block| block.value).collect::<Vec<_>>());
    let before = side(&blocks[place.saturating_sub(SIDE)..place])?;
    let after = side(&blocks[place..blocks.len().min(place + SIDE)])?;
    Some(Shift { at: blocks[place].at - (WIDTH - 1) as f64 / 2.0, size: after - before })
}
