//! The kernel's files, read together; what they held before is kept for the next time.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::cpu::{self, Cpu};
use super::disk::{self, Disks};
use super::memory::{self, Paging};
use super::mount::{self, Fill, Space};
use super::pressure::{self, Pressure};
use super::sample::{Reading, Series, Why};

/// Resource, and its two series. That everybody waits for the CPU means nothing for a whole machine.
const PRESSURES: [(&str, &str, Option<&str>); 3] = [
    ("io", "pressure.io_some_percent", Some("pressure.io_full_percent")),
    ("memory", "pressure.memory_some_percent", Some("pressure.memory_full_percent")),
    ("cpu", "pressure.cpu_some_percent", None),
];

/// A machine, by its /proc and /sys.
pub struct Host {
    proc: PathBuf,
    sys: PathBuf,
    /// None: all that there are.
    devices: Option<Vec<String>>,
    mounts: Option<Vec<String>>,
    before: Option<Snapshot>,
    fills: BTreeMap<String, Fill>,
    begun: Instant,
}

/// What the files said at one time.
struct Snapshot {
    taken: Instant,
    disks: Disks,
    cpu: Option<Cpu>,
    paging: Paging,
    pressures: [Option<Pressure>; 3],
    /// Devices that are shown: one that goes is told as gone once, and then forgotten unless it was asked for.
    devices: Vec<String>,
}

impl Host {
    pub fn new(devices: Option<Vec<String>>, mounts: Option<Vec<String>>) -> Self {
        Self::at("/proc".into(), "/sys".into(), devices, mounts)
    }

    pub fn at(proc: PathBuf, sys: PathBuf, devices: Option<Vec<String>>, mounts: Option<Vec<String>>) -> Self {
        Self { proc, sys, devices, mounts, before: None, fills: BTreeMap::new(), begun: Instant::now() }
    }

    /// What happened since the last time, and how things are now.
    pub fn read(&mut self) -> Reading {
        let now = self.snapshot();
        let mut reading = compare(self.before.as_ref(), &now);
        reading.add(memory::usage(&self.text("meminfo")));
        self.add_mounts(&mut reading);
        self.before = Some(now);
        reading
    }

    /// A file that is not there or cannot be read says nothing: its values are then missing one by one.
    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.proc.join(name)).unwrap_or_default()
    }

    fn snapshot(&self) -> Snapshot {
        let disks = disk::parse(&self.text("diskstats"));
        let taken = Instant::now();
        let pressure = |resource| std::fs::read_to_string(self.proc.join("pressure").join(resource)).ok();
        Snapshot {
            taken,
            devices: self.devices.clone().unwrap_or_else(|| self.whole_disks(&disks)),
            disks,
            cpu: cpu::parse(&self.text("stat")),
            paging: memory::parse_paging(&self.text("vmstat")),
            pressures: PRESSURES.map(|(resource, ..)| pressure(resource).map(|text| pressure::parse(&text))),
        }
    }

    /// Not their partitions, which /sys/block does not list.
    fn whole_disks(&self, disks: &Disks) -> Vec<String> {
        let whole =
            |name: &&String| disk::is_disk(name) && self.sys.join("block").join(name.replace('/', "!")).exists();
        disks.keys().filter(whole).cloned().collect()
    }

    fn add_mounts(&mut self, reading: &mut Reading) {
        let mounts = self.mounts.clone().unwrap_or_else(|| mount::on_disks(&self.text("self/mountinfo")));
        let at = self.begun.elapsed();
        self.fills.retain(|point, _| mounts.contains(point));
        for point in mounts {
            let space = space(Path::new(&point)).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Why::Gone,
                _ => Why::Failed(error.to_string()),
            });
            let value = |of: fn(&Space) -> Result<f64, Why>| space.as_ref().map_err(Clone::clone).and_then(of);
            reading.note(Series::new("disk.used_percent", &point), value(Space::used_percent));
            reading.note(Series::new("disk.inodes_percent", &point), value(Space::inodes_percent));
            let used = space.as_ref().map(Space::used_bytes).map_err(Clone::clone);
            let fill = used.and_then(|used| self.fills.entry(point.clone()).or_default().note(at, used));
            reading.note(Series::new("disk.fill_bytes_per_s", &point), fill);
        }
    }
}

fn compare(before: Option<&Snapshot>, now: &Snapshot) -> Reading {
    let elapsed = before.map_or(Duration::ZERO, |before| now.taken.duration_since(before.taken));
    let mut devices = now.devices.clone();
    devices
        .extend(before.iter().flat_map(|before| before.devices.iter().filter(|d| !now.devices.contains(d)).cloned()));
    let mut reading = disk::between(&devices, before.map(|before| &before.disks), &now.disks, elapsed);
    reading.add(cpu::between(before.and_then(|before| before.cpu.as_ref()), now.cpu.as_ref()));
    reading.add(memory::paging(before.map(|before| &before.paging), &now.paging, elapsed));
    for (index, (_, some, full)) in PRESSURES.into_iter().enumerate() {
        let earlier = before.and_then(|before| before.pressures[index].as_ref());
        reading.add(pressure::between((some, full), earlier, now.pressures[index].as_ref(), elapsed));
    }
    reading
}

fn space(point: &Path) -> io::Result<Space> {
    let stat = rustix::fs::statvfs(point)?;
    Ok(Space {
        block_bytes: stat.f_frsize,
        blocks: stat.f_blocks,
        free: stat.f_bfree,
        available: stat.f_bavail,
        inodes: stat.f_files,
        inodes_free: stat.f_ffree,
    })
}
