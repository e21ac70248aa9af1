//! EC2's calls: how many a run takes, what passes is outlasted, what is changed by hand is set right.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::stage::{EC2, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_up_of_ec2_changes_nothing_and_down_leaves_nothing() -> anyhow::Result<()> {
    let stage = Stage::ec2(EC2).await?;
    let before = stage.inventory().await?;
    stage.up().await?;
    let made = stage.inventory().await?;
    stage.calls().await?;
    let again = stage.up().await?;
    ensure!(again.out.contains("nothing to do"), "{}{}", again.out, again.err);
    let calls = stage.calls().await?;
    ensure!(calls["mutating"] == 0, "{calls}");
    ensure!(stage.inventory().await? == made);
    stage.infra(&["down", "plan.toml", "--yes"]).await?.must(0)?;
    ensure!(stage.inventory().await? == before, "{before:#} {:#}", stage.inventory().await?);
    let violations = stage.admin("GET", "violations", Value::Null).await?;
    for side in ["requests", "responses"] {
        ensure!(violations[side].as_array().is_none_or(Vec::is_empty), "{violations}");
    }
    ensure!(violations["denied"] == json!([]), "docs/permissions.md lacks rights: {violations}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_outlasted() -> anyhow::Result<()> {
    let undisturbed = Stage::ec2(EC2).await?;
    undisturbed.up().await?;
    let expected = undisturbed.inventory().await?;
    for action in ["throttle", "error500", "drop_before", "drop_after"] {
        let stage = Stage::ec2(EC2).await?;
        stage.rule(json!({ "action": action, "probability": 0.3, "seed": 7 })).await?;
        stage.up().await?;
        stage.no_rules().await?;
        ensure!(stage.inventory().await? == expected, "{action}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_denied_is_named_with_the_page_of_rights() -> anyhow::Result<()> {
    let stage = Stage::ec2(EC2).await?;
    let denied = json!({ "operation": "RunInstances", "action": "refuse", "error_code": "UnauthorizedOperation" });
    stage.rule(denied).await?;
    let ended = stage.infra(&["up", "plan.toml", "--yes"]).await?.must(1)?;
    ensure!(ended.err.contains("RunInstances") && ended.err.contains("docs/permissions.md"), "{}", ended.err);
    Ok(())
}
