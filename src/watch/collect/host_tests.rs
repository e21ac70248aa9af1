//! A machine made of files: what is read, and what happens when files or devices go.

use std::fs;
use std::path::Path;

use super::host::Host;
use super::sample::Why;

const SDA: &str = "8 0 sda 100 0 800 500 200 0 1600 1500 0 4000 90000";

fn machine(folder: &Path, diskstats: &str) {
    let proc = folder.join("proc");
    fs::create_dir_all(proc.join("pressure")).unwrap();
    fs::create_dir_all(folder.join("sys/block/sda")).unwrap();
    for (name, text) in [
        ("diskstats", diskstats),
        ("stat", include_str!("recorded/stat.now")),
        ("meminfo", include_str!("recorded/meminfo")),
        ("vmstat", include_str!("recorded/vmstat")),
        ("pressure/io", include_str!("recorded/pressure.now")),
    ] {
        fs::write(proc.join(name), text).unwrap();
    }
}

fn host(folder: &Path) -> Host {
    Host::at(folder.join("proc"), folder.join("sys"), None, Some(vec![folder.display().to_string()]))
}

#[test]
fn partitions_and_loops_are_no_disks_and_a_second_reading_gives_rates() {
    let folder = tempfile::tempdir().unwrap();
    machine(folder.path(), &format!("{SDA}\n8 1 sda1 1 2 3 4 5 6 7 8 9 10 11\n7 0 loop0 1 2 3 4 5 6 7 8 9 10 11\n"));
    let mut host = host(folder.path());
    let first = host.read();
    assert_eq!(first.why("disk.queue_depth:sda"), Some(Why::First));
    assert!(first.value("memory.percent").is_some(), "what needs no earlier reading is there at once");
    std::thread::sleep(std::time::Duration::from_millis(120));
    let second = host.read();
    assert_eq!(second.value("disk.queue_depth:sda"), Some(0.0));
    assert!(second.samples.iter().all(|sample| !sample.series.to_string().ends_with("sda1")));
    assert_eq!(second.why("pressure.cpu_some_percent"), Some(Why::NotCounted), "this kernel has no such file");
}

#[test]
fn a_device_that_goes_is_said_to_be_gone_once() {
    let folder = tempfile::tempdir().unwrap();
    machine(folder.path(), SDA);
    let mut host = host(folder.path());
    host.read();
    machine(folder.path(), "");
    assert_eq!(host.read().why("disk.queue_depth:sda"), Some(Why::Gone));
    assert_eq!(host.read().why("disk.queue_depth:sda"), None);
}

#[test]
fn without_any_file_everything_is_missing_and_nothing_is_false() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone").display().to_string();
    let mut host = Host::at(
        folder.path().join("proc"),
        folder.path().join("sys"),
        Some(vec!["sda".into()]),
        Some(vec![gone.clone()]),
    );
    let reading = host.read();
    assert!(reading.samples.is_empty(), "{:?}", reading.samples);
    assert_eq!(reading.why(&format!("disk.used_percent:{gone}")), Some(Why::Gone));
    assert_eq!(reading.why("memory.percent"), Some(Why::NotCounted));
}
