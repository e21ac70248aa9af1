//! By hand, on a machine with sysstat and procps: what is measured here is what `iostat -x`, `vmstat`, `free` and `df` say, within
//! 5 %, while a disk is busy.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::host::Host;
use super::sample::Reading;

const SECONDS: u64 = 20;

fn output(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).env("LC_ALL", "C").output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Synced writes of 64 kB, with pauses, so that neither the disk nor the processor is all busy or all idle.
fn load(stop: &AtomicBool) {
    let folder = tempfile::tempdir_in(std::env::var_os("INFRA_AGREEMENT_DIR").unwrap_or_else(|| ".".into())).unwrap();
    let path = folder.path().join("load");
    let mut file =
        std::fs::OpenOptions::new().create(true).truncate(true).write(true).custom_flags(0o4010000).open(path).unwrap();
    let block = vec![7; 64 << 10];
    let mut count = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        file.write_all(&block).unwrap();
        count += 1;
        if count.is_multiple_of(200) {
            std::thread::sleep(Duration::from_millis(20));
        }
        if count.is_multiple_of(4000) {
            file.set_len(0).unwrap();
        }
    }
}

/// Ours, theirs, and how far apart rounding alone may bring them.
fn agree(what: &str, ours: Option<f64>, theirs: f64, rounding: f64) {
    let ours = ours.unwrap_or_else(|| panic!("{what} is missing"));
    println!("{what}: {ours:.3} here, {theirs:.3} there");
    assert!((ours - theirs).abs() <= theirs.abs() * 0.05 + rounding, "{what}: {ours} and {theirs}");
}

fn disks(reading: &Reading, iostat: &str) {
    let json: serde_json::Value = serde_json::from_str(iostat).unwrap();
    let disks = json["sysstat"]["hosts"][0]["statistics"][0]["disk"].as_array().unwrap();
    let mut compared = 0;
    for disk in disks {
        let name = disk["disk_device"].as_str().unwrap();
        let ours = |metric: &str| reading.value(&format!("disk.{metric}:{name}"));
        let theirs = |field: &str| disk[field].as_f64().unwrap();
        if ours("iops").is_none_or(|iops| iops < 10.0) {
            continue;
        }
        compared += 1;
        agree("aqu-sz", ours("queue_depth"), theirs("aqu-sz"), 0.01);
        agree("%util", ours("busy_percent"), theirs("util"), 0.1);
        agree("r/s + w/s", ours("iops"), theirs("r/s") + theirs("w/s"), 0.1);
        agree("wkB/s", ours("written_bytes_per_s"), theirs("wkB/s") * 1024.0, 1024.0);
        let requests = theirs("r/s") + theirs("w/s");
        let latency = (theirs("r_await") * theirs("r/s") + theirs("w_await") * theirs("w/s")) / requests;
        agree("await", ours("latency_ms"), latency, 0.02);
    }
    assert!(compared > 0, "a disk was busy");
}

fn processors(reading: &Reading, vmstat: &str) {
    let lines: Vec<Vec<&str>> = vmstat.lines().map(|line| line.split_whitespace().collect()).collect();
    let field = |name: &str| {
        let column = lines[1].iter().position(|head| *head == name).unwrap();
        lines.last().unwrap()[column].parse::<f64>().unwrap()
    };
    agree("us + sy", reading.value("cpu.percent"), field("us") + field("sy"), 1.0);
    agree("wa", reading.value("cpu.iowait_percent"), field("wa"), 1.0);
    agree("st", reading.value("cpu.steal_percent"), field("st"), 1.0);
}

#[test]
#[ignore = "needs sysstat and procps, and loads a disk for 20 s"]
fn agrees_with_iostat_vmstat_free_and_df() {
    let mut host = Host::new(None, Some(vec!["/".into()]));
    let stop = AtomicBool::new(false);
    let (reading, iostat, vmstat) = std::thread::scope(|scope| {
        scope.spawn(|| load(&stop));
        std::thread::sleep(Duration::from_secs(2));
        let tool = |line: String| {
            Command::new("sh").args(["-c", &line]).env("LC_ALL", "C").stdout(Stdio::piped()).spawn().unwrap()
        };
        let iostat = tool(format!("iostat -x -y -o JSON {SECONDS} 1"));
        let vmstat = tool(format!("vmstat {SECONDS} 2"));
        host.read();
        std::thread::sleep(Duration::from_secs(SECONDS));
        let reading = host.read();
        let text = |tool: std::process::Child| String::from_utf8(tool.wait_with_output().unwrap().stdout).unwrap();
        let told = (text(iostat), text(vmstat));
        stop.store(true, Ordering::Relaxed);
        (reading, told.0, told.1)
    });
    disks(&reading, &iostat);
    processors(&reading, &vmstat);
    let free = output("free -b | awk '/^Mem:/ { print 100 * $3 / $2 }'");
    agree("free", reading.value("memory.percent"), free.trim().parse().unwrap(), 0.5);
    let df = output("df -P / | awk 'NR == 2 { print $5 + 0 }'");
    agree("df", reading.value("disk.used_percent:/"), df.trim().parse().unwrap(), 1.0);
    let inodes = output("df -Pi / | awk 'NR == 2 { print $5 + 0 }'");
    agree("df -i", reading.value("disk.inodes_percent:/"), inodes.trim().parse().unwrap(), 1.0);
}
