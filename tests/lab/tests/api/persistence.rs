//! A gateway that is started again goes on where the last one was.

use std::time::Duration;

use anyhow::ensure;
use lab::{Gateway, Options};
use serde_json::json;

use crate::support;

#[tokio::test]
async fn the_account_and_running_work_survive_a_restart() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let client = support::client()?;
    let slow = |mut options: Options| {
        options.settings.operation_ms = 500;
        options
    };
    let first = Gateway::start(slow(Options::new(state.path()))).await?;
    let body = json!({ "diskName": "data", "availabilityZone": "us-east-1a", "sizeInGb": 8 });
    ensure!(support::send(&client, &first.url, "CreateDisk", &body).await?.status == 200);
    drop(first);

    let second = Gateway::start(Options::new(state.path())).await?;
    let disk = json!({ "diskName": "data" });
    let at_once = support::send(&client, &second.url, "GetDisk", &disk).await?;
    ensure!(at_once.body["disk"]["sizeInGb"] == 8, "{at_once:?}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let later = support::send(&client, &second.url, "GetDisk", &disk).await?;
    ensure!(later.body["disk"]["state"] == "available", "{later:?}");
    Ok(())
}
