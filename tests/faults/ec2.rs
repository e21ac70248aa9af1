//! EC2's calls: how many a run takes, what passes is outlasted, what is changed by hand is set right.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::stage::{EC2, Stage, edited_ec2};

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

#[tokio::test(flavor = "multi_thread")]
async fn what_aws_plans_for_a_host_is_in_status() -> anyhow::Result<()> {
    let stage = Stage::ec2(EC2).await?;
    stage.up().await?;
    let quiet = stage.infra(&["status", "plan.toml"]).await?;
    ensure!(!quiet.out.contains("AWS PLANS"), "{}", quiet.out);
    let first = instance(&stage).await?;
    let event = json!({ "instance": first, "code": "instance-retirement", "in_seconds": 86400 });
    stage.admin("PUT", "ec2/event", event).await?;
    let told = stage.infra(&["status", "plan.toml"]).await?;
    ensure!(told.out.contains("AWS PLANS retirement by 20"), "{}", told.out);

    let spot = as_spot(&stage, &first).await?;
    stage.admin("POST", "ec2/interrupt", json!({ "instance": spot, "in_seconds": 120 })).await?;
    let told = stage.infra(&["status", "plan.toml"]).await?;
    ensure!(told.out.contains("AWS PLANS Spot takes it back"), "{}", told.out);
    Ok(())
}

async fn instance(stage: &Stage) -> anyhow::Result<String> {
    let running = "Name=instance-state-name,Values=pending,running";
    let id = "Reservations[].Instances[].InstanceId";
    stage.aws(&["ec2", "describe-instances", "--filters", running, "--query", id]).await
}

/// Somebody puts an instance of Spot in the place of the plan's.
async fn as_spot(stage: &Stage, first: &str) -> anyhow::Result<String> {
    let image = "Reservations[].Instances[].ImageId";
    let image = stage.aws(&["ec2", "describe-instances", "--instance-ids", first, "--query", image]).await?;
    stage.aws(&["ec2", "modify-instance-attribute", "--instance-id", first, "--no-disable-api-termination"]).await?;
    stage.aws(&["ec2", "terminate-instances", "--instance-ids", first]).await?;
    let tags = "ResourceType=instance,Tags=[{Key=Name,Value=demo-web},{Key=infra:plan,Value=demo},{Key=infra:node,Value=hosts.web}]";
    let market = ["--instance-market-options", "MarketType=spot", "--tag-specifications", tags];
    let run = ["ec2", "run-instances", "--image-id", &image, "--instance-type", "t3.small"];
    stage.aws(&[&run[..], &market[..]].concat()).await?;
    instance(stage).await
}

/// A host does not go from one cloud to the other by a word in the plan: a new one would stand there without its data.
#[tokio::test(flavor = "multi_thread")]
async fn another_provider_for_a_host_is_refused() -> anyhow::Result<()> {
    let lightsail = edited_ec2(&[("\"ec2\"", "\"lightsail\""), ("t3.small", "nano_3_0")]);
    for (first, then, is) in [(lightsail.as_str(), EC2, "a Lightsail instance"), (EC2, &lightsail, "an EC2 instance")] {
        let stage = Stage::ec2(first).await?;
        stage.up().await?;
        let before = stage.inventory().await?;
        stage.plan(then)?;
        let ended = stage.infra(&["up", "plan.toml", "--yes"]).await?.must(1)?;
        ensure!(ended.err.contains(is) && ended.err.contains("infra migrate --to HOST"), "{}", ended.err);
        ensure!(stage.inventory().await? == before);
        stage.infra(&["down", "plan.toml", "--yes"]).await?.must(0)?;
    }
    Ok(())
}
