//! Block devices, by /proc/diskstats. Pure.
//!
//! The kernel's Documentation/admin-guide/iostats.rst numbers the fields from 1, after number and name of the device. Kernels
//! from 4.18 on append discards, from 5.5 on flushes; nothing here needs them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::counter::{increase, increase_32, per_second, percent, seconds};
use super::sample::{Reading, Series, Why};

/// The kernel's sector, whatever the device's.
const SECTOR: u64 = 512;
/// More requests than any device takes. Some kernels let the weighted time run backwards, which looks like this.
const MOST_REQUESTS: f64 = 100_000.0;
/// What a device is called that is none: in memory, or a file that is a device of its own.
const NO_DISKS: [&str; 5] = ["loop", "ram", "zram", "sr", "fd"];

/// What the kernel counts since the device came. Milliseconds are kept in 32 bits, the rest in 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Disk {
    reads: u64,
    sectors_read: u64,
    read_ms: u64,
    writes: u64,
    sectors_written: u64,
    write_ms: u64,
    /// At least one request was in flight.
    busy_ms: u64,
    /// The same, each request counted: what `iostat -x` makes aqu-sz of.
    weighted_ms: u64,
}

pub type Disks = BTreeMap<String, Disk>;

/// Devices with all eleven fields. Lines of other forms (partitions of very old kernels have four) are passed over.
pub fn parse(diskstats: &str) -> Disks {
    diskstats.lines().filter_map(device).collect()
}

fn device(line: &str) -> Option<(String, Disk)> {
    let mut words = line.split_ascii_whitespace().skip(2);
    let name = words.next()?;
    let mut fields = [0_u64; 11];
    for field in &mut fields {
        *field = words.next()?.parse().ok()?;
    }
    let field = |number: usize| fields[number - 1];
    let disk = Disk {
        reads: field(1),
        sectors_read: field(3),
        read_ms: field(4),
        writes: field(5),
        sectors_written: field(7),
        write_ms: field(8),
        busy_ms: field(10),
        weighted_ms: field(11),
    };
    Some((name.to_owned(), disk))
}

