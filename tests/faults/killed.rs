//! The process is killed in the middle of every call that changes something, before and after its effect. The next run
//! must end where an undisturbed one does.

use anyhow::{Context, ensure};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};

use crate::stage::{EC2, PLAN, Stage, edited, edited_ec2};

/// Cases at one time: each is mostly waiting.
const SIDE_BY_SIDE: usize = 4;

/// What is there first, what is then wanted, and by which command.
#[derive(Clone, Copy)]
struct Story<'a> {
    first: Option<&'a str>,
    then: &'a str,
    command: &'a [&'a str],
}

const UP: &[&str] = &["up", "plan.toml", "--yes"];
const DOWN: &[&str] = &["down", "plan.toml", "--yes"];

impl Story<'_> {
    async fn stage(&self) -> anyhow::Result<Stage> {
        let first = self.first.unwrap_or(self.then);
        let stage = if first.contains("\"ec2\"") { Stage::ec2(first).await? } else { Stage::with(first).await? };
        if self.first.is_some() {
            stage.up().await?;
            stage.plan(self.then)?;
        }
        stage.calls().await?;
        Ok(stage)
    }

    /// The changing calls of an undisturbed run, with how often each is made, and its end.
    async fn undisturbed(&self) -> anyhow::Result<(Vec<(String, u64)>, Value)> {
        let stage = self.stage().await?;
        stage.infra(self.command).await?.must(0)?;
        let calls = stage.calls().await?;
        let calls = calls["services"].as_object().context("no calls")?.clone();
        let calls = calls.into_iter().flat_map(|(_, calls)| calls.as_object().cloned().unwrap_or_default());
        let changing = calls.filter(|(_, count)| count["mutating"] == true);
        let changing = changing.map(|(name, count)| (name, answered(&count))).collect();
        Ok((changing, stage.inventory().await?))
    }

    async fn killed(&self, operation: &str, nth: u64, action: &str, expected: &Value) -> anyhow::Result<()> {
        let stage = self.stage().await?;
        let rule = json!({ "operation": operation, "nth": nth, "action": action });
        stage.killed_at(rule, self.command).await?;
        stage.infra(self.command).await?.must(0)?;
        stage.settled().await?;
        let found = stage.inventory().await?;
        ensure!(&found == expected, "expected {expected:#}\nfound {found:#}");
        let again = stage.infra(self.command).await?.must(0)?;
        ensure!(again.out.contains("nothing to"), "{}", again.out);
        Ok(())
    }

    async fn everywhere(&self, must_be_among: &[&str]) -> anyhow::Result<()> {
        let (calls, expected) = self.undisturbed().await?;
        for name in must_be_among {
            ensure!(calls.iter().any(|(call, _)| call == name), "{name} is not called: {calls:?}");
        }
        let cases = calls.iter().flat_map(|(name, count)| (1..=*count).map(move |nth| (name.as_str(), nth)));
        let cases = cases.flat_map(|(name, nth)| [(name, nth, "hold_before"), (name, nth, "hold_after")]);
        let expected = &expected;
        let cases: Vec<_> = cases.map(|(name, nth, action)| (name.to_owned(), nth, action)).collect();
        stream::iter(cases)
            .map(|(name, nth, action)| async move {
                let case = self.killed(&name, nth, action, expected).await;
                case.with_context(|| format!("killed at {name} number {nth}, {action}"))
            })
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect()
            .await
    }
}

/// Without those that were refused because something else had to end first: their number differs from run to run.
fn answered(count: &Value) -> u64 {
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let errors: u64 = count["errors"].as_object().into_iter().flatten().map(|(_, errors)| number(errors)).sum();
    number(&count["calls"]) - errors
}

#[tokio::test(flavor = "multi_thread")]
async fn while_everything_is_made() -> anyhow::Result<()> {
    let story = Story { first: None, then: PLAN, command: UP };
    let calls = [
        "ImportKeyPair",
        "CreateInstances",
        "AllocateStaticIp",
        "AttachStaticIp",
        "PutInstancePublicPorts",
        "CreateContactMethod",
        "PutAlarm",
    ];
    story.everywhere(&calls).await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_host_is_replaced() -> anyhow::Result<()> {
    let larger = edited(&[("nano_3_0", "micro_3_0")]);
    let story = Story { first: Some(PLAN), then: &larger, command: UP };
    let calls = ["CreateInstances", "StopInstance", "DetachStaticIp", "AttachStaticIp", "PutAlarm", "DeleteInstance"];
    story.everywhere(&calls).await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_small_things_change() -> anyhow::Result<()> {
    let changed = edited(&[
        ("port = 443", "port = 8443"),
        ("ops@example.com", "new@example.com"),
        ("warn = 20\n", ""),
        ("migrate = 5", "migrate = 10"),
        ("static_ip = true", "static_ip = false"),
    ]);
    let story = Story { first: Some(PLAN), then: &changed, command: UP };
    let calls = [
        "PutInstancePublicPorts",
        "DeleteContactMethod",
        "CreateContactMethod",
        "PutAlarm",
        "DeleteAlarm",
        "DetachStaticIp",
        "ReleaseStaticIp",
    ];
    story.everywhere(&calls).await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_everything_is_removed() -> anyhow::Result<()> {
    let story = Story { first: Some(PLAN), then: PLAN, command: DOWN };
    let calls =
        ["DeleteAlarm", "DeleteContactMethod", "StopInstance", "DeleteInstance", "ReleaseStaticIp", "DeleteKeyPair"];
    story.everywhere(&calls).await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_host_of_ec2_is_made() -> anyhow::Result<()> {
    let story = Story { first: None, then: EC2, command: UP };
    let calls = [
        "ImportKeyPair",
        "CreateRole",
        "PutRolePolicy",
        "CreateInstanceProfile",
        "AddRoleToInstanceProfile",
        "CreateSecurityGroup",
        "AuthorizeSecurityGroupIngress",
        "RunInstances",
        "AllocateAddress",
        "AssociateAddress",
    ];
    story.everywhere(&calls).await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_host_of_ec2_changes() -> anyhow::Result<()> {
    let changed = edited_ec2(&[
        ("t3.small", "t3.large"),
        ("port = 443", "port = 8443"),
        ("static_ip = true", "static_ip = false\ncredits = \"standard\""),
    ]);
    let story = Story { first: Some(EC2), then: &changed, command: UP };
    let calls = [
        "StopInstances",
        "ModifyInstanceAttribute",
        "StartInstances",
        "ModifyInstanceCreditSpecification",
        "AuthorizeSecurityGroupIngress",
        "RevokeSecurityGroupIngress",
        "DisassociateAddress",
        "ReleaseAddress",
    ];
    story.everywhere(&calls).await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_everything_of_ec2_is_removed() -> anyhow::Result<()> {
    let story = Story { first: Some(EC2), then: EC2, command: DOWN };
    let calls = [
        "StopInstances",
        "ModifyInstanceAttribute",
        "TerminateInstances",
        "DisassociateAddress",
        "ReleaseAddress",
        "DeleteSecurityGroup",
        "DeleteKeyPair",
        "RemoveRoleFromInstanceProfile",
        "DeleteInstanceProfile",
        "DeleteRolePolicy",
        "DeleteRole",
    ];
    story.everywhere(&calls).await
}
