//! What infra does not do unasked, and what it does not do at all.

use anyhow::ensure;
use serde_json::json;

use crate::stage::{PLAN, Stage, edited};

/// Nothing was changed by what was refused.
async fn refused(stage: &Stage, arguments: &[&str], code: i32, parts: &[&str]) -> anyhow::Result<()> {
    let before = stage.inventory().await?;
    let run = stage.infra(arguments).await?.must(code)?;
    for part in parts {
        ensure!(run.err.contains(part), "no {part} in {}", run.err);
    }
    ensure!(stage.inventory().await? == before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_nobody_can_be_asked() -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    refused(&stage, &["up", "plan.toml"], 5, &["stopped at a question", "hint: --yes goes on"]).await?;
    stage.up().await?;
    refused(&stage, &["down", "plan.toml"], 5, &["stopped at a question", "hint: --yes goes on"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn data_goes_only_with_the_plans_name() -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    stage.up().await?;
    let down = ["down", "plan.toml", "--include-data", "--yes"];
    refused(&stage, &down, 5, &["Data is destroyed", "--yes does not answer this"]).await?;
    let wrong = ["down", "plan.toml", "--include-data", "--confirm", "demon"];
    refused(&stage, &wrong, 2, &["the plan's name is demo"]).await?;
    stage.infra(&["down", "plan.toml", "--include-data", "--confirm", "demo"]).await?.must(0)?;
    ensure!(stage.inventory().await? == json!({}), "{:#}", stage.inventory().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_is_not_closed_without_a_person() -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    stage.up().await?;
    stage.plan(&edited(&[("203.0.113.0/24", "198.51.100.7/32")]))?;
    let parts = ["the rules for port 22 shrink", "closes 22/tcp from 203.0.113.0/24", "--allow-lockout"];
    refused(&stage, &["up", "plan.toml", "--yes"], 5, &parts).await?;
    ensure!(stage.shown().await?.contains("YOUR SSH ACCESS"));
    stage.infra(&["up", "plan.toml", "--yes", "--allow-lockout"]).await?.must(0)?;
    // Wider again is no question.
    stage.plan(PLAN)?;
    let wider = edited(&[("[\"203.0.113.0/24\"]", "[\"198.51.100.0/24\", \"203.0.113.0/24\"]")]);
    stage.plan(&wider)?;
    stage.up().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_instance_is_not_taken_until_its_owner_says_so() -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    let instance = json!({
        "instanceNames": ["demo-web"], "availabilityZone": "us-east-1a", "blueprintId": "ubuntu_24_04",
        "bundleId": "nano_3_0",
    });
    stage.call("CreateInstances", instance).await?;
    let adopt = "aws lightsail tag-resource --resource-name demo-web --tags key=infra:plan,value=demo \
                 key=infra:node,value=hosts.web";
    refused(&stage, &["up", "plan.toml", "--yes"], 1, &["it is not tagged as this plan's", adopt]).await?;
    let tags = json!([{ "key": "infra:plan", "value": "demo" }, { "key": "infra:node", "value": "hosts.web" }]);
    stage.call("TagResource", json!({ "resourceName": "demo-web", "tags": tags })).await?;
    // It was somebody's before: its firewall is not narrowed unasked.
    refused(&stage, &["up", "plan.toml", "--yes"], 5, &["the rules for port 22 shrink"]).await?;
    stage.infra(&["up", "plan.toml", "--yes", "--allow-lockout"]).await?.must(0)?;
    let inventory = stage.inventory().await?;
    ensure!(inventory["us-east-1"]["instances"].as_object().is_some_and(|all| all.len() == 1), "{inventory:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_regions_one_contact_is_not_taken_away_from_others() -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    let contact = json!({ "protocol": "Email", "contactEndpoint": "them@example.com" });
    stage.call("CreateContactMethod", contact).await?;
    let parts = ["the region's one e-mail contact is them@example.com", "set alerts.email to it"];
    refused(&stage, &["up", "plan.toml", "--yes"], 1, &parts).await?;
    stage.plan(&edited(&[("ops@", "them@")]))?;
    stage.up().await?;
    stage.infra(&["down", "plan.toml", "--yes"]).await?.must(0)?;
    let left = stage.inventory().await?["us-east-1"].take();
    let kinds: Vec<_> = left.as_object().into_iter().flatten().map(|(kind, _)| kind).collect();
    ensure!(kinds == ["contact_methods"], "{left:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_plans_end_with_2_and_are_not_looked_at_in_the_cloud() -> anyhow::Result<()> {
    let stage = Stage::new().await?;
    let plans = [
        ("", "name"),
        ("name = 3", "name"),
        ("name = \"demo\"\nregion = \"us-east-1\"\n[hosts.web\n", "plan.toml:3"),
        (&edited(&[("static_ip", "static_pi")]), "static_ip"),
        (&edited(&[("port = 443", "port = 99999")]), "99999"),
        (&edited(&[("nano_3_0", "gigantic")]), "gigantic"),
        (&edited(&[("port = 443", "port = 22")]), "22"),
        (&edited(&[("0.0.0.0/0", "0.0.0.0/99")]), "0.0.0.0/99"),
        (&edited(&[("15m", "15 parsecs")]), "15 parsecs"),
        (&edited(&[("cpu.burst_percent", "cpu.burst")]), "cpu.burst"),
    ];
    for (plan, part) in plans {
        stage.plan(plan)?;
        for verb in ["plan", "up", "down"] {
            let run = stage.infra(&[verb, "plan.toml"]).await?.must(2)?;
            ensure!(run.err.contains(part) && !run.err.contains("panicked"), "{verb}: no {part} in {}", run.err);
        }
        let json = stage.infra(&["plan", "plan.toml", "--json"]).await?.must(2)?.json()?;
        ensure!(json["exit"] == 2 && json["findings"].as_array().is_some_and(|all| !all.is_empty()), "{json:#}");
    }
    std::fs::write(stage.path(), b"name = \"\xff\xfe\"")?;
    stage.infra(&["plan", "plan.toml"]).await?.must(2)?;
    stage.infra(&["plan", "nowhere.toml"]).await?.must(2)?;
    ensure!(stage.calls().await?["total"] == 0);
    Ok(())
}
