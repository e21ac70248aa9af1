//! Alarms of a database: set once, found again, cut off on the way, gone with the database.

use anyhow::{Context, ensure};
use infra::graph::{DatabaseNode, database};
use infra::plan::parse;
use infra::steps::{DatabaseWish, watch};
use serde_json::{Value, json};

use crate::stage::{Stage, aurora, wish};

const PLAN: &str = r#"
name = "demo"
[hosts.web]
provider = "ssh"
address = "web.example.com"
[bundle]
host = "web"
source = "bundle"
[migrate.rds]
class = "db.m7g.large"
storage_gb = 20
[migrate.aurora]
[alerts]
email = ["ops@example.com", "night@example.com"]
[[thresholds]]
metric = "disk.queue_depth"
warn = 8.5
migrate = 32
for = "15m"
[[thresholds]]
metric = "memory.percent"
warn = 90
for = "5m"
"#;

fn demo() -> anyhow::Result<DatabaseNode> {
    let checked = parse("plan.toml", PLAN.as_bytes()).map_err(|findings| anyhow::anyhow!("{findings:?}"))?;
    database(checked.plan()).context("no database")
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_are_set_once_wherever_the_work_is_cut_off_and_go_with_the_database() -> anyhow::Result<()> {
    set_once(&wish(), 6, "demo-db-slot-behind").await?;
    set_once(&aurora(), 6, "demo-db-log-kept").await
}

/// `alarms` of them, one of this name.
async fn set_once(wish: &DatabaseWish, alarms: usize, name: &str) -> anyhow::Result<()> {
    let stage = Stage::new(false).await?;
    let node = demo()?;
    stage.provision(wish).await?;
    for (operation, action) in
        [("CreateTopic", "hold_after"), ("PutMetricAlarm", "hold_after"), ("Subscribe", "hold_before")]
    {
        cut_off(&stage, &node, operation, action).await.with_context(|| format!("at {operation}, {action}"))?;
    }
    stage.apply(&watch(&node, &stage.observe().await?)?).await?;

    stage.changes().await?;
    let found = stage.observe().await?;
    ensure!(watch(&node, &found)?.is_empty(), "{found:#?}");
    ensure!(stage.changes().await?.is_empty(), "looking changes nothing");
    let names: Vec<_> = found.alarms.iter().map(|alarm| alarm.name.as_str()).collect();
    ensure!(names.len() == alarms && names.contains(&name), "{names:?}");
    ensure!(found.topic.context("no topic")?.emails.len() == 2);

    let left = stage.remove().await?;
    ensure!(left.alarms.is_empty() && left.topic.is_none() && left.database.is_none(), "{left:?}");
    stage.end().await
}

/// The work is dropped in the middle of a call.
async fn cut_off(stage: &Stage, node: &DatabaseNode, operation: &str, action: &str) -> anyhow::Result<()> {
    let missing = watch(node, &stage.observe().await?)?;
    stage.admin("POST", "rules", json!({ "operation": operation, "nth": 1, "action": action })).await?;
    tokio::select! {
        ended = stage.apply(&missing) => anyhow::bail!("it ended, although its call is held: {ended:?}"),
        held = stage.held(true) => held?,
    }
    stage.held(false).await?;
    stage.admin("DELETE", "rules", Value::Null).await.map(drop)
}
