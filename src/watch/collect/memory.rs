//! Memory and swap, by /proc/meminfo and /proc/vmstat. Pure.

use std::time::Duration;

use super::counter::{increase, per_second, percent};
use super::sample::{Reading, Why};

/// The whole of /proc/meminfo that is needed, in kilobytes.
pub fn usage(meminfo: &str) -> Reading {
    let value = |name: &str| number(meminfo, name, ':').ok_or(Why::NotCounted);
    let mut reading = Reading::default();
    reading.host("memory.percent", used(&value).and_then(|(used, total)| percent(used, total)));
    reading.host("memory.available_bytes", available(&value).map(|kilobytes| kilobytes * 1024.0));
    let swap = || {
        let (total, free) = (value("SwapTotal")? as f64, value("SwapFree")? as f64);
        // A host without swap uses none of it.
        if total == 0.0 { Ok(0.0) } else { percent(total - free, total) }
    };
    reading.host("swap.percent", swap());
    reading
}

/// As `free` does it: what no process could have without others losing theirs.
fn used(value: &impl Fn(&str) -> Result<u64, Why>) -> Result<(f64, f64), Why> {
    let total = value("MemTotal")? as f64;
    Ok((total - available(value)?.min(total), total))
}

/// Kernels before 3.14 do not say it: then what is free or may be dropped, less what only looks like a cache.
fn available(value: &impl Fn(&str) -> Result<u64, Why>) -> Result<f64, Why> {
    value("MemAvailable").map(|kilobytes| kilobytes as f64).or_else(|_| {
        let droppable = value("Cached")? + value("SReclaimable")?;
        Ok((value("MemFree")? + value("Buffers")? + droppable).saturating_sub(value("Shmem")?) as f64)
    })
}

/// What /proc/vmstat counts since the kernel started. None: this kernel does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Paging {
    swapped_in: Option<u64>,
    swapped_out: Option<u64>,
    /// From 4.13 on.
    oom_kills: Option<u64>,
}

pub fn parse_paging(vmstat: &str) -> Paging {
    let value = |name| number(vmstat, name, ' ');
    Paging { swapped_in: value("pswpin"), swapped_out: value("pswpout"), oom_kills: value("oom_kill") }
}

pub fn paging(before: Option<&Paging>, now: &Paging, elapsed: Duration) -> Reading {
    let went = |field: fn(&Paging) -> Option<u64>| {
        let now = field(now).ok_or(Why::NotCounted)?;
        increase(before.and_then(field).ok_or(Why::First)?, now)
    };
    let mut reading = Reading::default();
    let rate = |pages: Result<u64, Why>| per_second(pages?, elapsed);
    reading.host("swap.in_pages_per_s", rate(went(|paging| paging.swapped_in)));
    reading.host("swap.out_pages_per_s", rate(went(|paging| paging.swapped_out)));
    reading.host("memory.oom_kills", went(|paging| paging.oom_kills).map(|kills| kills as f64));
    reading
}

/// `name<separator> number …` at the beginning of a line.
fn number(text: &str, name: &str, separator: char) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(separator))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = include_str!("recorded/meminfo");

    #[test]
    fn what_this_kernel_wrote_is_read() {
        let reading = usage(RECORDED);
        assert!(reading.value("memory.percent").is_some_and(|percent| percent > 0.0 && percent < 100.0));
        assert_eq!(reading.value("swap.percent"), Some(0.0));
        assert_eq!(parse_paging(include_str!("recorded/vmstat")).oom_kills, Some(0));
    }

    #[test]
    fn used_is_what_is_not_available() {
        let text = "MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 400 kB\nSwapTotal: 200 kB\nSwapFree: 150 kB\n";
        assert_eq!(usage(text).value("memory.percent"), Some(60.0));
        assert_eq!(usage(text).value("swap.percent"), Some(25.0));
    }

    #[test]
    fn a_kernel_that_does_not_tell_what_is_available_is_understood() {
        let text =
            "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 300 kB\nSReclaimable: 50 kB\nShmem: 100 kB";
        assert_eq!(usage(text).value("memory.percent"), Some(60.0));
        assert_eq!(usage(text).why("swap.percent"), Some(Why::NotCounted));
        assert_eq!(usage("").why("memory.percent"), Some(Why::NotCounted));
    }

    #[test]
    fn a_name_is_not_taken_for_the_beginning_of_another() {
        assert_eq!(number("SwapTotalish: 7 kB\nSwapTotal: 8 kB", "SwapTotal", ':'), Some(8));
        assert_eq!(parse_paging("oom_kill_x 3\n").oom_kills, None);
    }

    #[test]
    fn kills_are_counted_between_two_readings() {
        let (before, now) = (parse_paging("oom_kill 3\npswpin 10\n"), parse_paging("oom_kill 5\npswpin 30\n"));
        let reading = paging(Some(&before), &now, Duration::from_secs(10));
        assert_eq!(reading.value("memory.oom_kills"), Some(2.0));
        assert_eq!(reading.value("swap.in_pages_per_s"), Some(2.0));
        assert_eq!(reading.why("swap.out_pages_per_s"), Some(Why::NotCounted));
        assert_eq!(
            paging(Some(&now), &before, Duration::from_secs(10)).why("memory.oom_kills"),
            Some(Why::CounterReset)
        );
        assert_eq!(paging(None, &now, Duration::from_secs(10)).why("memory.oom_kills"), Some(Why::First));
    }
}
