//! `infra agent collect`: measures this machine.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use infra::watch::ring::RingReader;
use jiff::Timestamp;

use super::program::Program;

const CONFIG: &str = "ring = 'ring.db'\n";

fn program(config: &str) -> anyhow::Result<Program> {
    let program = Program::new()?;
    std::fs::write(program.folder.path().join("collect.toml"), config)?;
    Ok(program)
}

#[test]
fn one_reading_is_printed_and_nothing_kept() -> anyhow::Result<()> {
    let program = program(CONFIG)?;
    let ended = program.run(&["agent", "collect", "--config", "collect.toml", "--once"])?;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let reading: serde_json::Value = serde_json::from_str(&ended.out)?;
    let samples = reading["samples"].as_array().context("it has samples")?;
    assert!(samples.iter().any(|sample| sample["series"] == "memory.percent"), "{}", ended.out);
    assert!(!program.folder.path().join("ring.db").exists());
    Ok(())
}

#[test]
fn what_the_configuration_must_not_say_is_told() -> anyhow::Result<()> {
    let program = program("ring = 'ring.db'\nmount = ['/']\n")?;
    let ended = program.run(&["agent", "collect", "--config", "collect.toml"])?;
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("collect.toml") && ended.err.contains("unknown field `mount`"), "{}", ended.err);
    Ok(())
}

#[test]
fn told_to_stop_it_ends_well_with_its_reading_kept() -> anyhow::Result<()> {
    let program = program(CONFIG)?;
    let mut collector = Command::new(env!("CARGO_BIN_EXE_infra"));
    collector.args(["agent", "collect", "--config", "collect.toml"]).current_dir(program.folder.path());
    let mut running = collector.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let ring = program.folder.path().join("ring.db");
    let begun = Instant::now();
    let reading = || -> anyhow::Result<usize> {
        let readout = RingReader::open(&ring)?.read("memory.percent", Timestamp::UNIX_EPOCH, Timestamp::MAX)?;
        Ok(readout.stretches.iter().map(|stretch| stretch.points.len()).sum())
    };
    while reading().unwrap_or(0) == 0 && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
    }
    Command::new("kill").args(["-TERM", &running.id().to_string()]).status()?;
    assert_eq!(running.wait()?.code(), Some(0));
    assert_eq!(reading()?, 1);
    Ok(())
}
