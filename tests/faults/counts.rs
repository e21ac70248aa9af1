//! How many calls a run takes.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::stage::{PLAN, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_up_changes_nothing_and_says_so() -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    stage.up().await?;
    let before = stage.inventory().await?;
    stage.calls().await?;
    let again = stage.up().await?;
    ensure!(again.out.contains("nothing to do"), "{}{}", again.out, again.err);
    let calls = stage.calls().await?;
    ensure!(calls["mutating"] == 0, "{calls}");
    ensure!(stage.inventory().await? == before);
    let violations = stage.admin("GET", "violations", Value::Null).await?;
    ensure!(violations["requests"].as_array().is_none_or(Vec::is_empty), "{violations}");
    Ok(())
}

fn hosts(count: usize) -> String {
    let host = |n: usize| {
        format!(
            "[hosts.web{n}]\nprovider = \"lightsail\"\nsize = \"nano_3_0\"\nimage = \"ubuntu_24_04\"\n\
             ports = [{{ port = 443, from = [\"0.0.0.0/0\"] }}]\n"
        )
    };
    let all: String = (0..count).map(host).collect();
    format!("name = \"many\"\nregion = \"us-east-1\"\n{all}")
}

/// What `plan` asks about hosts that are all there, made by somebody and then adopted: quicker than by `up`.
async fn calls_of_a_look(count: usize) -> anyhow::Result<Value> {
    let stage = Stage::with(&hosts(count)).await?;
    stage.quotas().await?;
    let names: Vec<_> = (0..count).map(|n| format!("many-web{n}")).collect();
    let plan = json!([{ "key": "infra:plan", "value": "many" }]);
    let instances = json!({
        "instanceNames": names, "availabilityZone": "us-east-1a", "blueprintId": "ubuntu_24_04",
        "bundleId": "nano_3_0", "tags": plan,
    });
    stage.call("CreateInstances", instances).await?;
    for n in 0..count {
        let node = json!([{ "key": "infra:node", "value": format!("hosts.web{n}") }]);
        stage.call("TagResource", json!({ "resourceName": format!("many-web{n}"), "tags": node })).await?;
    }
    stage.calls().await?;
    let look = stage.infra(&["plan", "plan.toml"]).await?.must(0)?;
    ensure!(look.out.contains(&format!("1 to create, {count} to update, {count} unchanged")), "{}", look.out);
    let calls = stage.calls().await?;
    ensure!(calls["mutating"] == 0, "{calls}");
    calls.get("total").cloned().context("no total")
}

#[tokio::test(flavor = "multi_thread")]
async fn observing_a_hundred_hosts_takes_as_many_calls_as_one() -> anyhow::Result<()> {
    let (one, hundred) = tokio::try_join!(calls_of_a_look(1), calls_of_a_look(100))?;
    ensure!(one == hundred && one.as_u64().is_some_and(|calls| calls < 40), "{one} and {hundred}");
    Ok(())
}
