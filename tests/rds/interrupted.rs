//! The work is dropped in the middle of every call that changes something, before and after its effect; or calls are
//! throttled, refused, lost. What is there in the end is the same.

use anyhow::{Context, ensure};
use infra::inventory::{DatabaseInventory, ResourceName};
use infra::plan::{Engine, Port};
use infra::steps::{DatabaseWish, provision, revert, secure};
use serde_json::{Value, json};

use crate::stage::{Stage, aurora, plan, wish};

/// Without what differs from one making to the next.
fn comparable(mut found: DatabaseInventory) -> DatabaseInventory {
    found.security_group.iter_mut().for_each(|group| group.id.clear());
    if let Some(database) = &mut found.database {
        database.secret = database.secret.as_ref().map(|_| "a secret".into());
        database.endpoint = None;
    }
    found
}

async fn cut_off(
    stage: &Stage,
    operation: &str,
    action: &str,
    work: impl AsyncFn() -> anyhow::Result<DatabaseInventory>,
) -> anyhow::Result<()> {
    stage.admin("POST", "rules", json!({ "operation": operation, "nth": 1, "action": action })).await?;
    tokio::select! {
        ended = work() => ensure!(ended.is_ok(), "it ended, although its call is held: {ended:?}"),
        held = stage.held(true) => held?,
    }
    stage.held(false).await?;
    stage.admin("DELETE", "rules", Value::Null).await.map(drop)
}

async fn everywhere(
    stage: &Stage,
    first: impl AsyncFn() -> anyhow::Result<()>,
    work: impl AsyncFn() -> anyhow::Result<DatabaseInventory>,
) -> anyhow::Result<usize> {
    first().await?;
    stage.changes().await?;
    let expected = comparable(work().await?);
    let calls = stage.changes().await?;
    for (operation, times) in &calls {
        ensure!(*times == 1, "{operation} is called {times} times");
        for action in ["hold_before", "hold_after"] {
            let case = async {
                first().await?;
                cut_off(stage, operation, action, &work).await?;
                let found = comparable(work().await?);
                ensure!(found == expected, "expected {expected:#?}\nfound {found:#?}");
                Ok(())
            };
            case.await.with_context(|| format!("cut off at {operation}, {action}"))?;
        }
    }
    Ok(calls.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_database_is_made_and_while_it_is_removed() -> anyhow::Result<()> {
    made_and_removed(&wish(), 7, 5).await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_cluster_is_made_and_while_it_is_removed() -> anyhow::Result<()> {
    made_and_removed(&aurora(), 8, 6).await
}

/// `makes` and `removes`: how many calls do it.
async fn made_and_removed(wish: &DatabaseWish, makes: usize, removes: usize) -> anyhow::Result<()> {
    let stage = Stage::new(false).await?;
    let reset = async || stage.admin("POST", "reset", json!({})).await.map(drop);
    let made = everywhere(&stage, reset, async || stage.provision(wish).await).await?;
    ensure!(made == makes, "{made} calls make a database");

    let afresh = async || {
        reset().await?;
        stage.provision(wish).await.map(drop)
    };
    let removed = everywhere(&stage, afresh, async || stage.remove().await).await?;
    ensure!(removed == removes, "{removed} calls remove a database");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_errors_and_lost_answers_change_nothing_in_the_end() -> anyhow::Result<()> {
    for wish in [wish(), aurora()] {
        spoiled(&wish).await?;
    }
    Ok(())
}

async fn spoiled(wish: &DatabaseWish) -> anyhow::Result<()> {
    let stage = Stage::new(false).await?;
    let expected = comparable(stage.provision(wish).await?);
    stage.admin("POST", "reset", json!({})).await?;
    // A slow machine looks a thousand times, eight times each: that all of one fail happens in no run.
    for rule in [
        json!({ "action": "throttle", "probability": 0.1, "seed": 1 }),
        json!({ "action": "error500", "probability": 0.05, "seed": 2 }),
        json!({ "action": "drop_after", "mutating": true, "probability": 0.5, "seed": 3 }),
    ] {
        stage.admin("POST", "rules", rule).await?;
    }
    ensure!(comparable(stage.provision(wish).await?) == expected);
    stage.admin("DELETE", "rules", Value::Null).await?;

    stage.changes().await?;
    ensure!(provision(wish, &stage.observe().await?)?.is_empty());
    ensure!(stage.changes().await?.is_empty(), "looking changes nothing");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_load_are_taken_back_and_a_moved_host_is_let_in() -> anyhow::Result<()> {
    for wish in [wish(), aurora()] {
        settled(&wish).await?;
    }
    Ok(())
}

async fn settled(wish: &DatabaseWish) -> anyhow::Result<()> {
    let stage = Stage::new(false).await?;
    stage.provision(wish).await?;
    let reverted = revert(&plan(), 7, &stage.observe().await?);
    stage.apply(&reverted).await?;
    let found = stage.observe().await?;
    ensure!(revert(&plan(), 7, &found).is_empty(), "{found:?}");
    let groups: Vec<_> = found.parameter_groups.into_values().collect();
    ensure!(groups.len() == 1, "{groups:?}");
    let parameters = &groups[0].parameters;
    let mut kept = vec!["rds.force_ssl", "rds.logical_replication"];
    if wish.size.engine() == Engine::Rds {
        kept.insert(0, "max_slot_wal_keep_size");
    }
    ensure!(parameters.keys().eq(kept), "{parameters:?}");
    ensure!(found.database.context("no database")?.backup_days == 7);

    let first = ResourceName::new("demo-db-first-1");
    stage.apply(&secure(&plan(), &first, &stage.observe().await?)).await?;
    let found = stage.observe().await?;
    ensure!(secure(&plan(), &first, &found).is_empty(), "{:?}", found.snapshots);

    let mut moved = wish.clone();
    moved.from = vec!["203.0.113.140/32".parse()?];
    stage.apply(&provision(&moved, &stage.observe().await?)?[..2]).await?;
    let ingress = stage.observe().await?.security_group.context("no security group")?.ingress;
    let ingress: Vec<_> = ingress.iter().map(|ingress| (ingress.port, ingress.from.to_string())).collect();
    ensure!(ingress == [(Port::new(5432).context("a port")?, "203.0.113.140/32".into())], "{ingress:?}");
    stage.end().await
}
