//! Slower while the source's disk is behind: its service has users.

use std::path::Path;
use std::time::Instant;

use crate::plan::Rate;

/// What the source's disk had to do since it was last asked.
pub trait Pressure: Send {
    fn load(&mut self) -> Option<DiskLoad>;
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiskLoad {
    /// How many requests waited or were served, as `iostat`'s aqu-sz.
    pub queue_depth: f64,
    /// Milliseconds that a request took, waiting included, as `iostat`'s await. None: there was none.
    pub await_ms: Option<f64>,
}

/// A block device of this machine.
pub struct DiskQueue {
    /// As in /proc/diskstats.
    device: String,
    last: Option<(Instant, Counters)>,
}

impl DiskQueue {
    pub fn new(device: impl Into<String>) -> Self {
        Self { device: device.into(), last: None }
    }
}

impl Pressure for DiskQueue {
    fn load(&mut self) -> Option<DiskLoad> {
        let counters = counters(&std::fs::read_to_string("/proc/diskstats").ok()?, &self.device)?;
        let now = Instant::now();
        let (then, before) = self.last.replace((now, counters))?;
        let elapsed = now.duration_since(then).as_secs_f64() * 1000.0;
        (elapsed > 0.0).then(|| counters.since(before, elapsed))
    }
}

/// The device under a path, if the kernel names one.
pub fn disk_of(path: &Path) -> Option<DiskQueue> {
    use std::os::unix::fs::MetadataExt;

    let device = std::fs::metadata(path).ok()?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let uevent = std::fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/uevent")).ok()?;
    uevent.lines().find_map(|line| line.strip_prefix("DEVNAME=")).map(DiskQueue::new)
}

/// What the kernel counts since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counters {
    requests: u64,
    /// Milliseconds of all requests that are done.
    took: u64,
    /// Milliseconds of requests in flight, weighted by their number.
    weighted: u64,
}

impl Counters {
    fn since(self, before: Self, elapsed_ms: f64) -> DiskLoad {
        let requests = self.requests.wrapping_sub(before.requests);
        let took = self.took.wrapping_sub(before.took);
        DiskLoad {
            queue_depth: self.weighted.wrapping_sub(before.weighted) as f64 / elapsed_ms,
            await_ms: (requests > 0).then(|| took as f64 / requests as f64),
        }
    }
}

/// The kernel's Documentation/admin-guide/iostats.rst, whose fields begin after number and name of the device: reads 1,
/// their milliseconds 4; writes 5, their milliseconds 8; weighted 11.
fn counters(diskstats: &str, device: &str) -> Option<Counters> {
    let fields = diskstats.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let fields = fields.into_iter().find(|fields| fields.get(2) == Some(&device))?;
    let field = |number: usize| fields.get(number + 2)?.parse::<u64>().ok();
    Some(Counters { requests: field(1)? + field(5)?, took: field(4)? + field(8)?, weighted: field(11)? })
}

/// The slowest that it goes by itself: a copy that stands still keeps its snapshot, and the source its dead rows.
const FLOOR: u64 = 1_000_000;
/// Each calm second; as careful as it was quick to give way.
const RECOVERY: f64 = 1.25;

/// The next rate, each second. `wanted` is the user's limit, `now` what holds at present, `measured` what really went.
/// Half as fast while the queue is in the warning zone.
pub fn adjust(depth: f64, warn: f64, wanted: Option<Rate>, now: Option<Rate>, measured: u64) -> Option<Rate> {
    let now_bytes = now.map(Rate::bytes_per_second);
    if depth >= warn {
        let basis = now_bytes.unwrap_or(u64::MAX).min(measured.max(FLOOR));
        return Some(Rate::new((basis / 2).max(FLOOR.min(basis))));
    }
    let held_back = now != wanted;
    if !held_back {
        return wanted;
    }
    let raised = now_bytes.map(|bytes| (bytes as f64 * RECOVERY) as u64)?;
    // It no longer holds anything back.
    let free = raised > measured.saturating_mul(4).max(FLOOR * 4) && wanted.is_none();
    match wanted {
        Some(wanted) if raised >= wanted.bytes_per_second() => Some(wanted),
        _ if free => None,
        _ => Some(Rate::new(raised)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    #[test]
    fn a_queue_halves_the_rate_until_the_floor() {
        let mut rate = None;
        let mut measured = 100 * MB;
        let mut seen = vec![];
        for _ in 0..9 {
            rate = adjust(12.0, 10.0, None, rate, measured);
            measured = rate.map_or(measured, Rate::bytes_per_second);
            seen.push(measured / MB);
        }
        assert_eq!(seen, [50, 25, 12, 6, 3, 1, 1, 1, 1]);
    }

    #[test]
    fn calm_gives_it_back_up_to_the_users_limit() {
        let wanted = Some(Rate::new(20 * MB));
        let mut rate = Some(Rate::new(5 * MB));
        for _ in 0..10 {
            rate = adjust(0.5, 10.0, wanted, rate, rate.map_or(0, Rate::bytes_per_second));
        }
        assert_eq!(rate, wanted);
        assert_eq!(adjust(0.5, 10.0, None, None, 100 * MB), None);
        let mut rate = Some(Rate::new(MB));
        for _ in 0..30 {
            rate = adjust(0.5, 10.0, None, rate, rate.map_or(0, Rate::bytes_per_second).min(40 * MB));
        }
        assert_eq!(rate, None);
    }

    #[test]
    fn the_kernels_table_is_read() {
        let text = "   8       0 sda 1 2 3 4 5 6 7 8 9 10 4242 0 0 0 0\n   8 1 sda1 1 2 3 4 5 6 7 8 9 10 11";
        let sda = Counters { requests: 1 + 5, took: 4 + 8, weighted: 4242 };
        assert_eq!(counters(text, "sda"), Some(sda));
        assert_eq!(counters(text, "sdb"), None);
        let later = Counters { requests: 16, took: 92, weighted: 6242 };
        assert_eq!(later.since(sda, 1000.0), DiskLoad { queue_depth: 2.0, await_ms: Some(8.0) });
        assert_eq!(sda.since(sda, 1000.0), DiskLoad { queue_depth: 0.0, await_ms: None });
    }
}
