//! What is read: one series as points in order, the finest that there are, with gaps as gaps. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::moment::{Moment, slot_of};
use super::{INTERVAL, SLOT};

/// Of a reading least, mean and most are the same, and the number of values is 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When it was read; of a summary the beginning of its five minutes.
    pub at: Timestamp,
    pub min: f64,
    pub mean: f64,
    pub max: f64,
    pub count: u32,
}

/// Points without a gap between them, all of one resolution.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    pub resolution: Duration,
    pub points: Vec<Point>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Readout {
    pub stretches: Vec<Stretch>,
    /// Points that a later run of the clock has others in place of.
    pub superseded: usize,
    /// Blocks that are damaged.
    pub damaged: usize,
}

/// What the ring holds of a series, before it is put in order.
#[derive(Debug, Default)]
pub struct Found {
    /// Every reading, also those in which the series has no value: they say that it is a gap.
    pub readings: Vec<(Moment, Option<f32>)>,
    /// Least, mean, most, number.
    pub summaries: Vec<(Moment, [f32; 4])>,
    pub damaged: usize,
}

pub fn merge(found: Found) -> Readout {
    let mut superseded = 0;
    let mut points: BTreeMap<i64, (Duration, Point)> = BTreeMap::new();
    let slots = by_slot(&found.readings);
    for slot in slots.values() {
        superseded += add_readings(slot, &mut points);
    }
    let mut summaries: BTreeMap<i64, [f32; 4]> = BTreeMap::new();
    for (moment, summary) in found.summaries.iter().filter(|(moment, _)| !slots.contains_key(&moment.at)) {
        // Two runs within the same five minutes: the one that measured more of them.
        let there = summaries.entry(moment.at).or_insert(*summary);
        superseded += usize::from(there != summary);
        if summary[3] >= there[3] {
            *there = *summary;
        }
    }
    for (at, [min, mean, max, count]) in summaries {
        add(&mut points, at, SLOT, [min, mean, max].map(f64::from), count as u32);
    }
    Readout { stretches: stretches(points.into_values()), superseded, damaged: found.damaged }
}

type Readings = Vec<(i64, Option<f32>)>;

/// Slot by slot, run by run.
fn by_slot(readings: &[(Moment, Option<f32>)]) -> BTreeMap<i64, BTreeMap<i64, Readings>> {
    let mut slots: BTreeMap<i64, BTreeMap<i64, Readings>> = BTreeMap::new();
    for (moment, value) in readings {
        slots.entry(slot_of(moment.at)).or_default().entry(moment.run).or_default().push((moment.at, *value));
    }
    slots
}

/// Of several runs the last counts from its first reading on: the others end half an interval before it.
fn add_readings(runs: &BTreeMap<i64, Readings>, points: &mut BTreeMap<i64, (Duration, Point)>) -> usize {
    let mut superseded = 0;
    let mut end = i64::MAX;
    for readings in runs.values().rev() {
        for (at, value) in readings {
            match value {
                Some(_) if *at >= end => superseded += 1,
                Some(value) => add(points, *at, INTERVAL, [f64::from(*value); 3], 1),
                None => {}
            }
        }
        let first = readings.iter().map(|(at, _)| *at).min().unwrap_or(i64::MAX);
        end = end.min(first.saturating_sub(INTERVAL.as_secs() as i64 / 2));
    }
    superseded
}

fn add(points: &mut BTreeMap<i64, (Duration, Point)>, at: i64, resolution: Duration, values: [f64; 3], count: u32) {
    let time = Timestamp::from_second(at).expect("a moment is within the years that there are");
    let [min, mean, max] = values;
    points.insert(at, (resolution, Point { at: time, min, mean, max, count }));
}

/// A reading that is late by half an interval is no gap; one that is missing is.
fn stretches(points: impl Iterator<Item = (Duration, Point)>) -> Vec<Stretch> {
    let mut all: Vec<Stretch> = vec![];
    for (resolution, point) in points {
        let goes_on = |stretch: &&mut Stretch| {
            let last = stretch.points.last().map_or(point.at, |last| last.at);
            stretch.resolution == resolution && point.at.duration_since(last).unsigned_abs() <= resolution * 3 / 2
        };
        match all.last_mut().filter(goes_on) {
            Some(stretch) => stretch.points.push(point),
            None => all.push(Stretch { resolution, points: vec![point] }),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(readout: &Readout) -> Vec<Vec<i64>> {
        let of = |stretch: &Stretch| stretch.points.iter().map(|point| point.at.as_second()).collect();
        readout.stretches.iter().map(of).collect()
    }

    fn reading(run: i64, at: i64) -> (Moment, Option<f32>) {
        (Moment { run, at }, Some(at as f32))
    }

    #[test]
    fn gaps_stay_gaps_and_a_late_reading_is_none() {
        let mut found = Found { readings: [0, 10, 22, 30, 50].map(|at| reading(0, at)).to_vec(), ..Found::default() };
        assert_eq!(
            times(&merge(Found { readings: found.readings.clone(), ..Found::default() })),
            [vec![0, 10, 22, 30], vec![50]]
        );
        found.readings[2].1 = None;
        assert_eq!(times(&merge(found)), [vec![0, 10], vec![30], vec![50]], "there was a reading, and nothing in it");
    }

    #[test]
    fn the_finer_is_taken_where_there_is_one() {
        let summary = |at| (Moment { run: 0, at }, [1.0, 2.0, 3.0, 30.0]);
        let found = Found {
            readings: vec![reading(0, 600), reading(0, 610)],
            summaries: vec![summary(0), summary(300), summary(600), summary(1200)],
            damaged: 0,
        };
        let readout = merge(found);
        assert_eq!(times(&readout), [vec![0, 300], vec![600, 610], vec![1200]]);
        assert_eq!((readout.stretches[0].resolution, readout.stretches[0].points[0].max), (SLOT, 3.0));
    }

    #[test]
    fn a_clock_that_went_back_doubles_nothing_and_it_is_said() {
        let old = [0, 10, 20, 30, 40].map(|at| reading(0, at));
        let new = [18, 28, 38, 48].map(|at| reading(1, at));
        let readout = merge(Found { readings: [&old[..], &new[..]].concat(), ..Found::default() });
        assert_eq!(times(&readout), [vec![0, 10, 18, 28, 38, 48]]);
        assert_eq!(readout.superseded, 3);
    }

    proptest! {
        /// Whatever the clock did: in order, no second twice, everything either told or counted.
        #[test]
        fn nothing_is_doubled_or_lost_in_silence(readings in proptest::collection::btree_set((0_i64..4, 0_i64..2000), 0..200)) {
            let found: Vec<_> = readings.iter().map(|(run, at)| reading(*run, *at)).collect();
            let readout = merge(Found { readings: found, ..Found::default() });
            let told: Vec<i64> = times(&readout).concat();
            prop_assert!(told.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(told.len() + readout.superseded, readings.len());
        }
    }
}
