//! `lab status` and `lab env`: what a person, and what a shell wants to know.

use std::path::Path;

use anyhow::Context;
use lab::rds;
use serde_json::Value;

use super::mark::Mark;

/// Shell assignments. The dockerfile is the bundle's for machines whose image builds reach no registry.
pub fn env(state: &Path) -> anyhow::Result<()> {
    let mark = Mark::running(state).context("the lab does not run: start it with `lab up`")?;
    println!("export AWS_ENDPOINT_URL={}", mark.url);
    println!("export AWS_ACCESS_KEY_ID=lab");
    println!("export AWS_SECRET_ACCESS_KEY=lab");
    println!("export AWS_REGION=us-east-1");
    println!("export AWS_DEFAULT_REGION=us-east-1");
    println!("export AWS_EC2_METADATA_DISABLED=true");
    println!("export INFRA_RDS_CA_BUNDLE={}", rds::Authority::certificate(&state.join("rds")).display());
    println!("export DOCKER_BUILDKIT=0");
    println!("export PHOENIX_DOCKERFILE=Dockerfile.prebuilt");
    Ok(())
}

pub async fn status(state: &Path) -> anyhow::Result<()> {
    let Some(mark) = Mark::running(state) else {
        println!("the lab does not run");
        return Ok(());
    };
    println!("the lab runs on {} (process {})", mark.url, mark.pid);
    let (calls, violations) = (mark.ask("calls").await?, mark.ask("violations").await?);
    println!("requests: {}, of which {} were to change something", calls["total"], calls["mutating"]);
    println!("answers that break the service model: {}", violations["response_count"]);
    let inventory = mark.ask("inventory").await?;
    for (region, kinds) in inventory.as_object().into_iter().flatten() {
        println!("{region}:");
        for (kind, resources) in kinds.as_object().into_iter().flatten() {
            println!("  {kind}: {}", names(resources));
        }
    }
    Ok(())
}

fn names(resources: &Value) -> String {
    let names: Vec<&str> = resources.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    names.join(", ")
}