/// By its name a device that data are kept on. Partitions have such names too: /sys/block tells them apart.
pub fn is_disk(name: &str) -> bool {
    !NO_DISKS.iter().any(|kind| {
        name.strip_prefix(kind).is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// Of these devices. One that came or went has no values, with the reason.
pub fn between(names: &[String], before: Option<&Disks>, now: &Disks, elapsed: Duration) -> Reading {
    let mut reading = Reading::default();
    for name in names {
        let earlier = before.map(|disks| disks.get(name));
        let work = match (earlier, now.get(name)) {
            (_, None) => Err(Why::Gone),
            (None | Some(None), Some(_)) => Err(Why::First),
            (Some(Some(before)), Some(now)) => Work::between(before, now, elapsed),
        };
        note(&mut reading, name, work);
    }
    reading
}

/// What one device did.
struct Work {
    elapsed: Duration,
    requests: u64,
    bytes_read: u64,
    bytes_written: u64,
    took_ms: Result<u64, Why>,
    busy_ms: Result<u64, Why>,
    weighted_ms: Result<u64, Why>,
}

impl Work {
    /// Requests and sectors never come round: where one of them is smaller, it is another device under the same name.
    fn between(before: &Disk, now: &Disk, elapsed: Duration) -> Result<Self, Why> {
        seconds(elapsed)?;
        let both = |a: Result<u64, Why>, b: Result<u64, Why>| Ok(a? + b?);
        Ok(Self {
            elapsed,
            requests: increase(before.reads, now.reads)? + increase(before.writes, now.writes)?,
            bytes_read: increase(before.sectors_read, now.sectors_read)? * SECTOR,
            bytes_written: increase(before.sectors_written, now.sectors_written)? * SECTOR,
            took_ms: both(increase_32(before.read_ms, now.read_ms), increase_32(before.write_ms, now.write_ms)),
            busy_ms: increase_32(before.busy_ms, now.busy_ms),
            weighted_ms: increase_32(before.weighted_ms, now.weighted_ms),
        })
    }

    fn elapsed_ms(&self) -> f64 {
        self.elapsed.as_secs_f64() * 1000.0
    }

    fn queue_depth(&self) -> Result<f64, Why> {
        let depth = self.weighted_ms.clone()? as f64 / self.elapsed_ms();
        if depth > MOST_REQUESTS { Err(Why::Implausible) } else { Ok(depth) }
    }

    /// A device cannot be busy for longer than there was time; the kernel rounds each request up to a jiffy.
    fn busy_percent(&self) -> Result<f64, Why> {
        Ok(percent(self.busy_ms.clone()? as f64, self.elapsed_ms())?.min(100.0))
    }

    fn latency_ms(&self) -> Result<f64, Why> {
        let took = self.took_ms.clone()?;
        if self.requests == 0 { Err(Why::Idle) } else { Ok(took as f64 / self.requests as f64) }
    }
}

type Measure = fn(&Work) -> Result<f64, Why>;

const MEASURES: [(&str, Measure); 6] = [
    ("disk.queue_depth", Work::queue_depth),
    ("disk.busy_percent", Work::busy_percent),
    ("disk.latency_ms", Work::latency_ms),
    ("disk.iops", |work| per_second(work.requests, work.elapsed)),
    ("disk.read_bytes_per_s", |work| per_second(work.bytes_read, work.elapsed)),
    ("disk.written_bytes_per_s", |work| per_second(work.bytes_written, work.elapsed)),
];

fn note(reading: &mut Reading, name: &str, work: Result<Work, Why>) {
    for (metric, measure) in MEASURES {
        let value = work.as_ref().map_err(Clone::clone).and_then(measure);
        reading.note(Series::new(metric, name), value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Written down on Linux 6.18, four seconds apart, while `dd` wrote.
    const BEFORE: &str = include_str!("recorded/diskstats.before");
    const NOW: &str = include_str!("recorded/diskstats.now");
    const SECONDS: Duration = Duration::from_secs(4);

    fn of(before: &str, now: &str, name: &str) -> Reading {
        between(&[name.to_owned()], Some(&parse(before)), &parse(now), SECONDS)
    }

    #[test]
    fn what_this_kernel_wrote_is_read() {
        let reading = of(BEFORE, NOW, "vda");
        let (before, now) = (parse(BEFORE)["vda"], parse(NOW)["vda"]);
        assert!(now.writes > before.writes, "something was written meanwhile");
        assert_eq!(reading.value("disk.queue_depth:vda"), Some((now.weighted_ms - before.weighted_ms) as f64 / 4000.0));
        assert_eq!(reading.value("disk.busy_percent:vda"), Some((now.busy_ms - before.busy_ms) as f64 / 40.0));
        assert_eq!(reading.samples.len(), MEASURES.len());
    }

    /// Kernels before 4.18 have eleven fields, from there on fifteen, from 5.5 on seventeen.
    #[test]
    fn fewer_and_more_fields_mean_the_same() {
        let cut = |text: &str, fields: usize| {
            let line = |line: &str| line.split_whitespace().take(3 + fields).collect::<Vec<_>>().join(" ");
            text.lines().map(line).collect::<Vec<_>>().join("\n")
        };
        for fields in [11, 15, 17] {
            assert_eq!(of(&cut(BEFORE, fields), &cut(NOW, fields), "vda"), of(BEFORE, NOW, "vda"), "{fields}");
        }
        let more = |text: &str| text.lines().map(|line| format!("{line} 7 8\n")).collect::<String>();
        assert_eq!(of(&more(BEFORE), &more(NOW), "vda"), of(BEFORE, NOW, "vda"));
        assert_eq!(parse(&cut(BEFORE, 10)), Disks::new());
        assert_eq!(parse("8 1 sda1 1 2 3 4\n\nnonsense"), Disks::new());
    }

    #[test]
    fn figures_are_those_of_iostat() {
        let before = "8 0 sda 100 0 800 500 200 0 1600 1500 0 4000 4294967000 0 0 0 0";
        let now = "8 0 sda 140 0 1600 700 260 0 3200 2300 9 7000 39704 0 0 0 0";
        let reading = of(before, now, "sda");
        let value = |metric: &str| reading.value(&format!("disk.{metric}:sda"));
        // The weighted time came round.
        assert_eq!(value("queue_depth"), Some(10.0));
        assert_eq!(value("busy_percent"), Some(75.0));
        assert_eq!(value("latency_ms"), Some(10.0));
        assert_eq!(value("iops"), Some(25.0));
        assert_eq!(value("read_bytes_per_s"), Some(200.0 * 512.0));
        assert_eq!(value("written_bytes_per_s"), Some(400.0 * 512.0));
    }

    #[test]
    fn a_device_that_comes_goes_or_is_another_has_no_value() {
        let sda = "8 0 sda 100 0 800 500 200 0 1600 1500 0 4000 90000";
        let replaced = "8 0 sda 3 0 800 500 200 0 1600 1500 0 4000 95000";
        for (before, now, why) in [(sda, "", Why::Gone), ("", sda, Why::First), (sda, replaced, Why::CounterReset)] {
            let reading = of(before, now, "sda");
            assert_eq!((reading.samples.len(), reading.why("disk.queue_depth:sda")), (0, Some(why)));
        }
        assert_eq!(of(sda, sda, "sda").why("disk.latency_ms:sda"), Some(Why::Idle));
        let none = between(&["sda".into()], Some(&parse(sda)), &parse(sda), Duration::ZERO);
        assert_eq!(none.why("disk.queue_depth:sda"), Some(Why::NoTime));
    }

    #[test]
    fn a_weighted_time_that_ran_backwards_is_no_queue() {
        let before = "8 0 sda 100 0 800 500 200 0 1600 1500 0 4000 90000";
        let now = "8 0 sda 101 0 800 500 200 0 1600 1500 0 4000 89990";
        assert_eq!(of(before, now, "sda").why("disk.queue_depth:sda"), Some(Why::CounterReset));
        let now = "8 0 sda 101 0 800 500 200 0 1600 1500 0 4000 4000000000";
        assert_eq!(of(before, now, "sda").why("disk.queue_depth:sda"), Some(Why::Implausible));
    }

    #[test]
    fn disks_are_told_from_what_only_looks_like_them() {
        assert!(["sda", "vda", "nvme0n1", "dm-0", "xvdf", "md127", "fdisk"].iter().all(|name| is_disk(name)));
        assert!(["loop0", "ram15", "zram0", "sr0", "fd0"].iter().all(|name| !is_disk(name)));
    }

    proptest! {
        /// Whatever two readings say: no value below nothing, none past what can be.
        #[test]
        fn no_reading_gives_a_false_value(before: [u32; 11], now: [u32; 11], millis in 0_u64..20_000) {
            let line = |fields: [u32; 11]| {
                let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
                format!("8 0 sda {}", fields.join(" "))
            };
            let elapsed = Duration::from_millis(millis);
            let reading = between(&["sda".into()], Some(&parse(&line(before))), &parse(&line(now)), elapsed);
            prop_assert_eq!(reading.samples.len() + reading.missing.len(), MEASURES.len());
            for sample in &reading.samples {
                prop_assert!(sample.value >= 0.0 && sample.value.is_finite());
                prop_assert!(before[0] <= now[0] && before[4] <= now[4], "nothing is told of another device");
            }
            prop_assert!(reading.value("disk.busy_percent:sda").is_none_or(|percent| percent <= 100.0));
            prop_assert!(reading.value("disk.queue_depth:sda").is_none_or(|depth| depth <= MOST_REQUESTS));
        }
    }
}
