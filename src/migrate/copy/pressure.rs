//! Slower while the source's disk is behind: its service has users.

use std::path::Path;
use std::time::Instant;

use super::limit::Rate;

/// How many requests wait at the source's disk, as `iostat`'s aqu-sz, since it was last asked.
pub trait Pressure: Send {
    fn queue_depth(&mut self) -> Option<f64>;
}

/// A block device of this machine.
pub struct DiskQueue {
    /// As in /proc/diskstats.
    device: String,
    last: Option<(Instant, u64)>,
}

impl DiskQueue {
    pub fn new(device: impl Into<String>) -> Self {
        Self { device: device.into(), last: None }
    }
}

impl Pressure for DiskQueue {
    fn queue_depth(&mut self) -> Option<f64> {
        let weighted = weighted(&std::fs::read_to_string("/proc/diskstats").ok()?, &self.device)?;
        let now = Instant::now();
        let (then, before) = self.last.replace((now, weighted))?;
        let elapsed = now.duration_since(then).as_secs_f64() * 1000.0;
        (elapsed > 0.0).then(|| weighted.wrapping_sub(before) as f64 / elapsed)
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

/// Milliseconds of requests in flight, weighted by their number: the 14th field.
fn weighted(diskstats: &str, device: &str) -> Option<u64> {
    let fields = diskstats.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    fields.into_iter().find(|fields| fields.get(2) == Some(&device))?.get(13)?.parse().ok()
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
        assert_eq!(weighted(text, "sda"), Some(4242));
        assert_eq!(weighted(text, "sdb"), None);
    }
}
