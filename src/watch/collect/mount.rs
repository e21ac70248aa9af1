//! File systems: which there are, by /proc/self/mountinfo, how full they are, and how fast they fill. Pure.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::counter::percent;
use super::sample::Why;

/// Over this the fill rate is taken: what one vacuum or one log's rotation does is not a trend.
const FILL_WINDOW: Duration = Duration::from_secs(3600);
/// Before this it says nothing.
const FILL_SHORTEST: Duration = Duration::from_secs(600);
/// How far apart its points are.
const FILL_STEP: Duration = Duration::from_secs(60);

/// Mount points of file systems that lie on a disk, each file system once: where it was mounted first, whole.
pub fn on_disks(mountinfo: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mounts = mountinfo.lines().filter_map(mount).filter(|mount| mount.source.starts_with("/dev/"));
    let mounts = mounts.filter(|mount| !mount.source.starts_with("/dev/loop") && mount.root == "/");
    mounts.filter(|mount| seen.insert(mount.device.clone())).map(|mount| mount.point).collect()
}

struct Mount {
    /// `major:minor`.
    device: String,
    /// Which folder of the file system is mounted.
    root: String,
    point: String,
    source: String,
}

/// proc(5): `36 35 98:0 /root /point options optional… - type source options`.
fn mount(line: &str) -> Option<Mount> {
    let (first, last) = line.split_once(" - ")?;
    let mut words = first.split(' ').skip(2);
    let (device, root, point) = (words.next()?, words.next()?, words.next()?);
    Some(Mount {
        device: device.to_owned(),
        root: unescaped(root),
        point: unescaped(point),
        source: unescaped(last.split(' ').nth(1)?),
    })
}

/// Space, tab, newline and backslash stand as three octal digits.
fn unescaped(text: &str) -> String {
    let mut bytes = vec![];
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let octal = after.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What statvfs(3) says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub block_bytes: u64,
    pub blocks: u64,
    pub free: u64,
    /// For users other than root.
    pub available: u64,
    pub inodes: u64,
    pub inodes_free: u64,
}

impl Space {
    pub fn used_bytes(&self) -> u64 {
        self.blocks.saturating_sub(self.free).saturating_mul(self.block_bytes)
    }

    /// As `df` does it: of what users other than root can have.
    pub fn used_percent(&self) -> Result<f64, Why> {
        let used = self.blocks.saturating_sub(self.free) as f64;
        percent(used, used + self.available as f64).map_err(|_| Why::NotCounted)
    }

    /// Some file systems (btrfs) make inodes as they need them, and tell none.
    pub fn inodes_percent(&self) -> Result<f64, Why> {
        percent(self.inodes.saturating_sub(self.inodes_free) as f64, self.inodes as f64).map_err(|_| Why::NotCounted)
    }
}

/// How fast one file system fills.
#[derive(Debug, Default)]
pub struct Fill {
    /// When, by a clock that never jumps, and how many bytes were used.
    points: VecDeque<(Duration, u64)>,
}

impl Fill {
    /// Bytes a second over the last hour; below nothing where it empties.
    pub fn note(&mut self, at: Duration, used: u64) -> Result<f64, Why> {
        if self.points.back().is_none_or(|(last, _)| at.saturating_sub(*last) >= FILL_STEP) {
            self.points.push_back((at, used));
        }
        while self.points.get(1).is_some_and(|(second, _)| at.saturating_sub(*second) >= FILL_WINDOW) {
            self.points.pop_front();
        }
        let (since, was) = self.points.front().ok_or(Why::First)?;
        let elapsed = at.saturating_sub(*since);
        if elapsed < FILL_SHORTEST {
            Err(Why::TooSoon)
        } else {
            Ok((used as f64 - *was as f64) / elapsed.as_secs_f64())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_on_disks_are_found_once() {
        let text = "22 27 0:21 / /proc rw,relatime - proc proc rw\n\
            27 1 254:0 / / rw - ext4 /dev/vda rw\n\
            45 27 254:0 /var/lib/docker /var/lib/docker rw shared:1 - ext4 /dev/vda rw\n\
            46 27 254:16 / /srv/pg\\040data rw shared:2 master:3 - ext4 /dev/vdb rw\n\
            47 27 254:16 / /again rw - ext4 /dev/vdb rw\n\
            48 27 7:1 / /snap/core rw - squashfs /dev/loop1 ro\n\
            51 45 0:40 / /merged rw - overlay overlay rw\nnonsense\n";
        assert_eq!(on_disks(text), ["/", "/srv/pg data"]);
    }

    #[test]
    fn what_is_escaped_and_what_only_looks_so() {
        assert_eq!(unescaped(r"a\040b\134c"), r"a b\c");
        assert_eq!(unescaped(r"a\04"), r"a\04");
        assert_eq!(unescaped(r"a\999b"), r"a\999b");
    }

    #[test]
    fn shares_are_those_of_df() {
        let space = Space { block_bytes: 4096, blocks: 1000, free: 400, available: 200, inodes: 50, inodes_free: 40 };
        assert_eq!(space.used_percent(), Ok(75.0));
        assert_eq!(space.inodes_percent(), Ok(20.0));
        assert_eq!(space.used_bytes(), 600 * 4096);
        let none = Space { block_bytes: 4096, blocks: 0, free: 0, available: 0, inodes: 0, inodes_free: 0 };
        assert_eq!((none.used_percent(), none.inodes_percent()), (Err(Why::NotCounted), Err(Why::NotCounted)));
    }

    #[test]
    fn the_rate_is_that_of_the_last_hour() {
        let mut fill = Fill::default();
        let mut last = Err(Why::First);
        for second in (0..=7200_u64).step_by(10) {
            // Nothing for an hour, then a kilobyte a second.
            last = fill.note(Duration::from_secs(second), 1000 * second.saturating_sub(3600));
            match second {
                0..=590 => assert_eq!(last, Err(Why::TooSoon)),
                600 => assert_eq!(last, Ok(0.0)),
                _ => {}
            }
        }
        assert!(last.is_ok_and(|rate| (rate - 1000.0).abs() < 20.0));
        assert!(fill.points.len() <= 62, "what is too old is forgotten");
        assert!(fill.note(Duration::from_secs(7260), 0).is_ok_and(|rate| rate <= 0.0), "it was emptied");
    }
}
