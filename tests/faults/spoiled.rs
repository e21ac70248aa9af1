//! Calls that are throttled, fail, are lost, or whose operations do not end well.

use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::stage::{PLAN, Stage};

async fn undisturbed() -> anyhow::Result<Value> {
    let stage = Stage::with(PLAN).await?;
    stage.up().await?;
    stage.inventory().await
}

/// One run under `rule` is enough.
async fn up_under(rule: Value) -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    stage.rule(rule).await?;
    let (run, expected) = tokio::try_join!(stage.up(), undisturbed())?;
    stage.no_rules().await?;
    let found = stage.inventory().await?;
    ensure!(found == expected, "expected {expected:#}\nfound {found:#}\n{}", run.err);
    let again = stage.up().await?;
    ensure!(again.out.contains("nothing to do"), "{}", again.out);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn three_of_ten_calls_are_throttled() -> anyhow::Result<()> {
    up_under(json!({ "action": "throttle", "probability": 0.3, "seed": 1 })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_ten_calls_is_answered_with_an_internal_error() -> anyhow::Result<()> {
    up_under(json!({ "action": "error500", "probability": 0.1, "seed": 2 })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_second_change_is_internal_error_after_internal_error() -> anyhow::Result<()> {
    up_under(json!({ "action": "error500", "mutating": true, "probability": 0.5, "seed": 3 })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_lost_after_the_effect() -> anyhow::Result<()> {
    up_under(json!({ "action": "drop_after", "mutating": true, "probability": 0.6, "seed": 4 })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_lost_before_the_effect() -> anyhow::Result<()> {
    up_under(json!({ "action": "drop_before", "probability": 0.3, "seed": 5 })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_stale() -> anyhow::Result<()> {
    up_under(json!({ "action": "stale_read", "probability": 0.4, "seed": 6 })).await
}

/// A lost answer and then a look that does not show the effect yet.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_lost_and_the_effect_shows_late() -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    stage.rule(json!({ "operation": "CreateInstances", "action": "drop_after", "times": 1 })).await?;
    stage.rule(json!({ "operation": "GetInstance", "action": "stale_read", "times": 3 })).await?;
    stage.up().await?;
    ensure!(stage.inventory().await? == undisturbed().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_fails_is_told_with_its_reason_and_the_next_run_completes() -> anyhow::Result<()> {
    for operation in ["CreateInstances", "AttachStaticIp", "PutInstancePublicPorts"] {
        let stage = Stage::with(PLAN).await?;
        let rule = json!({
            "operation": operation, "action": "fail_operation", "times": 1,
            "error_code": "InsufficientCapacity", "error_details": "there is none left in us-east-1a",
        });
        stage.rule(rule).await?;
        let failed = stage.infra(&["up", "plan.toml", "--yes"]).await?.must(1)?;
        for part in
            ["InsufficientCapacity", "there is none left in us-east-1a", "error: hosts.web", "goes on from here"]
        {
            ensure!(failed.err.contains(part), "{operation}: no {part} in {}", failed.err);
        }
        stage.up().await?;
        ensure!(stage.inventory().await? == undisturbed().await?, "{operation}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_never_ends_is_given_up_and_the_next_run_completes() -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    stage.rule(json!({ "operation": "CreateInstances", "action": "never_ends", "times": 1 })).await?;
    let run = stage.infra(&["up", "plan.toml", "--yes", "--step-timeout", "3s"]).await?.must(1)?;
    for part in ["hosts.web/create: waited 3s for its operation to end", "hint: it may still end", "--step-timeout"] {
        ensure!(run.err.contains(part), "no {part} in {}", run.err);
    }
    stage.admin("POST", "operations/resume", Value::Null).await?;
    stage.up().await?;
    ensure!(stage.inventory().await? == undisturbed().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_lets_the_running_step_end_and_says_how_to_go_on() -> anyhow::Result<()> {
    for signal in [Signal::INT, Signal::TERM] {
        let stage = Stage::with(PLAN).await?;
        stage.rule(json!({ "operation": "CreateInstances", "action": "hold_before", "times": 1 })).await?;
        let child = stage.spawn(&["up", "plan.toml", "--yes"])?;
        stage.held(true).await?;
        let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).context("no process")?;
        kill_process(pid, signal)?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        stage.release().await?;
        let stopped = stage.ended(child).await?.must(130)?;
        for part in ["done   hosts.web/create", "stopped as asked", "infra up plan.toml goes on from here"] {
            ensure!(stopped.err.contains(part), "no {part} in {}", stopped.err);
        }
        let inventory = stage.inventory().await?;
        ensure!(inventory["us-east-1"]["instances"]["demo-web"]["state"] == "running", "{inventory:#}");
        ensure!(inventory["us-east-1"]["alarms"].is_null(), "{inventory:#}");
        stage.up().await?;
        ensure!(stage.inventory().await? == undisturbed().await?);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_no_reason_to_try_again() -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    let rule = json!({ "operation": "ImportKeyPair", "action": "refuse", "error_code": "AccessDeniedException" });
    stage.rule(rule).await?;
    let refused = stage.infra(&["up", "plan.toml", "--yes"]).await?.must(1)?;
    ensure!(refused.err.contains("AccessDeniedException") && refused.err.contains("hint: check the credentials"));
    let calls = stage.calls().await?;
    ensure!(calls["services"]["lightsail"]["ImportKeyPair"]["calls"] == 1, "{calls}");
    Ok(())
}

/// Two at one time on one folder would make everything twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_beside_the_first_is_refused() -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    stage.rule(json!({ "operation": "ImportKeyPair", "action": "hold_before", "times": 1 })).await?;
    let first = stage.spawn(&["up", "plan.toml", "--yes"])?;
    stage.held(true).await?;
    let second = stage.infra(&["up", "plan.toml", "--yes"]).await?.must(1)?;
    ensure!(second.err.contains("hint: wait for it to end"), "{}", second.err);
    stage.release().await?;
    stage.ended(first).await?.must(0)?;
    Ok(())
}
