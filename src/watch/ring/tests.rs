//! A ring in use: what comes back, in which resolution, for how long, and how large it gets.

use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;
use rusqlite::Connection;

use super::{Appended, INTERVAL, Opened, Ring, RingError, RingReader, SLOT};

/// Some day at midnight.
pub const BEGIN: i64 = 1_790_000_000 - 1_790_000_000 % 86_400;
const STEP: i64 = INTERVAL.as_secs() as i64;

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub fn open(path: &Path) -> Ring {
    let (ring, opened) = Ring::open(path).unwrap();
    assert_eq!(opened, Opened::Whole);
    ring
}

/// The value of a series at a time: no two are alike.
pub fn value(series: usize, at: i64) -> f64 {
    f64::from(((at / 10) * 31 + series as i64 * 7) as i32 % 100_000) / 16.0
}

pub fn values(series: usize, at: i64) -> Vec<(String, f64)> {
    (0..series).map(|number| (format!("metric.number:{number}"), value(number, at))).collect()
}

fn ring() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.db");
    (folder, path)
}

fn fill(ring: &mut Ring, series: usize, from: i64, to: i64) {
    for second in (from..to).step_by(STEP as usize) {
        assert_eq!(ring.append(at(second), &values(series, second)), Appended::Kept);
    }
}

#[test]
fn what_was_appended_is_read_also_by_somebody_else_at_the_time() {
    let (_folder, path) = ring();
    let mut ring = open(&path);
    fill(&mut ring, 3, BEGIN, BEGIN + 3600);
    let reader = RingReader::open(&path).unwrap();
    let readout = reader.read("metric.number:1", at(BEGIN), at(BEGIN + 3600)).unwrap();
    assert_eq!(readout.stretches.len(), 1);
    let points = &readout.stretches[0].points;
    assert_eq!(points.len(), 360);
    assert!(points.iter().all(|point| point.mean == value(1, point.at.as_second())));
    let part = reader.read("metric.number:1", at(BEGIN + 305), at(BEGIN + 320)).unwrap();
    assert_eq!(part.stretches[0].points.len(), 2, "both ends are included");
    assert!(reader.read("metric.other", at(BEGIN), at(BEGIN + 3600)).unwrap().stretches.is_empty());
    assert_eq!(reader.series().unwrap().len(), 3);
}

#[test]
fn a_gap_is_a_gap_and_a_series_may_come_and_go() {
    let (_folder, path) = ring();
    let mut ring = open(&path);
    fill(&mut ring, 1, BEGIN, BEGIN + 100);
    fill(&mut ring, 2, BEGIN + 400, BEGIN + 500);
    let reader = RingReader::open(&path).unwrap();
    let spans = |series: &str| -> Vec<(i64, usize)> {
        let readout = reader.read(series, at(0), at(BEGIN + 10_000)).unwrap();
        readout.stretches.iter().map(|s| (s.points[0].at.as_second() - BEGIN, s.points.len())).collect()
    };
    assert_eq!(spans("metric.number:0"), [(0, 10), (400, 10)]);
    assert_eq!(spans("metric.number:1"), [(400, 10)]);
}

/// A peak of one reading must be seen three months later.
#[test]
fn after_48_hours_summaries_are_left_and_peaks_in_them() {
    let (_folder, path) = ring();
    let mut ring = open(&path);
    assert_eq!(ring.append(at(BEGIN), &[("disk.queue_depth:vda".into(), 2.0)]), Appended::Kept);
    assert_eq!(ring.append(at(BEGIN + 10), &[("disk.queue_depth:vda".into(), 97.0)]), Appended::Kept);
    let end = BEGIN + 50 * 3600;
    fill(&mut ring, 1, BEGIN + 300, end);
    let reader = RingReader::open(&path).unwrap();
    let old = reader.read("disk.queue_depth:vda", at(BEGIN), at(end)).unwrap();
    let point = old.stretches[0].points[0];
    assert_eq!(
        (old.stretches[0].resolution, point.min, point.mean, point.max, point.count),
        (SLOT, 2.0, 49.5, 97.0, 2)
    );
    let all = reader.read("metric.number:0", at(BEGIN), at(end)).unwrap();
    let [old, new] = &all.stretches[..] else { panic!("coarse, then fine: {:?}", all.stretches.len()) };
    assert_eq!((old.resolution, new.resolution), (SLOT, INTERVAL));
    assert!((17_280..17_280 + 60).contains(&new.points.len()), "48 hours: {}", new.points.len());
    let by_hand: Vec<f64> = (0..30).map(|step| value(0, old.points[5].at.as_second() + step * STEP)).collect();
    assert_eq!(old.points[5].max, by_hand.iter().copied().fold(f64::MIN, f64::max));
    assert!((old.points[5].mean - by_hand.iter().sum::<f64>() / 30.0).abs() < 0.001);
}

