//! Samples to hours and blocks of hours, each with the median of what is in it. What is missing stays missing.

use serde::{Deserialize, Serialize};

use super::robust::median;

pub const HOUR: i64 = 3600;

/// One measurement at a time in unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub at: i64,
    pub value: f64,
}

/// Between what a metric can be, as 0 and 100 for percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    pub least: f64,
    pub most: f64,
}

impl Bounds {
    pub const PERCENT: Self = Self { least: 0.0, most: 100.0 };
}

/// An hour since 1970, in UTC, and the median of its samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hour {
    pub hour: i64,
    pub value: f64,
}

/// Those that have samples up to `now`, in order. Samples may come in any order; those that are no number are left out.
pub fn hours(samples: &[Sample], now: i64) -> Vec<Hour> {
    let mut good: Vec<_> = samples.iter().filter(|s| s.value.is_finite() && s.at <= now).copied().collect();
    if !good.is_sorted_by_key(|sample| sample.at) {
        good.sort_by_key(|sample| sample.at);
    }
    let of_an_hour = good.chunk_by(|a, b| a.at.div_euclid(HOUR) == b.at.div_euclid(HOUR));
    let hour = |samples: &[Sample]| {
        let mut values: Vec<_> = samples.iter().map(|sample| sample.value).collect();
        Some(Hour { hour: samples.first()?.at.div_euclid(HOUR), value: median(&mut values)? })
    };
    of_an_hour.filter_map(hour).collect()
}

/// The median of `width` hours. Blocks are counted back from the last hour, which the last block ends with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block {
    /// Its middle, in hours after the last hour: never positive.
    pub at: f64,
    pub value: f64,
}

/// In order of time, without those of which less than a third was measured.
pub fn blocks(hours: &[Hour], width: i64) -> Vec<Block> {
    let Some(last) = hours.last() else { return vec![] };
    let back = |hour: &Hour| (last.hour - hour.hour) / width;
    let of_a_block = hours.chunk_by(|a, b| back(a) == back(b)).filter(|hours| hours.len() as i64 * 3 >= width);
    let block = |hours: &[Hour]| {
        let mut values: Vec<_> = hours.iter().map(|hour| hour.value).collect();
        let at = -(back(hours.first()?) * width) as f64 - (width - 1) as f64 / 2.0;
        Some(Block { at, value: median(&mut values)? })
    };
    of_a_block.filter_map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_medians_and_gaps_stay() {
        let sample = |at, value| Sample { at, value };
        let samples = [
            sample(10_900, 4.0),
            sample(0, 1.0),
            sample(300, 90.0),
            sample(600, 2.0),
            sample(900, f64::NAN),
            sample(99_999, 7.0),
        ];
        assert_eq!(hours(&samples, 20_000), [Hour { hour: 0, value: 2.0 }, Hour { hour: 3, value: 4.0 }]);
    }

    #[test]
    fn blocks_end_with_the_last_hour_and_need_a_third_of_their_hours() {
        let hours: Vec<_> = [0, 6, 7, 8, 9].map(|hour| Hour { hour, value: hour as f64 }).into();
        assert_eq!(blocks(&hours, 4), [Block { at: -1.5, value: 7.5 }]);
    }
}
