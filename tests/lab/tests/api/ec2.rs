//! EC2 without machines, asked through botocore: every operation, refusals, faults, many instances at once.

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::process::Command;

use crate::support::Lab;

/// Runs a scene of `ec2.py`; afterwards no answer may have broken the service model.
async fn scene(name: &str) -> anyhow::Result<Lab> {
    let lab = Lab::start().await?;
    lab.admin("PUT", "settings", json!({ "console_ms": 100, "terminated_ms": 1500 })).await?;
    let python = lab::paths::venv().join("bin/python");
    ensure!(python.exists(), "{} is missing: run tests/lab/setup", python.display());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/ec2.py");
    let output = Command::new(python)
        .args([script, &lab.url, name])
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .env("NO_PROXY", "*")
        .output()
        .await?;
    ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let violations = lab.admin("GET", "violations", json!({})).await?;
    ensure!(violations["response_count"] == 0, "{violations:#}");
    Ok(lab)
}

#[tokio::test]
async fn every_operation_is_answered_by_the_model() -> anyhow::Result<()> {
    let lab = scene("operations").await?;
    let calls = lab.admin("GET", "calls", json!({})).await?;
    let asked = calls["services"]["ec2"].as_object().context("no calls")?.len();
    // All that the account answers but the profiles of IAM, which are MiniStack's.
    ensure!(asked >= 49, "only {asked} operations were asked: {calls}");
    Ok(())
}

#[tokio::test]
async fn what_aws_refuses_is_refused_with_its_code() -> anyhow::Result<()> {
    scene("refusals").await.map(drop)
}

#[tokio::test]
async fn rules_spoil_ec2_in_its_own_protocol() -> anyhow::Result<()> {
    scene("faults").await.map(drop)
}

#[tokio::test]
async fn a_hundred_instances_come_and_go() -> anyhow::Result<()> {
    scene("hundred").await.map(drop)
}

/// A parameter that the model does not have is refused as AWS refuses it, and noted.
#[tokio::test]
async fn a_request_is_compared_with_the_model() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let signed =
        "AWS4-HMAC-SHA256 Credential=lab/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=00";
    let form = "Action=DescribeInstances&Version=2016-11-15&Colour=red";
    let answer = crate::support::client()?
        .post(&lab.url)
        .header("authorization", signed)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await?;
    ensure!(answer.status().as_u16() == 400);
    let text = answer.text().await?;
    ensure!(text.contains("<Response><Errors><Error><Code>UnknownParameter</Code>"), "{text}");
    let violations = lab.admin("GET", "violations", json!({})).await?;
    ensure!(violations["requests"][0]["path"] == "Colour", "{violations}");
    Ok(())
}
