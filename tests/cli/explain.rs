//! `infra explain`: without a plan, a cloud or a host.

use anyhow::ensure;

use crate::program::Program;

#[test]
fn a_metric_is_explained_to_people() -> anyhow::Result<()> {
    let said = Program::new()?.run(&["explain", "cpu.burst_percent"])?.must(0)?.out;
    for part in ["Lightsail host      Lightsail BurstCapacityPercentage", "CPUCreditBalance", "In the migrate zone:\n"]
    {
        ensure!(said.contains(part), "no {part}: {said}");
    }
    Ok(())
}

#[test]
fn a_metric_is_explained_to_programs() -> anyhow::Result<()> {
    let entry = Program::new()?.run(&["explain", "VolumeQueueLength", "--json"])?.must(0)?.json()?;
    ensure!(entry["name"] == "disk.queue_depth" && entry["below"] == false, "{entry}");
    ensure!(entry["measured"][0]["of"] == "lightsail_host" && entry["measured"][0]["alarm"].is_null(), "{entry}");
    Ok(())
}

#[test]
fn without_a_name_there_is_a_list() -> anyhow::Result<()> {
    let program = Program::new()?;
    let said = program.run(&["explain"])?.must(0)?.out;
    ensure!(said.contains("disk.queue_depth  ") && said.contains("memory.percent  "), "{said}");
    let all = program.run(&["explain", "--json"])?.must(0)?.json()?;
    ensure!(all.as_array().is_some_and(|all| all.len() >= 5), "{all}");
    Ok(())
}

/// The mistake that AWS lets one make: an alarm that never gets data.
#[test]
fn burst_balance_is_said_to_be_none_of_gp3() -> anyhow::Result<()> {
    let said = Program::new()?.run(&["explain", "BurstBalance"])?.must(0)?.out;
    ensure!(said.contains("gp3 has no BurstBalance"), "{said}");
    Ok(())
}

#[test]
fn an_unknown_name_is_told_with_the_nearest_and_all() -> anyhow::Result<()> {
    let program = Program::new()?;
    let told = program.run(&["explain", "disk.queue"])?.must(2)?.err;
    let meant = "error: there is no metric `disk.queue`\nhint: did you mean `disk.queue_depth`?\nhint: there are disk.queue_depth, ";
    ensure!(told.starts_with(meant), "{told}");
    let error = program.run(&["explain", "weather", "--json"])?.must(2)?.json()?;
    ensure!(error["hints"].as_array().is_some_and(|hints| hints.len() == 1), "{error}");
    Ok(())
}
