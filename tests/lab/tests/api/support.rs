//! A gateway for one test, and a client that speaks JSON 1.1 to it.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use lab::{Gateway, Options, Running};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The signature is not verified; the scope in it names region and service.
pub const SIGNED: &str =
    "AWS4-HMAC-SHA256 Credential=lab/20260101/us-east-1/lightsail/aws4_request, SignedHeaders=host, Signature=00";

pub struct Lab {
    pub url: String,
    client: reqwest::Client,
    _running: Running,
    _state: TempDir,
}

/// What came back: the status, and the body as JSON.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Lab {
    pub async fn start() -> anyhow::Result<Self> {
        let state = tempfile::tempdir()?;
        let running = Gateway::start(Options::new(state.path())).await?;
        Ok(Self { url: running.url.clone(), client: client()?, _running: running, _state: state })
    }

    pub async fn send(&self, operation: &str, body: Value) -> anyhow::Result<Reply> {
        send(&self.client, &self.url, operation, &body).await
    }

    /// A call that must succeed.
    pub async fn call(&self, operation: &str, body: Value) -> anyhow::Result<Value> {
        let reply = self.send(operation, body).await?;
        ensure!(reply.status == 200, "{operation}: {reply:?}");
        Ok(reply.body)
    }

    /// A change that must succeed, and whose operations must end well.
    pub async fn change(&self, operation: &str, body: Value) -> anyhow::Result<Value> {
        let answer = self.call(operation, body).await?;
        let one = answer.get("operation").cloned().map(|one| json!([one]));
        for operation in
            answer.get("operations").cloned().or(one).context("no operations")?.as_array().context("no list")?
        {
            let ended = self.ended(operation["id"].as_str().context("no id")?).await?;
            ensure!(ended["status"] == "Succeeded", "{ended}");
        }
        Ok(answer)
    }

    /// The operation once it is terminal.
    pub async fn ended(&self, id: &str) -> anyhow::Result<Value> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            let operation = self.call("GetOperation", json!({ "operationId": id })).await?["operation"].take();
            if operation["isTerminal"] == true {
                return Ok(operation);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("the operation {id} does not end")
    }

    /// A call that must be refused with this exception; returns the message.
    pub async fn refused(&self, exception: &str, operation: &str, body: Value) -> anyhow::Result<String> {
        let reply = self.send(operation, body).await?;
        ensure!(reply.status == 400 && reply.body["__type"] == exception, "{operation}: {reply:?}");
        Ok(reply.body["message"].as_str().context("no message")?.to_owned())
    }

    pub async fn instance(&self, name: &str) -> anyhow::Result<Value> {
        let body = json!({ "instanceNames": [name], "availabilityZone": "us-east-1a", "blueprintId": "ubuntu_24_04", "bundleId": "nano_3_0" });
        self.change("CreateInstances", body).await?;
        Ok(self.call("GetInstance", json!({ "instanceName": name })).await?["instance"].take())
    }

    pub async fn disk(&self, name: &str) -> anyhow::Result<()> {
        let body = json!({ "diskName": name, "availabilityZone": "us-east-1a", "sizeInGb": 8 });
        self.change("CreateDisk", body).await.map(drop)
    }

    pub async fn admin(&self, method: &str, path: &str, body: Value) -> anyhow::Result<Value> {
        let url = format!("{}/_lab/{path}", self.url);
        let request = self.client.request(method.parse()?, url);
        let request = if method == "GET" || method == "DELETE" { request } else { request.json(&body) };
        let response = request.send().await?.error_for_status()?;
        Ok(response.json().await?)
    }

    pub async fn rule(&self, rule: Value) -> anyhow::Result<()> {
        self.admin("POST", "rules", rule).await.map(drop)
    }
}

pub fn client() -> anyhow::Result<reqwest::Client> {
    // No connection is kept: a dropped one must not be taken for a stale one and tried again.
    Ok(reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build()?)
}

pub async fn send(client: &reqwest::Client, url: &str, operation: &str, body: &Value) -> anyhow::Result<Reply> {
    let request = client
        .post(url)
        .header("authorization", SIGNED)
        .header("x-amz-target", format!("Lightsail_20161128.{operation}"))
        .header("content-type", "application/x-amz-json-1.1")
        .body(body.to_string());
    let response = request.send().await?;
    Ok(Reply { status: response.status().as_u16(), body: response.json().await? })
}
