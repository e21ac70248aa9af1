//! The clock goes back, jumps ahead, stands still, or shows nonsense: nothing is overwritten, doubled or lost in silence.

use proptest::prelude::*;

use super::tests::{BEGIN, at, open};
use super::{Appended, Ring, RingReader};

fn append(ring: &mut Ring, second: i64, value: f64) -> Appended {
    ring.append(at(second), &[("x".to_owned(), value)])
}

fn points(reader: &RingReader, from: i64, to: i64) -> Vec<(i64, f64)> {
    let readout = reader.read("x", at(from), at(to)).unwrap();
    readout.stretches.iter().flat_map(|s| &s.points).map(|point| (point.at.as_second(), point.mean)).collect()
}

#[test]
fn a_clock_that_goes_back_begins_a_run_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.db");
    let mut ring = open(&path);
    for step in 0..100 {
        assert_eq!(append(&mut ring, BEGIN + step * 10, 1.0), Appended::Kept);
    }
    assert_eq!(append(&mut ring, BEGIN + 495, 2.0), Appended::KeptInNewRun { back: 495 });
    for step in 1..20 {
        assert_eq!(append(&mut ring, BEGIN + 495 + step * 10, 2.0), Appended::Kept);
    }
    let reader = RingReader::open(&path).unwrap();
    let all = points(&reader, BEGIN, BEGIN + 2000);
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0));
    // Up to 490 the old, then the new; from 900 on, where no new ones are, the old again.
    assert_eq!(all.iter().filter(|(second, value)| *value == 2.0 && *second >= BEGIN + 495).count(), 20);
    assert!(all.iter().filter(|(second, _)| *second < BEGIN + 490).all(|(_, value)| *value == 1.0));
    assert_eq!(all.last(), Some(&(BEGIN + 990, 1.0)));
    assert!(reader.read("x", at(BEGIN), at(BEGIN + 2000)).unwrap().superseded > 0);
}

/// A machine without a clock of its own starts in 1970, and gets the time from the network a minute later.
#[test]
fn a_start_in_1970_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.db");
    let mut ring = open(&path);
    for step in 0..1000 {
        append(&mut ring, BEGIN + step * 10, 1.0);
    }
    for second in [0, 10, 20] {
        assert!(!matches!(append(&mut ring, second, 2.0), Appended::Dropped(_)));
    }
    append(&mut ring, BEGIN + 20_000, 3.0);
    let reader = RingReader::open(&path).unwrap();
    assert_eq!(points(&reader, BEGIN, BEGIN + 20_000).len(), 1001);
    assert_eq!(points(&reader, 0, 20).len(), 3);
}

/// A year ahead for some minutes: what is older than 90 days by that clock must stay.
#[test]
fn a_clock_far_ahead_costs_nothing() {
    const YEAR: i64 = 365 * 86_400;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.db");
    let mut ring = open(&path);
    for step in 0..1000 {
        append(&mut ring, BEGIN + step * 10, 1.0);
    }
    for step in 0..100 {
        append(&mut ring, BEGIN + YEAR + step * 10, 9.0);
    }
    for step in 1000..2000 {
        append(&mut ring, BEGIN + step * 10, 1.0);
    }
    let reader = RingReader::open(&path).unwrap();
    assert_eq!(points(&reader, BEGIN, BEGIN + 20_000).len(), 2000);
}

#[test]
fn the_same_second_and_a_time_before_1970_are_dropped_counted_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.db");
    let mut ring = open(&path);
    append(&mut ring, BEGIN, 1.0);
    assert!(matches!(append(&mut ring, BEGIN, 2.0), Appended::Dropped(_)));
    assert!(matches!(append(&mut ring, -5, 2.0), Appended::Dropped(_)));
    assert_eq!(ring.unwritten_losses(), 2);
    append(&mut ring, BEGIN + 10, 3.0);
    assert_eq!(ring.unwritten_losses(), 0);
    let losses = RingReader::open(&path).unwrap().losses().unwrap();
    assert_eq!((losses.len(), losses[0].readings), (1, 2));
    assert_eq!(points(&RingReader::open(&path).unwrap(), BEGIN, BEGIN + 10), [(BEGIN, 1.0), (BEGIN + 10, 3.0)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any walk of the clock, with the ring opened anew now and then: every reading is told once, counted as superseded, or was
    /// said to be dropped.
    #[test]
    fn any_walk_of_the_clock_is_accounted_for(steps in proptest::collection::vec((-700_i64..900, proptest::bool::weighted(0.1)), 1..80)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ring.db");
        let mut ring = open(&path);
        let (mut now, mut kept) = (BEGIN, 0);
        for (step, (by, reopen)) in steps.iter().enumerate() {
            now += by;
            if *reopen {
                drop(ring);
                ring = open(&path);
            }
            kept += usize::from(!matches!(append(&mut ring, now, step as f64), Appended::Dropped(_)));
        }
        let readout = RingReader::open(&path).unwrap().read("x", at(BEGIN - 100_000), at(BEGIN + 100_000)).unwrap();
        let told: Vec<_> = readout.stretches.iter().flat_map(|s| &s.points).collect();
        prop_assert!(told.windows(2).all(|pair| pair[0].at < pair[1].at));
        let values: std::collections::BTreeSet<i64> = told.iter().map(|point| point.mean as i64).collect();
        prop_assert_eq!(values.len(), told.len(), "no reading is told twice");
        prop_assert_eq!(told.len() + readout.superseded, kept);
    }
}
