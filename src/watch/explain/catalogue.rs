//! The table. AWS's names are those of its documentation; an `alarm` stands only where infra sets one.

use super::Place::{Aurora, Bundle, EbsVolume, Ec2Host, LightsailDatabase, LightsailHost, Rds, SshHost};
use super::{Entry, Place, Source};

/// Lightsail's own alarms count periods of five minutes.
const LIGHTSAIL: Option<&str> = Some("Lightsail's own, one for each limit, in periods of 5 minutes");
const RDS: Option<&str> = Some("CloudWatch, one for each limit, for a database that infra made");
const DISKSTATS: &str =
    "the host itself: /proc/diskstats, time-weighted requests over elapsed time, as iostat's aqu-sz";
const STATVFS: &str = "the host itself: the file system, as df shows it";
const MEMINFO: &str = "the host itself: /proc/meminfo, what is not available of all";
const ENDPOINT: &str = "the service's own metrics, where the bundle has an endpoint for them";

const fn from(of: Place, by: &'static str, alarm: Option<&'static str>) -> Source {
    Source { of, by, alarm }
}

pub(super) const CATALOGUE: &[Entry] = &[
    Entry {
        name: "disk.queue_depth",
        unit: "requests",
        below: false,
        what: "How many requests wait at the disk on average, those in work among them. Where much is written, the disk \
               fills first, and the rest of the host waits for it: up to 5 is easy, over 10 for long is not, and from 20 \
               on the disk has no more to give.",
        measured: &[
            from(LightsailHost, DISKSTATS, None),
            from(Ec2Host, DISKSTATS, None),
            from(SshHost, DISKSTATS, None),
            from(EbsVolume, "CloudWatch AWS/EBS VolumeQueueLength, by volume", None),
            from(Rds, "CloudWatch AWS/RDS DiskQueueDepth", RDS),
            from(Aurora, "CloudWatch AWS/RDS DiskQueueDepth", RDS),
            from(LightsailDatabase, "Lightsail DiskQueueDepth", None),
        ],
        warning: "Look for what writes so much: an index that nobody needs, a job that could wait, batches of one row. \
                  Give the database a disk of its own if it has none, and on EC2 a gp3 volume more IOPS.",
        migrate: "The disk is the limit. Move the database while there is still room for a copy: `infra migrate --to \
                  rds`, or `--to ec2` with a gp3 volume of more IOPS.",
        caution: Some("No cloud measures this for a Lightsail disk or a server of your own: only the host can."),
        also: &["DiskQueueDepth", "VolumeQueueLength", "aqu-sz", "avgqu-sz", "queue_depth"],
    },
    Entry {
        name: "disk.used_percent",
        unit: "percent",
        below: false,
        what: "How much of a disk is used. PostgreSQL stops when its disk is full.",
        measured: &[
            from(LightsailHost, STATVFS, None),
            from(Ec2Host, STATVFS, None),
            from(SshHost, STATVFS, None),
            from(Rds, "CloudWatch AWS/RDS FreeStorageSpace, in bytes", RDS),
            from(Aurora, "nowhere: its storage grows by itself", None),
            from(LightsailDatabase, "Lightsail FreeStorageSpace, in bytes", None),
        ],
        warning: "Remove what nobody needs: old images, logs, dumps, partitions past their retention. Or make `size_gb` \
                  larger in the plan and run `infra up`.",
        migrate: "A larger disk is quicker than a migration: raise `size_gb` and run `infra up`. Migrate if the data \
                  will outgrow any disk, and before it is full: while rows are copied, log stays on this disk.",
        caution: Some(
            "Percent of a large disk hide how much is left: 10 % of 1,000 GB last longer than 20 % of 40 GB.",
        ),
        also: &["FreeStorageSpace", "df", "used_percent"],
    },
    Entry {
        name: "disk.burst_percent",
        unit: "percent",
        below: true,
        what: "What a volume still has of the allowance by which it works faster than its baseline. At 0 it is as slow \
               as its size.",
        measured: &[
            from(EbsVolume, "CloudWatch AWS/EBS BurstBalance, of gp2, st1 and sc1 only", None),
            from(
                Ec2Host,
                "CloudWatch AWS/EC2 EBSIOBalance% and EBSByteBalance%: the instance's own way to its disks",
                None,
            ),
            from(Rds, "CloudWatch AWS/RDS BurstBalance (gp2), EBSIOBalance% and EBSByteBalance%", None),
        ],
        warning: "Change the volume to gp3, which has no allowance to use up: `type = \"gp3\"` in the plan.",
        migrate: "As in warning: gp3 is to be had sooner than a migration.",
        caution: Some(
            "gp3 has no BurstBalance, and Lightsail's disks have none: an alarm on it never gets data. gp3 has \
             VolumeIOPSExceededCheck and VolumeThroughputExceededCheck instead; disk.queue_depth tells of any disk.",
        ),
        also: &["BurstBalance", "EBSIOBalance%", "EBSByteBalance%"],
    },
    Entry {
        name: "cpu.burst_percent",
        unit: "percent",
        below: true,
        what: "What a size that bursts has saved up of its processors. Over 0 the host may use them whole; at 0 it is \
               held at its baseline, on Lightsail 5 to 40 % of them, and everything is slow at once.",
        measured: &[
            from(LightsailHost, "Lightsail BurstCapacityPercentage", LIGHTSAIL),
            from(
                Ec2Host,
                "CloudWatch AWS/EC2 CPUCreditBalance (T sizes); with unlimited credits CPUSurplusCreditsCharged",
                None,
            ),
            from(Rds, "CloudWatch AWS/RDS CPUCreditBalance, of T classes", RDS),
        ],
        warning: "See what uses the processor. If it is the daily load and not a job that ends, take the next size.",
        migrate: "With a full disk queue this is the point at which the host is too small: `infra migrate --to rds`. \
                  Without one, a larger size helps: `size` in the plan, then `infra up`.",
        caution: Some(
            "Stopping an instance loses all that it has saved. A size without bursts (m7g, c7g) has no such metric, and \
             with unlimited credits a T size is not slowed down: it costs more.",
        ),
        also: &["BurstCapacityPercentage", "BurstCapacityTime", "CPUCreditBalance", "CPUSurplusCreditsCharged"],
    },
    Entry {
        name: "cpu.percent",
        unit: "percent",
        below: false,
        what: "How much of all processors is used.",
        measured: &[
            from(LightsailHost, "Lightsail CPUUtilization", LIGHTSAIL),
            from(Ec2Host, "CloudWatch AWS/EC2 CPUUtilization", None),
            from(SshHost, "the host itself: /proc/stat", None),
            from(Rds, "CloudWatch AWS/RDS CPUUtilization", RDS),
            from(Aurora, "CloudWatch AWS/RDS CPUUtilization", RDS),
            from(LightsailDatabase, "Lightsail CPUUtilization", None),
        ],
        warning: "Find the service or query that uses it. On a size that bursts, look at cpu.burst_percent first: the \
                  same load may be fine, or already held back.",
        migrate: "Take the next size, or take the database off the host: `infra migrate --to rds`.",
        caution: Some(
            "Time in which another guest had the processor (steal) is no use of yours, and slows the host all the same.",
        ),
        also: &["CPUUtilization"],
    },
    Entry {
        name: "memory.percent",
        unit: "percent",
        below: false,
        what: "How much of the memory is neither free nor given back on demand. What the system keeps of files does not \
               count.",
        measured: &[
            from(LightsailHost, MEMINFO, None),
            from(Ec2Host, MEMINFO, None),
            from(SshHost, MEMINFO, None),
            from(Rds, "CloudWatch AWS/RDS FreeableMemory, in bytes", RDS),
            from(Aurora, "CloudWatch AWS/RDS FreeableMemory, in bytes", RDS),
        ],
        warning: "See which service grew: `infra status` shows each. Set limits in the compose file before the system \
                  ends some process of its own choice.",
        migrate: "Take a size with more memory, or take the database, which is mostly the largest, off the host: `infra \
                  migrate --to rds`.",
        caution: Some("No cloud sees into a host's memory: neither Lightsail nor EC2 has such a metric by itself."),
        also: &["FreeableMemory", "MemAvailable", "mem_used_percent"],
    },
    Entry {
        name: "api.p95_ms",
        unit: "milliseconds",
        below: false,
        what: "Nineteen of twenty requests were answered in this time or less.",
        measured: &[from(Bundle, ENDPOINT, None)],
        warning: "Compare it with disk.queue_depth and cpu.burst_percent: if one of them is bad too, it is the cause. If \
                  not, look at the slowest queries.",
        migrate: "If disk or processor are at their limits, migrate the database. If not, a larger host will not help.",
        caution: None,
        also: &["p95", "TargetResponseTime"],
    },
    Entry {
        name: "api.p99_ms",
        unit: "milliseconds",
        below: false,
        what: "Ninety-nine of a hundred requests were answered in this time or less.",
        measured: &[from(Bundle, ENDPOINT, None)],
        warning: "As for api.p95_ms. It moves first, and with few requests a single slow one moves it.",
        migrate: "As for api.p95_ms.",
        caution: None,
        also: &["p99"],
    },
    Entry {
        name: "api.error_percent",
        unit: "percent",
        below: false,
        what: "How many of all requests were answered with an error of the service's own (5xx).",
        measured: &[from(Bundle, ENDPOINT, None)],
        warning: "Read `infra logs`. After a deploy, go back first and look then: `infra rollback`.",
        migrate: "Errors are seldom a matter of size. Migrate only if the log names the disk, memory or connections.",
        caution: None,
        also: &["5xx", "error_rate"],
    },
    Entry {
        name: "agents.count",
        unit: "agents",
        below: false,
        what: "How many senders there were lately. Sizes are chosen by it: each is expected to carry so many.",
        measured: &[from(Bundle, ENDPOINT, None)],
        warning: "Plan the next size now, while there is time.",
        migrate: "The host was chosen for fewer: `infra migrate --to rds`, or the next size.",
        caution: None,
        also: &["agents"],
    },
    Entry {
        name: "plugs.count",
        unit: "instances",
        below: false,
        what: "How many plug instances run on one server. Each takes 256 to 512 MB.",
        measured: &[from(SshHost, "the host itself: containers that run", None)],
        warning: "End those that nobody uses.",
        migrate: "Send new ones to a second server.",
        caution: None,
        also: &["plugs"],
    },
    Entry {
        name: "rows.per_second",
        unit: "rows per second",
        below: false,
        what: "How many rows the bundle takes in.",
        measured: &[from(Bundle, ENDPOINT, None)],
        warning: "See whether the disk keeps up: disk.queue_depth.",
        migrate: "If the queue grows with the rows, the disk is the limit: `infra migrate --to rds`.",
        caution: None,
        also: &["rows/s"],
    },
];
