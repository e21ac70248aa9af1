//! Files that somebody or something damaged: it is noticed, what can be read is read, and nothing false comes of it.

use std::path::Path;

use super::tests::{BEGIN, at, open, value, values};
use super::{Appended, Opened, Ring, RingReader};

const SERIES: usize = 20;
const READINGS: i64 = 6000;

/// Whole, and closed so that all of it is in one file.
fn bytes(folder: &Path) -> Vec<u8> {
    let path = folder.join("whole.db");
    let mut ring = open(&path);
    for second in (BEGIN..BEGIN + READINGS * 10).step_by(10) {
        assert_eq!(ring.append(at(second), &values(SERIES, second)), Appended::Kept);
    }
    drop(ring);
    std::fs::read(path).unwrap()
}

/// How many readings are still there; each must be what was measured.
fn survivors(path: &Path) -> usize {
    let reader = RingReader::open(path).unwrap();
    let readout = reader.read("metric.number:7", at(BEGIN), at(BEGIN + READINGS * 10)).unwrap();
    let mut count = 0;
    for stretch in &readout.stretches {
        for point in &stretch.points {
            let steps = (0..i64::from(point.count)).map(|step| value(7, point.at.as_second() + step * 10));
            let most = steps.fold(f64::MIN, f64::max);
            assert_eq!(point.max, most, "at {}", point.at);
            count += point.count as usize;
        }
    }
    count
}

#[test]
fn a_file_with_damaged_pages_is_noticed_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let whole = bytes(folder.path());
    let pages = whole.len() / 4096;
    assert!(pages > 30, "{pages}");
    let mut worst = usize::MAX;
    // For time's sake not every page.
    for page in (2..pages).step_by(3) {
        let path = folder.path().join("torn.db");
        let mut torn = whole.clone();
        torn[page * 4096..(page + 1) * 4096].fill(0x5a);
        std::fs::write(&path, torn).unwrap();
        let (ring, opened) = Ring::open(&path).unwrap();
        drop(ring);
        let there = survivors(&path);
        assert!(opened != Opened::Whole || there >= READINGS as usize - 30, "page {page}: {there} and nothing said");
        worst = worst.min(there);
        assert!(!folder.path().join("torn.db.torn").exists(), "it takes no room any longer");
        std::fs::remove_file(&path).unwrap();
        drop(std::fs::remove_file(folder.path().join("torn.db-wal")));
    }
    println!("with one damaged page of {pages}, at least {worst} of {READINGS} readings are left");
    assert!(worst > READINGS as usize / 2, "{worst}");
}

#[test]
fn a_file_that_ends_too_soon_or_is_none_is_begun_anew_and_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let whole = bytes(folder.path());
    for (name, content) in [
        ("half", whole[..whole.len() / 2].to_vec()),
        ("odd", whole[..whole.len() - 1000].to_vec()),
        ("short", whole[..700].to_vec()),
        ("nonsense", vec![b'x'; 9000]),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let (mut ring, opened) = Ring::open(&path).unwrap();
        assert!(matches!(opened, Opened::Salvaged(_)), "{name}");
        let next = BEGIN + READINGS * 10;
        assert!(!matches!(ring.append(at(next), &values(SERIES, next)), Appended::Dropped(_)), "{name}");
        survivors(&path);
    }
    assert!(folder.path().join("nonsense.torn").exists(), "that was no ring: somebody may want it");
}

#[test]
fn a_file_whose_making_was_cut_off_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.db");
    std::fs::write(&path, b"").unwrap();
    drop(open(&path));
    let half = folder.path().join("half.db");
    rusqlite::Connection::open(&half)
        .unwrap()
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA user_version = 0")
        .unwrap();
    drop(open(&half));
}