#[test]
fn a_new_process_goes_on_where_the_last_one_ended() {
    let (_folder, path) = ring();
    for part in 0..40 {
        fill(&mut open(&path), 2, BEGIN + part * 170, BEGIN + (part + 1) * 170);
    }
    let reader = RingReader::open(&path).unwrap();
    let readout = reader.read("metric.number:0", at(BEGIN), at(BEGIN + 40 * 170)).unwrap();
    assert_eq!((readout.stretches.len(), readout.stretches[0].points.len()), (1, 40 * 17));
}

#[test]
fn a_newer_file_and_another_programs_are_refused_and_stay_as_they_are() {
    let (_folder, path) = ring();
    drop(open(&path));
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
    let before = std::fs::read(&path).unwrap();
    let Err(error) = Ring::open(&path) else { panic!("it is newer") };
    assert!(matches!(error, RingError::Newer { found: 2, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("bring the newer one back"));
    assert!(matches!(RingReader::open(&path), Err(RingError::Newer { .. })));
    let foreign = path.with_extension("other");
    Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE precious (x); INSERT INTO precious VALUES (1)")
        .unwrap();
    assert!(matches!(Ring::open(&foreign), Err(RingError::Foreign { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_reader_makes_nothing() {
    let (_folder, path) = ring();
    assert!(RingReader::open(&path).is_err());
    assert!(!path.exists());
}

/// The figures of the decision: `cargo test --release ninety_days -- --ignored --nocapture`.
#[test]
#[ignore = "takes a minute in a release build; prints figures"]
fn ninety_days_fit() {
    let (_folder, path) = ring();
    let mut ring = open(&path);
    let mut noise = Noise(1);
    let begun = Instant::now();
    let end = BEGIN + 91 * 86_400;
    let mut most = 0;
    for second in (BEGIN..end).step_by(STEP as usize) {
        assert_eq!(ring.append(at(second), &noise.readings(second - BEGIN)), Appended::Kept);
        if second % 86_400 == 0 {
            most = most.max(size(&path));
        }
    }
    let appended = (end - BEGIN) / STEP;
    let cost = begun.elapsed().as_secs_f64() / appended as f64;
    println!(
        "{appended} readings of 80 series: {:.1} MB at most, {:.0} µs a reading, {:.2} µs a sample, {:.4} % of a core",
        most as f64 / 1e6,
        cost * 1e6,
        cost * 1e6 / 80.0,
        cost * 10.0
    );
    let reader = RingReader::open(&path).unwrap();
    let begun = Instant::now();
    let readout = reader.read("noise:3", at(0), at(end)).unwrap();
    println!("one series over 90 days is read in {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    let first = readout.stretches[0].points[0].at.as_second();
    assert!(end - first >= 90 * 86_400, "{} days", (end - first) / 86_400);
    assert!(most <= 32 << 20, "{most}");
}

fn size(path: &Path) -> u64 {
    let folder = std::fs::read_dir(path.parent().unwrap()).unwrap();
    folder.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// 80 series as a host has them: 30 that are pure noise, which nothing compresses, 20 slow ones, 30 that hardly change.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn readings(&mut self, second: i64) -> Vec<(String, f64)> {
        let day = (second as f64 / 86_400.0 * std::f64::consts::TAU).sin();
        let mut all: Vec<_> = (0..30).map(|n| (format!("noise:{n}"), 100.0 * self.next())).collect();
        all.extend((0..20).map(|n| (format!("slow:{n}"), 50.0 + 30.0 * day + (self.next() * 8.0).round() / 4.0)));
        all.extend((0..30).map(|n| (format!("still:{n}"), f64::from(u8::from(self.next() < 0.01)))));
        all
    }
}
