//! Pressure stall information, by /proc/pressure: which share of the time somebody (`some`) or everybody (`full`) waited. Pure.
//!
//! By its counters of microseconds and not by its averages: those lag behind and overlap.

use std::time::Duration;

use super::counter::{increase, percent, seconds};
use super::sample::{Reading, Why};

/// Microseconds since the kernel started. None: not told (`full` of the CPU has meaning for groups only).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pressure {
    some: Option<u64>,
    full: Option<u64>,
}

pub fn parse(text: &str) -> Pressure {
    let total = |kind: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '))?;
        line.split_ascii_whitespace().find_map(|word| word.strip_prefix("total=")?.parse().ok())
    };
    Pressure { some: total("some"), full: total("full") }
}

/// Of one resource: the names of its two series. `now` is None where the kernel has no such file (before 4.20, or started
/// without it).
pub fn between(
    names: (&'static str, Option<&'static str>),
    before: Option<&Pressure>,
    now: Option<&Pressure>,
    elapsed: Duration,
) -> Reading {
    let share = |field: fn(&Pressure) -> Option<u64>| {
        let now = now.and_then(field).ok_or(Why::NotCounted)?;
        let waited = increase(before.and_then(field).ok_or(Why::First)?, now)?;
        // The kernel adds up what it knows in steps of two seconds, so that a share may pass the whole a little.
        Ok(percent(waited as f64 / 1e6, seconds(elapsed)?)?.min(100.0))
    };
    let mut reading = Reading::default();
    reading.host(names.0, share(|pressure| pressure.some));
    if let Some(full) = names.1 {
        reading.host(full, share(|pressure| pressure.full));
    }
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: (&str, Option<&str>) = ("pressure.io_some_percent", Some("pressure.io_full_percent"));
    const SECONDS: Duration = Duration::from_secs(2);

    #[test]
    fn what_this_kernel_wrote_is_read() {
        let (before, now) =
            (parse(include_str!("recorded/pressure.before")), parse(include_str!("recorded/pressure.now")));
        let reading = between(NAMES, Some(&before), Some(&now), SECONDS);
        assert_eq!(reading.samples.len(), 2);
    }

    #[test]
    fn the_share_is_that_of_the_time_between() {
        let text =
            |some: u64| format!("some avg10=9.00 avg60=0.00 avg300=0.00 total={some}\nfull avg10=0.00 total=7\n");
        let (before, now) = (parse(&text(1_000_000)), parse(&text(1_500_000)));
        let reading = between(NAMES, Some(&before), Some(&now), SECONDS);
        assert_eq!(reading.value(NAMES.0), Some(25.0));
        assert_eq!(reading.value("pressure.io_full_percent"), Some(0.0));
        let back = between(NAMES, Some(&now), Some(&before), SECONDS);
        assert_eq!(back.why(NAMES.0), Some(Why::CounterReset));
        assert_eq!(between(NAMES, Some(&now), None, SECONDS).why(NAMES.0), Some(Why::NotCounted));
        assert_eq!(between(NAMES, None, Some(&now), SECONDS).why(NAMES.0), Some(Why::First));
        assert_eq!(between(NAMES, Some(&now), Some(&now), Duration::ZERO).why(NAMES.0), Some(Why::NoTime));
    }
}
