//! A write storm and its relief as an agent recorded them, minute by minute, under snapshot.

use std::fmt::Write;

use super::super::Zone;
use super::*;

/// Queue depth of the database's disk, a value a minute; a dot where none came.
const QUEUE: &str = "
     1  2  1  3  2  2  1  1  2  3    2  1  1  2  4  3  2  2  1  2
     6  8  9 11 12 10 13 12 14 11   13 15 12 14 16 18 22 27 31 24
    29 35 41 38 44 30 26 33 47 52    .  .  .  . 49 36 28 31 40 33
    15 15 29 36 42 39 24 28 31 26   22 25 21 23 27 19 14 17 12 11
    10  9 10 11  9  8  9  8  6  7    5  4  6  3  2  4  3  2  1  2
     2  3  1  2  1  1  2  3  2  1    .  .  .  .  .  .  .  .  .  .
     .  .  2  1  1  2  1  2  3  2    1  2 38 41 35  2  1  1  2  1
     1  2  1  1  2  1  1  2  1  1    2  1  2  1  1  2  1  1  2  1";

/// Percent of CPU burst capacity, a value every five minutes, told five minutes later.
const BURST: &str = "
    62 60 57 55   51 44 36 27   18 11  5  2    0  0  0  0
     0  1  3  4    6  8 10 12   13 15 17 19   21 23 26 28";

fn values(record: &str) -> Vec<Option<f64>> {
    record.split_whitespace().map(|word| word.parse().ok()).collect()
}

/// What comes in the minute before a time.
fn came(queue_values: &[Option<f64>], burst_values: &[Option<f64>], now: i64) -> Vec<Measurement> {
    let minute = now - 1;
    let queue_value = queue_values[usize::try_from(minute).unwrap()];
    let late = (minute % 5 == 4 && minute >= 9).then(|| minute - 9);
    let burst_value = late.and_then(|at| Some((at, burst_values[usize::try_from(at / 5).unwrap()]?)));
    let of_queue = queue_value.map(|value| measured(&queue(), minute, value));
    of_queue.into_iter().chain(burst_value.map(|(at, value)| measured(&burst(), at, value))).collect()
}

fn word(zone: &Zone) -> &'static str {
    match zone {
        Zone::Safe => "safe",
        Zone::Warning => "warning",
        Zone::Migrate => "migrate",
        Zone::NotMonitored(_) => "unknown",
    }
}

/// Each change of a zone, and each notice, at its minute.
fn played(rules: &[Rule]) -> String {
    let (queue_values, burst_values) = (values(QUEUE), values(BURST));
    let (mut watch, mut before, mut text) = (Watch::default(), vec![], String::new());
    for now in 1..=i64::try_from(queue_values.len()).unwrap() {
        let told = watch.told.len();
        let assessment = watch.look(rules, &came(&queue_values, &burst_values, now), minute(now));
        let zones: Vec<_> = assessment.standings.iter().map(|standing| word(&standing.zone)).collect();
        let time = format!("{}:{:02}", now / 60, now % 60);
        if zones != before {
            writeln!(text, "{time} [{}] {}", zones.join(" "), word(&assessment.whole)).unwrap();
        }
        for notice in &watch.told[told..] {
            writeln!(text, "{time} > {notice}").unwrap();
        }
        before = zones;
    }
    text
}

#[test]
fn a_write_storm_and_its_relief() {
    let of_burst = rule(Combination::All, vec![condition(burst(), true, Some(20.0), Some(0.0))], 15, 30);
    let rules = [queue_rule(15, 30), of_burst, migration_point()];
    insta::assert_snapshot!(played(&rules), @"
    0:01 [unknown unknown unknown] unknown
    0:04 [safe unknown unknown] unknown
    0:20 [safe safe safe] safe
    0:35 [warning safe safe] warning
    0:35 > warning: disk.queue_depth of vault/pgdata 16 (limit: at least 10)
    0:48 [migrate safe safe] migrate
    0:48 > migrate: disk.queue_depth of vault/pgdata 33 (limit: at least 20); move the database: infra migrate
    1:00 [migrate warning safe] migrate
    1:00 > warning: cpu.burst_percent of vault 5 (limit: at most 20)
    1:20 [migrate migrate migrate] migrate
    1:20 > migrate: cpu.burst_percent of vault 0 (limit: at most 0); move the database: infra migrate
    1:20 > migrate: disk.queue_depth of vault/pgdata 23.6 (limit: at least 20), cpu.burst_percent of vault 0 (limit: at most 0); move the database: infra migrate
    1:29 [warning migrate migrate] migrate
    1:29 > warning after migrate: disk.queue_depth of vault/pgdata 6 (limit: at least 10)
    1:40 [safe migrate migrate] migrate
    1:40 > safe after warning: disk.queue_depth of vault/pgdata 2 (limit: at least 10)
    1:50 [safe migrate safe] migrate
    1:50 > safe after migrate: disk.queue_depth of vault/pgdata 1.8 (limit: at least 20), cpu.burst_percent of vault 6 (limit: at most 0)
    1:55 [unknown migrate safe] migrate
    2:00 [unknown warning safe] warning
    2:00 > not monitored: disk.queue_depth of vault/pgdata has had no value since 2026-11-21T01:49:00Z
    2:00 > warning after migrate: cpu.burst_percent of vault 10 (limit: at most 20)
    2:05 [safe warning safe] warning
    2:05 > safe: disk.queue_depth of vault/pgdata 1 (limit: at least 10)
    ");
}
