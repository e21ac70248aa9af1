//! The writing process killed at any moment, and its disk full: what was acknowledged is there, what was not is said.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::tests::{BEGIN, at, open, value, values};
use super::{Appended, Ring, RingReader};

const SERIES: usize = 20;
const FILE: &str = "INFRA_RING_CHILD";

/// Not a test: what the child of the others runs. Tells each reading once it is acknowledged.
#[test]
#[ignore = "run by other tests"]
fn child() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let (mut ring, _) = Ring::open(Path::new(&path)).unwrap();
    let from = std::env::var("INFRA_RING_FROM").map_or(BEGIN, |from| from.parse().unwrap());
    let mut out = std::io::stdout().lock();
    for second in (from..).step_by(10) {
        let word = match ring.append(at(second), &values(SERIES, second)) {
            Appended::Kept => "kept",
            Appended::KeptInNewRun { .. } => "run",
            Appended::Dropped(_) => "dropped",
        };
        writeln!(out, "ring {word} {second}").unwrap();
    }
}

/// `wrap`: a shell's words that come before the program.
fn start(path: &Path, from: i64, wrap: &str) -> Child {
    let program = std::env::current_exe().unwrap();
    let name = module_path!().split_once("::").unwrap().1;
    let line = format!("{wrap} exec \"$0\" --exact {name}::child --ignored --nocapture");
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).arg(program).env(FILE, path).env("INFRA_RING_FROM", from.to_string());
    shell.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// What it told up to its end: kept or dropped, and when.
fn told(child: Child) -> Vec<(String, i64)> {
    let lines = BufReader::new(child.stdout.unwrap()).lines().map_while(Result::ok);
    let words = lines.filter_map(|line| {
        let rest = line.split_once("ring ")?.1.to_owned();
        let (word, second) = rest.split_once(' ')?;
        Some((word.to_owned(), second.parse().ok()?))
    });
    words.collect()
}

fn points(path: &Path) -> Vec<(i64, f64)> {
    let readout = RingReader::open(path).unwrap().read("metric.number:7", at(0), at(BEGIN * 2)).unwrap();
    assert_eq!((readout.damaged, readout.superseded), (0, 0));
    readout.stretches.iter().flat_map(|s| &s.points).map(|point| (point.at.as_second(), point.mean)).collect()
}

/// INFRA_RING_KILLS: how often [default: 12].
#[test]
fn killed_at_any_moment_it_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.db");
    let kills: u32 = std::env::var("INFRA_RING_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let mut acknowledged: Vec<i64> = vec![];
    let mut from = BEGIN;
    for kill in 0..kills {
        let mut child = start(&path, from, "");
        // Also while it opens the file and closes blocks; not twice after the same time.
        std::thread::sleep(Duration::from_micros(10_000 + u64::from(kill * 7919 % 120_000)));
        child.kill().unwrap();
        let told = told(child);
        assert!(told.iter().all(|(word, _)| word == "kept"), "{told:?}");
        acknowledged.extend(told.into_iter().map(|(_, second)| second));
        drop(open(&path));
        let points = points(&path);
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0), "nothing is there twice");
        assert!(
            points.iter().all(|(second, mean)| *mean == value(7, *second)),
            "nothing is there that was not measured"
        );
        let there: std::collections::BTreeSet<i64> = points.iter().map(|(second, _)| *second).collect();
        let lost: Vec<_> = acknowledged.iter().filter(|second| !there.contains(second)).collect();
        assert!(lost.is_empty(), "after kill {kill}: {lost:?}");
        from = there.last().map_or(BEGIN, |last| last + 10);
        // At most the one that was being written when it was killed.
        assert!(there.len() <= acknowledged.len() + kill as usize + 1);
    }
    println!("{kills} kills, {} readings acknowledged, all there", acknowledged.len());
    assert!(acknowledged.len() > 30, "it had time to write: {}", acknowledged.len());
}

/// As after a loss of power: what was synced is there, and of what was only written any part.
#[test]
fn without_the_end_of_its_log_it_has_everything_up_to_the_last_five_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.db");
    let mut ring = open(&path);
    let last = BEGIN + 1490;
    for second in (BEGIN..=last).step_by(10) {
        assert_eq!(ring.append(at(second), &values(SERIES, second)), Appended::Kept);
    }
    let (file, log) = (std::fs::read(&path).unwrap(), std::fs::read(folder.path().join("ring.db-wal")).unwrap());
    for part in 0..60 {
        let cut = folder.path().join(format!("cut{part}.db"));
        std::fs::write(&cut, &file).unwrap();
        let mut torn = log[..log.len() * part / 59].to_vec();
        // The last sector may hold anything.
        let end = torn.len().saturating_sub(part * 13 % 512);
        torn[end..].fill(0xa5);
        std::fs::write(folder.path().join(format!("cut{part}.db-wal")), torn).unwrap();
        drop(open(&cut));
        let points = points(&cut);
        let expected: Vec<i64> = (BEGIN..).step_by(10).take(points.len()).collect();
        assert_eq!(points.iter().map(|(second, _)| *second).collect::<Vec<_>>(), expected, "a whole beginning");
        let lost = last - points.last().unwrap().0;
        assert!(lost <= 300, "{lost} seconds are lost with part {part} of the log");
    }
}

/// A limit on the size of files stands for a full disk: writing fails in the same places, with another error.
#[test]
fn a_file_that_cannot_grow_stops_nothing_and_the_losses_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.db");
    let mut child = start(&path, BEGIN, "trap '' XFSZ; ulimit -f 200;");
    std::thread::sleep(Duration::from_millis(1500));
    child.kill().unwrap();
    let told = told(child);
    let kept = told.iter().filter(|(word, _)| word == "kept").count();
    let dropped = told.iter().filter(|(word, _)| word == "dropped").count();
    assert!(kept > 20 && dropped > 20, "{kept} kept, {dropped} dropped");
    // Somebody makes room.
    let mut ring = open(&path);
    let next = told.last().unwrap().1 + 20;
    assert_eq!(ring.append(at(next), &values(SERIES, next)), Appended::Kept);
    let points = points(&path);
    assert!(points.len() >= kept && points.iter().all(|(second, mean)| *mean == value(7, *second)));
}
