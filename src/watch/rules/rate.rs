//! Counters to rates. A counter that begins anew, a clock that went back and a long gap have no rate: never a negative one, and
//! never a peak that was not there.

use jiff::{SignedDuration, Timestamp};

/// A reading of something that only grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counter {
    pub at: Timestamp,
    pub value: f64,
}

/// What happened each second before a reading, for readings in the order in which they were taken. `longest` is the gap beyond which
/// a mean over it says nothing of its end.
pub fn rates(readings: &[Counter], longest: SignedDuration) -> Vec<(Timestamp, f64)> {
    let mut rates = vec![];
    let mut before: Option<Counter> = None;
    for reading in readings.iter().filter(|reading| reading.value.is_finite() && reading.value >= 0.0) {
        // Of two readings of one moment the first counts: what comes again does not make a gap.
        if before.is_some_and(|before| before.at == reading.at) {
            continue;
        }
        rates.extend(before.and_then(|before| rate(before, *reading, longest)));
        before = Some(*reading);
    }
    rates
}

fn rate(before: Counter, reading: Counter, longest: SignedDuration) -> Option<(Timestamp, f64)> {
    let elapsed = reading.at.duration_since(before.at);
    let grown = reading.value - before.value;
    let counts = elapsed > SignedDuration::ZERO && elapsed <= longest && grown >= 0.0;
    counts.then(|| (reading.at, grown / elapsed.as_secs_f64()))
}
