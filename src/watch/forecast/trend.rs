//! The trend of blocks by Theil and Sen, and what it would have been worth so far: forecasts from earlier blocks,
//! compared with the blocks that came.

use super::robust::median;
use super::series::Block;

/// Fewer blocks make no line.
pub const LEAST: usize = 8;
/// Lines at so many earlier places are enough to know the errors, and bound the time that it takes.
const ORIGINS: usize = 24;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// At hour 0, the last one.
    pub level: f64,
    /// An hour.
    pub slope: f64,
}

impl Line {
    pub fn at(self, hours: f64) -> f64 {
        self.level + self.slope * hours
    }
}

/// The median of the slopes of all pairs, through the median of what it leaves in the newest part: where the series is now
/// matters more than where it has been.
pub fn line(blocks: &[Block]) -> Option<Line> {
    let pairs = (0..blocks.len()).flat_map(|i| (i + 1..blocks.len()).map(move |j| (i, j)));
    let slope = |(i, j): (usize, usize)| (blocks[j].value - blocks[i].value) / (blocks[j].at - blocks[i].at);
    let slope = median(&mut pairs.map(slope).collect::<Vec<_>>())?;
    let newest = &blocks[blocks.len() - blocks.len().min((blocks.len() / 4).max(3))..];
    let level = median(&mut newest.iter().map(|block| block.value - slope * block.at).collect::<Vec<_>>())?;
    Some(Line { level, slope })
}

/// One forecast from an earlier block: how far ahead, and by how much what came was over it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Miss {
    pub lead: f64,
    pub by: f64,
}

/// The line, with its record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub line: Line,
    pub misses: Vec<Miss>,
    /// Its mean miss for that of "it stays as it is": below 1 the line knows something.
    pub skill: f64,
}

/// The line through the last half or through all, whichever would have been better so far. None of too few blocks.
pub fn best(blocks: &[Block]) -> Option<Record> {
    let all = record(blocks, usize::MAX)?;
    let half = blocks.len() / 2;
    let late = if half >= 2 * LEAST { record(blocks, half) } else { None };
    match late {
        Some(late) if late.skill < all.skill => Some(late),
        _ => Some(all),
    }
}

fn record(blocks: &[Block], most: usize) -> Option<Record> {
    let fit = |until: usize| line(&blocks[until.saturating_sub(most)..until]);
    let count = blocks.len();
    let line = fit(count)?;
    let first = LEAST.max(count / 3);
    let every = (count.saturating_sub(first) / ORIGINS).max(1);
    let (mut misses, mut stays) = (vec![], vec![]);
    for origin in (first..count).step_by(every) {
        let past = fit(origin)?;
        let from = blocks[origin - 1].at;
        let level = median(&mut blocks[origin.saturating_sub(3)..origin].iter().map(|b| b.value).collect::<Vec<_>>())?;
        for block in &blocks[origin..count.min(origin + count / 2)] {
            misses.push(Miss { lead: block.at - from, by: block.value - past.at(block.at) });
            stays.push(Miss { lead: block.at - from, by: block.value - level });
        }
    }
    let (mean, stay) = (mean(&misses), mean(&stays));
    let skill = if stay > 0.0 { mean / stay } else { 1.0 };
    Some(Record { line, misses, skill })
}

/// Each in proportion to the root of its lead, lest the longest leads alone decide.
fn mean(misses: &[Miss]) -> f64 {
    misses.iter().map(|miss| miss.by.abs() / miss.lead.max(1.0).sqrt()).sum::<f64>() / misses.len().max(1) as f64
}
