//! The back-test on recorded series that nobody here made: hosts, databases and load balancers of AWS, and a machine.

use super::backtest::{Tally, backtest};
use super::generators::DAY;
use crate::watch::forecast::Sample;
use crate::watch::forecast::series::HOUR;

/// A series a line; its licence and what its columns are stand at its head.
const RECORDED: &str = include_str!("recorded.txt");

fn series(line: &str) -> Option<(&str, Vec<Sample>)> {
    let mut words = line.split(' ');
    let (name, first) = (words.next()?, words.next()?.parse::<i64>().ok()?);
    let samples = words.enumerate().filter_map(|(hour, value)| {
        let value = value.parse().ok()?;
        Some(Sample { at: (first + hour as i64) * HOUR, value })
    });
    Some((name, samples.collect()))
}

#[test]
fn recorded_series_have_no_trend_and_are_told_none() {
    let mut all = Tally::default();
    for (name, samples) in RECORDED.lines().filter(|line| !line.starts_with('#')).filter_map(series) {
        assert!(samples.len() > 90, "{name} has {} hours", samples.len());
        let tally = backtest(&samples, None, DAY + 5 * HOUR);
        println!("{name:38} {tally}");
        all.add(&tally);
    }
    println!("{:38} {all}", "RECORDED");
    assert!(all.asked > 1000 && all.week_false * 100 <= all.asked, "{all}");
}

/// A folder of files with a series each, `unix-seconds,value` a line.
#[test]
#[ignore = "needs INFRA_BACKTEST_DIR"]
fn recorded_series_of_a_folder() {
    let folder = std::env::var("INFRA_BACKTEST_DIR").unwrap();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all = Tally::default();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let sample = |line: &str| {
            let (at, value) = line.split_once(',')?;
            Some(Sample { at: at.parse().ok()?, value: value.parse().ok()? })
        };
        let samples: Vec<_> = text.lines().filter_map(sample).collect();
        let tally = backtest(&samples, None, DAY + 5 * HOUR);
        println!("{:54} {tally}", file.file_stem().unwrap().to_string_lossy());
        all.add(&tally);
    }
    println!("{:54} {all}", "ALL");
}
