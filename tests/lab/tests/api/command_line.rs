//! The `aws` command, unmodified, against the gateway.

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::support::Lab;

struct Output {
    stdout: String,
    stderr: String,
    success: bool,
}

/// Runs `aws lightsail …` from the lab's Python environment.
async fn aws(lab: &Lab, arguments: &str) -> anyhow::Result<Output> {
    let program = lab::paths::venv().join("bin/aws");
    ensure!(program.exists(), "{} is missing: run tests/lab/setup", program.display());
    let output = Command::new(program)
        .arg("lightsail")
        .args(arguments.split_whitespace())
        .env("AWS_ENDPOINT_URL", &lab.url)
        .env("AWS_ACCESS_KEY_ID", "lab")
        .env("AWS_SECRET_ACCESS_KEY", "lab")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_PAGER", "")
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .output()
        .await?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Output { stdout: text(output.stdout), stderr: text(output.stderr), success: output.status.success() })
}

async fn succeeds(lab: &Lab, arguments: &str) -> anyhow::Result<Value> {
    let output = aws(lab, arguments).await?;
    ensure!(output.success, "{arguments}: {}", output.stderr);
    serde_json::from_str(&output.stdout).with_context(|| output.stdout.clone())
}

async fn fails(lab: &Lab, arguments: &str, expected: &str) -> anyhow::Result<()> {
    let output = aws(lab, arguments).await?;
    ensure!(!output.success && output.stderr.contains(expected), "{arguments}: {}{}", output.stdout, output.stderr);
    Ok(())
}

#[tokio::test]
async fn instances_and_disks_from_the_command_line() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let order =
        "create-instances --instance-names web --availability-zone us-east-1a --blueprint-id ubuntu_24_04 --bundle-id";
    fails(&lab, &format!("{order} huge_1_0"), "(InvalidInputException) when calling the CreateInstances operation")
        .await?;
    succeeds(&lab, &format!("{order} nano_3_0")).await?;
    fails(&lab, &format!("{order} nano_3_0"), "Some names are already in use: web").await?;
    succeeds(&lab, "create-disk --disk-name data --availability-zone us-east-1a --size-in-gb 8").await?;
    succeeds(&lab, "create-disk --disk-name far --availability-zone us-east-1b --size-in-gb 8").await?;
    succeeds(&lab, "attach-disk --disk-name data --instance-name web --disk-path /dev/xvdf").await?;
    let wrong_zone = "attach-disk --disk-name far --instance-name web --disk-path /dev/xvdg";
    fails(&lab, wrong_zone, "(InvalidInputException) when calling the AttachDisk operation").await?;
    fails(&lab, "detach-disk --disk-name data", "(OperationFailureException) when calling the DetachDisk operation")
        .await?;
    fails(&lab, "delete-disk --disk-name data", "(OperationFailureException) when calling the DeleteDisk operation")
        .await?;
    fails(&lab, "get-instance --instance-name none", "(NotFoundException)").await?;
    let instances = succeeds(&lab, "get-instances").await?;
    ensure!(instances["instances"][0]["hardware"]["disks"][1]["name"] == "data", "{instances}");
    ensure!(instances["instances"][0]["createdAt"].as_f64().is_some_and(|time| time > 1.7e9), "{instances}");
    Ok(())
}
