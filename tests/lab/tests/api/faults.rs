//! Rules: what they do to a request and to what it changes.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::support::{self, Lab};

fn allocate(name: &str) -> Value {
    json!({ "staticIpName": name })
}

async fn addresses(lab: &Lab) -> anyhow::Result<usize> {
    let list = lab.call("GetStaticIps", json!({})).await?["staticIps"].take();
    Ok(list.as_array().context("no list")?.len())
}

#[tokio::test]
async fn throttling_and_internal_errors_have_no_effect() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.rule(json!({ "operation": "AllocateStaticIp", "action": "throttle", "times": 1 })).await?;
    lab.refused("ThrottlingException", "AllocateStaticIp", allocate("ip")).await?;
    lab.rule(json!({ "operation": "AllocateStaticIp", "action": "error500", "nth": 1 })).await?;
    ensure!(lab.send("AllocateStaticIp", allocate("ip")).await?.status == 500);
    lab.rule(json!({ "operation": "AllocateStaticIp", "action": "refuse", "error_code": "AccountSetupInProgressException", "nth": 1 })).await?;
    lab.refused("AccountSetupInProgressException", "AllocateStaticIp", allocate("ip")).await?;
    ensure!(addresses(&lab).await? == 0);
    lab.change("AllocateStaticIp", allocate("ip")).await?;
    let calls = lab.admin("GET", "calls", json!({})).await?;
    let counted = &calls["services"]["lightsail"]["AllocateStaticIp"];
    ensure!(*counted == json!({ "calls": 4, "mutating": true, "errors": { "400": 2, "500": 1 } }), "{counted}");
    Ok(())
}

#[tokio::test]
async fn dropped_connections_before_and_after_the_effect() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    for (action, name, expected) in [("drop_before", "ip1", 0), ("drop_after", "ip2", 1)] {
        lab.rule(json!({ "operation": "AllocateStaticIp", "action": action, "times": 1 })).await?;
        ensure!(lab.send("AllocateStaticIp", allocate(name)).await.is_err(), "{action} was answered");
        ensure!(addresses(&lab).await? == expected, "{action}");
    }
    Ok(())
}

/// The one request that is held.
async fn held(lab: &Lab) -> anyhow::Result<Value> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        let mut holds = lab.admin("GET", "holds", json!({})).await?;
        if holds.as_array().is_some_and(|holds| !holds.is_empty()) {
            return Ok(holds[0].take());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("nothing is held")
}

#[tokio::test]
async fn a_held_request_whose_client_dies() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    for (action, after_effect, expected) in [("hold_before", false, 0), ("hold_after", true, 1)] {
        lab.rule(json!({ "operation": "AllocateStaticIp", "action": action, "times": 1 })).await?;
        let (client, url) = (support::client()?, lab.url.clone());
        let waiting =
            tokio::spawn(async move { support::send(&client, &url, "AllocateStaticIp", &allocate("ip")).await });
        ensure!(held(&lab).await?["after_effect"] == after_effect);
        waiting.abort();
        let begun = Instant::now();
        while lab.admin("GET", "holds", json!({})).await? != json!([]) {
            ensure!(begun.elapsed() < Duration::from_secs(10), "{action}: held without a client");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        ensure!(addresses(&lab).await? == expected, "{action}");
    }
    Ok(())
}

#[tokio::test]
async fn a_held_request_goes_on_when_it_is_released() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.rule(json!({ "operation": "AllocateStaticIp", "action": "hold_before", "times": 1 })).await?;
    let (client, url) = (support::client()?, lab.url.clone());
    let waiting = tokio::spawn(async move { support::send(&client, &url, "AllocateStaticIp", &allocate("ip")).await });
    let id = held(&lab).await?["id"].as_u64().context("no id")?;
    lab.admin("POST", &format!("holds/{id}/release"), json!({})).await?;
    ensure!(waiting.await??.status == 200);
    Ok(())
}

#[tokio::test]
async fn an_operation_that_fails_changes_nothing() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.instance("web").await?;
    let rule = json!({ "operation": "DeleteInstance", "action": "fail_operation", "error_code": "Oops", "error_details": "no", "times": 1 });
    lab.rule(rule).await?;
    let operation = lab.call("DeleteInstance", json!({ "instanceName": "web" })).await?["operations"][0].take();
    ensure!(operation["status"] == "Started", "{operation}");
    let ended = lab.ended(operation["id"].as_str().unwrap_or_default()).await?;
    ensure!(ended["status"] == "Failed" && ended["errorCode"] == "Oops" && ended["errorDetails"] == "no", "{ended}");
    let state = lab.call("GetInstanceState", json!({ "instanceName": "web" })).await?;
    ensure!(state["state"]["name"] == "running", "{state}");
    lab.change("DeleteInstance", json!({ "instanceName": "web" })).await.map(drop)
}

#[tokio::test]
async fn an_operation_that_never_ends_until_it_is_resumed() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.rule(json!({ "operation": "CreateDisk", "action": "never_ends", "times": 1 })).await?;
    let body = json!({ "diskName": "data", "availabilityZone": "us-east-1a", "sizeInGb": 8 });
    let operation = lab.call("CreateDisk", body).await?["operations"][0].take();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let disk = lab.call("GetDisk", json!({ "diskName": "data" })).await?["disk"].take();
    ensure!(disk["state"] == "pending", "{disk}");
    lab.admin("POST", "operations/resume", json!({})).await?;
    ensure!(lab.ended(operation["id"].as_str().unwrap_or_default()).await?["status"] == "Succeeded");
    Ok(())
}

#[tokio::test]
async fn a_stale_read_is_of_the_time_before_the_last_change() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.change("AllocateStaticIp", allocate("ip")).await?;
    lab.rule(json!({ "operation": "GetStaticIps", "action": "stale_read", "times": 1 })).await?;
    ensure!(addresses(&lab).await? == 0);
    ensure!(addresses(&lab).await? == 1);
    Ok(())
}

#[tokio::test]
async fn a_seed_decides_which_requests_are_unlucky() -> anyhow::Result<()> {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let lab = Lab::start().await?;
        lab.rule(json!({ "action": "throttle", "probability": 0.3, "seed": 7 })).await?;
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(lab.send("GetDisks", json!({})).await?.status);
        }
        runs.push(statuses);
    }
    let unlucky = runs[0].iter().filter(|status| **status == 400).count();
    ensure!(runs[0] == runs[1] && (4..=20).contains(&unlucky), "{runs:?}");
    Ok(())
}
