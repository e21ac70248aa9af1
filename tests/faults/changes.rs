//! What a change of the plan shows before it is made, and what it has made afterwards.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::stage::{PLAN, Stage, edited};

/// The changes alone, without steps and costs.
fn changes(text: &str) -> &str {
    text.split("\n\nSteps").next().unwrap_or_default()
}

/// A stack that is up, and what `infra plan` then shows for another plan.
async fn shown_for(edits: &[(&str, &str)]) -> anyhow::Result<(Stage, String)> {
    let stage = Stage::with(PLAN).await?;
    stage.up().await?;
    stage.plan(&edited(edits))?;
    let text = stage.shown().await?;
    Ok((stage, text))
}

async fn applied(stage: &Stage) -> anyhow::Result<Value> {
    stage.up().await?;
    stage.infra(&["plan", "plan.toml", "--exit-code"]).await?.must(0)?;
    Ok(stage.inventory().await?["us-east-1"].take())
}

async fn address(stage: &Stage) -> anyhow::Result<(String, String)> {
    let ip = stage.call("GetStaticIp", json!({ "staticIpName": "demo-web-ip" })).await?["staticIp"].take();
    let text = |member: &str| ip[member].as_str().map(str::to_owned).context("no such member");
    Ok((text("ipAddress")?, text("attachedTo")?))
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing() -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    insta::assert_snapshot!(stage.shown().await?, @r"
    demo (us-east-1): 7 to create

      + key_pair                        demo-key: your public key, for SSH
      + alerts.email                    ops@example.com
                                        why: alarms reach it once the link in Amazon's mail is followed
      + hosts.web                       instance demo-web
      + hosts.web.address               static IP demo-web-ip
      + hosts.web.ports                 open 22/tcp from 203.0.113.0/24, open 443/tcp from 0.0.0.0/0, open 443/tcp from ::/0
      + hosts.web.alarms.burst-warn     alarm demo-web-burst-warn: BurstCapacityPercentage at 20
      + hosts.web.alarms.burst-migrate  alarm demo-web-burst-migrate: BurstCapacityPercentage at 5

    Steps, side by side where they do not wait for each other:
       1. import key pair demo-key
       2. register ops@example.com for alarms
       3. create instance demo-web (nano_3_0, ubuntu_24_04, us-east-1a)  (after 1)
       4. open ports 22, 443 on demo-web, close all others  (after 3)
       5. allocate static IP demo-web-ip
       6. attach static IP demo-web-ip to demo-web  (after 3, 5)
       7. set alarm demo-web-burst-warn on BurstCapacityPercentage  (after 2, 3)
       8. set alarm demo-web-burst-migrate on BurstCapacityPercentage  (after 2, 3)

    Cost a month:
          $5.00  hosts.web instance nano_3_0
          $5.00  in all, now $0.00
                 prices: Lightsail instances of today (Lightsail itself)
    ");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_size_replaces_the_host_and_keeps_its_address() -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    stage.up().await?;
    let before = address(&stage).await?;
    stage.plan(&edited(&[("nano_3_0", "micro_3_0")]))?;
    insta::assert_snapshot!(stage.shown().await?, @r"
    demo (us-east-1): 1 to create, 3 to update, 1 to replace, 2 unchanged

      ± hosts.web                       instance demo-web by demo-web-2
                                        why: size nano_3_0 → micro_3_0
                                        interrupts: services stop while disks and address move to the new instance
      ~ hosts.web.address               attach static IP demo-web-ip
                                        why: it moves from demo-web; the address stays the same
      + hosts.web.ports                 open 22/tcp from 203.0.113.0/24, open 443/tcp from 0.0.0.0/0, open 443/tcp from ::/0
      ~ hosts.web.alarms.burst-warn     alarm demo-web-burst-warn: BurstCapacityPercentage at 20
                                        why: it watches demo-web
      ~ hosts.web.alarms.burst-migrate  alarm demo-web-burst-migrate: BurstCapacityPercentage at 5
                                        why: it watches demo-web

    Steps, side by side where they do not wait for each other:
       1. create instance demo-web-2 (micro_3_0, ubuntu_24_04, us-east-1a)
       2. open ports 22, 443 on demo-web-2, close all others  (after 1)
       3. tag demo-web with infra:carried-to=demo-web-2  (after 1, 2)
       4. stop instance demo-web  (after 1, 2, 3)  ! the host is off until it starts again
       5. detach static IP demo-web-ip  (after 4)  ! clients do not reach the host until it is attached
       6. attach static IP demo-web-ip to demo-web-2  (after 1, 5)
       7. set alarm demo-web-burst-warn on BurstCapacityPercentage  (after 1)
       8. set alarm demo-web-burst-migrate on BurstCapacityPercentage  (after 1)
       9. delete instance demo-web  (after 1, 2, 4, 6, 7, 8)

    Cost a month:
          $7.00  hosts.web instance micro_3_0
          $7.00  in all, now $5.00
                 prices: Lightsail instances of today (Lightsail itself)

    Note: ops@example.com is not verified: its alarms reach nobody until the link in Amazon's mail is followed

    To confirm: demo-web is replaced by demo-web-2: its services stop while disks and address move
    ");
    let after = applied(&stage).await?;
    let names: Vec<_> = after["instances"].as_object().context("no instances")?.keys().collect();
    ensure!(names == ["demo-web-2"], "{names:?}");
    ensure!(before.1 == "demo-web" && address(&stage).await? == (before.0, "demo-web-2".into()));
    ensure!(after["alarms"]["demo-web-burst-warn"]["instance"] == "demo-web-2", "{after:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_ports() -> anyhow::Result<()> {
    let (stage, text) = shown_for(&[("{ port = 443,", "{ port = \"8000-8010\", protocol = \"udp\",")]).await?;
    insta::assert_snapshot!(changes(&text), @r"
    demo (us-east-1): 1 to update, 6 unchanged

      ~ hosts.web.ports  open 8000-8010/udp from 0.0.0.0/0, open 8000-8010/udp from ::/0, close 443/tcp from 0.0.0.0/0, close 443/tcp from ::/0
    ");
    let ports = applied(&stage).await?["instances"]["demo-web"]["ports"].take();
    let ranges: Vec<_> = ports.as_array().context("no ports")?.iter().map(|p| p["toPort"].clone()).collect();
    ensure!(ranges == [22, 8010], "{ports:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_limit_of_an_alarm() -> anyhow::Result<()> {
    let (stage, text) = shown_for(&[("warn = 20", "warn = 25"), ("15m", "30m")]).await?;
    insta::assert_snapshot!(changes(&text), @r"
    demo (us-east-1): 2 to update, 5 unchanged

      ~ hosts.web.alarms.burst-warn     alarm demo-web-burst-warn: BurstCapacityPercentage at 25
                                        why: threshold 20 → 25
      ~ hosts.web.alarms.burst-migrate  alarm demo-web-burst-migrate: BurstCapacityPercentage at 5
                                        why: for 15m → 30m
    ");
    let rule = applied(&stage).await?["alarms"]["demo-web-burst-warn"]["rule"].take();
    ensure!(rule["threshold"] == 25.0 && rule["evaluationPeriods"] == 6, "{rule:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_threshold_less() -> anyhow::Result<()> {
    let (stage, text) = shown_for(&[("warn = 20\n", "")]).await?;
    insta::assert_snapshot!(changes(&text), @r"
    demo (us-east-1): 1 to delete, 6 unchanged

      - hosts.web.alarms.burst-warn  alarm demo-web-burst-warn
                                     why: its threshold is not in the plan any more
    ");
    let alarms = applied(&stage).await?["alarms"].take();
    let names: Vec<_> = alarms.as_object().context("no alarms")?.keys().collect();
    ensure!(names == ["demo-web-burst-migrate"], "{alarms:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_email() -> anyhow::Result<()> {
    let (stage, text) = shown_for(&[("ops@", "night@")]).await?;
    insta::assert_snapshot!(changes(&text), @r"
    demo (us-east-1): 1 to replace, 6 unchanged

      ± alerts.email  ops@example.com → night@example.com
                      why: the new address must verify
    ");
    let contacts = applied(&stage).await?["contact_methods"].take();
    let found: Vec<_> = contacts.as_object().context("none")?.values().map(|c| c["endpoint"].clone()).collect();
    ensure!(found == ["night@example.com"], "{contacts:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_static_ip_any_more() -> anyhow::Result<()> {
    let (stage, text) = shown_for(&[("static_ip = true", "static_ip = false")]).await?;
    insta::assert_snapshot!(changes(&text), @r"
    demo (us-east-1): 1 to delete, 6 unchanged

      - hosts.web.address  static IP demo-web-ip
                           why: static_ip is not set any more
                           interrupts: clients that know the old address do not find the host any more
    ");
    ensure!(applied(&stage).await?["static_ips"].is_null());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_as_json_and_as_an_exit_code() -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    let plan = stage.infra(&["plan", "plan.toml", "--json", "--exit-code"]).await?.must(3)?.json()?;
    ensure!(plan["plan"] == "demo" && plan["nothing_to_do"] == false, "{plan:#}");
    let steps = plan["steps"].as_array().context("no steps")?.len();
    ensure!(steps > 5 && plan["cost"]["after"] == 5.0, "{plan:#}");
    let run = stage.infra(&["up", "plan.toml", "--yes", "--json"]).await?.must(0)?;
    let events = run.out.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    let done = events.iter().filter(|event| event["event"] == "step_done").count();
    ensure!(events[0]["event"] == "plan" && done == steps, "{}", run.out);
    let plan = stage.infra(&["plan", "plan.toml", "--json", "--exit-code"]).await?.must(0)?.json()?;
    ensure!(plan["nothing_to_do"] == true && plan["steps"] == json!([]), "{plan:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_runs_as_it_was_shown() -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    stage.infra(&["plan", "plan.toml", "--out", "saved"]).await?.must(0)?;
    // It was agreed to when it was saved: no question is left.
    stage.infra(&["up", "saved"]).await?.must(0)?;
    stage.infra(&["plan", "plan.toml", "--exit-code"]).await?.must(0)?;
    let stale = stage.infra(&["up", "saved"]).await?.must(1)?;
    ensure!(stale.err.contains("what is there has changed since the plan was saved"), "{}", stale.err);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_refused_once_anything_else_is_there() -> anyhow::Result<()> {
    let stage = Stage::with(PLAN).await?;
    stage.infra(&["plan", "plan.toml", "--out", "saved"]).await?.must(0)?;
    stage.call("AllocateStaticIp", json!({ "staticIpName": "demo-web-ip" })).await?;
    let before = stage.inventory().await?;
    let refused = stage.infra(&["up", "saved"]).await?.must(1)?;
    ensure!(refused.err.contains("what is there has changed") && refused.err.contains("infra plan"), "{}", refused.err);
    ensure!(stage.inventory().await? == before);
    stage.infra(&["plan", "plan.toml", "--out", "saved"]).await?.must(0)?;
    stage.plan(&edited(&[("warn = 20", "warn = 21")]))?;
    let refused = stage.infra(&["up", "saved"]).await?.must(1)?;
    ensure!(refused.err.contains("has changed since it was saved"), "{}", refused.err);
    Ok(())
}
