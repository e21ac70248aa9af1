//! Disks, as far as the account goes: the lab has no machine here, so that every run ends at waiting for SSH. What the
//! cloud was asked for until then must be the same, however often it was interrupted.

use anyhow::{Context, ensure};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};

use crate::stage::{Stage, edited};

/// SSH is waited for as long as this; everything before must be quicker.
const UP: &[&str] = &["up", "plan.toml", "--yes", "--step-timeout", "6s"];

fn plan(size_gb: u32) -> String {
    let disk = format!("[hosts.web.disks.data]\nsize_gb = {size_gb}\nmount = \"/srv/data\"\n\n[alerts]");
    edited(&[("[alerts]", &disk)])
}

/// Runs until only the host itself is missing.
async fn up(stage: &Stage) -> anyhow::Result<()> {
    let run = stage.infra(UP).await?.must(1)?;
    ensure!(run.err.contains("error: hosts.web/wait"), "{}", run.err);
    // The next run need not find out again that nobody answers.
    std::fs::remove_dir_all(stage.folder.path().join(".infra/demo/known_hosts"))?;
    Ok(())
}

async fn grown(interrupted: Option<(&str, &str)>) -> anyhow::Result<Value> {
    let stage = Stage::with(&plan(16)).await?;
    up(&stage).await?;
    stage.plan(&plan(32))?;
    if let Some((operation, action)) = interrupted {
        stage.killed_at(json!({ "operation": operation, "action": action, "times": 1 }), UP).await?;
    }
    up(&stage).await?;
    stage.settled().await?;
    stage.inventory().await
}

/// The disk is on its way to its instance when the next run looks: neither attached nor free.
#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_under_way_is_waited_for() -> anyhow::Result<()> {
    let stage = Stage::with(&plan(16)).await?;
    stage.admin("PUT", "settings", json!({ "operation_ms": 1500 })).await?;
    stage.rule(json!({ "operation": "AttachDisk", "action": "hold_after", "times": 1 })).await?;
    let mut child = stage.spawn(UP)?;
    stage.held(true).await?;
    child.kill().await?;
    up(&stage).await?;
    let disk = &stage.inventory().await?["us-east-1"]["disks"]["demo-web-data"];
    ensure!(disk["attached_to"] == "demo-web", "{disk:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_is_made_once_whatever_happens() -> anyhow::Result<()> {
    let made = async |interrupted: Option<(&str, &str)>| -> anyhow::Result<Value> {
        let stage = Stage::with(&plan(16)).await?;
        if let Some((operation, action)) = interrupted {
            stage.killed_at(json!({ "operation": operation, "action": action, "times": 1 }), UP).await?;
        }
        up(&stage).await?;
        stage.inventory().await
    };
    let expected = made(None).await?;
    let disks = &expected["us-east-1"]["disks"];
    ensure!(disks["demo-web-data"]["path"] == "/dev/xvdf" && disks.as_object().is_some_and(|all| all.len() == 1));
    for operation in ["CreateDisk", "AttachDisk"] {
        for action in ["hold_before", "hold_after"] {
            ensure!(made(Some((operation, action))).await? == expected, "{operation} {action}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_growth_goes_on_wherever_it_was_killed() -> anyhow::Result<()> {
    let expected = grown(None).await?;
    let disks = &expected["us-east-1"]["disks"];
    ensure!(disks["demo-web-data"]["attached_to"].is_null() && disks["demo-web-data"]["size_gb"] == 16, "{disks:#}");
    ensure!(disks["demo-web-data-2"]["attached_to"] == "demo-web" && disks["demo-web-data-2"]["size_gb"] == 32);
    ensure!(expected["us-east-1"]["instances"]["demo-web"]["state"] == "running", "{expected:#}");
    let steps =
        ["StopInstance", "DetachDisk", "CreateDiskSnapshot", "CreateDiskFromSnapshot", "AttachDisk", "StartInstance"];
    let cases = steps.iter().flat_map(|step| [(*step, "hold_before"), (*step, "hold_after")]);
    let expected = &expected;
    stream::iter(cases.collect::<Vec<_>>())
        .map(|(step, action)| async move {
            let found = grown(Some((step, action))).await.with_context(|| format!("{step} {action}"))?;
            ensure!(&found == expected, "{step} {action}: expected {expected:#}\nfound {found:#}");
            anyhow::Ok(())
        })
        .buffer_unordered(4)
        .try_collect()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_outlives_its_host_and_is_taken_up_again() -> anyhow::Result<()> {
    let stage = Stage::with(&plan(16)).await?;
    up(&stage).await?;
    let first = stage.inventory().await?;
    // Nobody can look at the host, so its root disk may hold anything: `--yes` does not lose that.
    let asked = stage.infra(&["down", "plan.toml", "--yes"]).await?.must(5)?;
    ensure!(asked.err.contains("--lose demo-web") && stage.inventory().await? == first, "{}", asked.err);
    let down = stage.infra(&["down", "plan.toml", "--yes", "--lose", "demo-web"]).await?.must(0)?;
    ensure!(down.out.contains("stays\n    disk demo-web-data (16 GB)"), "{}", down.out);
    let left = stage.inventory().await?["us-east-1"].take();
    let kinds: Vec<_> = left.as_object().into_iter().flatten().map(|(kind, _)| kind).collect();
    ensure!(kinds == ["disks"], "{left:#}");
    up(&stage).await?;
    ensure!(stage.inventory().await? == first);
    stage.infra(&["down", "plan.toml", "--include-data", "--confirm", "demo"]).await?.must(0)?;
    ensure!(stage.inventory().await? == json!({}));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_disks_cannot_do_is_refused_with_a_remedy() -> anyhow::Result<()> {
    let stage = Stage::with(&plan(16)).await?;
    up(&stage).await?;
    let before = stage.inventory().await?;
    let zone = plan(16).replacen("static_ip", "zone = \"us-east-1b\"\nstatic_ip", 1);
    for (plan, parts) in [
        (plan(8), ["a disk cannot shrink", "hint: hosts.web.disks.data: set size_gb = 16"]),
        (zone, ["is in zone us-east-1a, its host would be in us-east-1b", "set hosts.web.zone = \"us-east-1a\""]),
    ] {
        stage.plan(&plan)?;
        let refused = stage.infra(UP).await?.must(1)?;
        for part in parts {
            ensure!(refused.err.contains(part), "no {part} in {}", refused.err);
        }
    }
    ensure!(stage.inventory().await? == before);
    Ok(())
}
