//! One lab with MiniStack, and the provider that talks to it.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use aws_sdk_rds::config::Credentials;
use infra::cloud::Databases;
use infra::cloud::rds::AmazonRds;
use infra::executor::{Policy, Reporter, apply_database};
use infra::inventory::DatabaseInventory;
use infra::plan::{Acu, Gigabytes, ManagedSize, MigrateAurora, MigrateRds, PlanName, Port};
use infra::steps::{DatabaseAction, DatabaseWish, StepId, provision, remove_database};
use lab::machines::{Machines, NoMachines};
use lab::ministack::MiniStack;
use lab::{Gateway, Options, Running};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc::unbounded_channel;

/// The signature is not verified; the scope in it names region and service.
const SIGNED: &str =
    "AWS4-HMAC-SHA256 Credential=lab/20260101/us-east-1/lightsail/aws4_request, SignedHeaders=host, Signature=00";
const REGION: &str = "us-east-1";
/// Longer than anything here takes, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Stage {
    pub rds: AmazonRds,
    pub plan: PlanName,
    lab: Running,
    ministack: MiniStack,
    client: reqwest::Client,
    folder: TempDir,
}

impl Stage {
    /// Without `containers` databases exist in the account only.
    pub async fn new(containers: bool) -> anyhow::Result<Self> {
        Self::start(plan(), containers, Arc::new(NoMachines::default())).await
    }

    /// With hosts beside the databases. The plan has another name: containers of databases are named after them, and
    /// tests run side by side.
    pub async fn with_machines(machines: Arc<dyn Machines>) -> anyhow::Result<Self> {
        Self::start("joined".to_owned().try_into().unwrap(), true, machines).await
    }

    async fn start(plan: PlanName, containers: bool, machines: Arc<dyn Machines>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let ministack = MiniStack::start(folder.path(), free_port()?, containers).await?;
        let ministack_url = Some(ministack.url());
        let options =
            Options { ministack: ministack_url, databases: containers, machines, ..Options::new(folder.path()) };
        let lab = Gateway::start(options).await?;
        let rds = AmazonRds::with(config(&lab.url).await, REGION);
        let client = reqwest::Client::builder().no_proxy().build()?;
        let stage = Self { rds, plan, lab, ministack, client, folder };
        stage.ready().await?;
        Ok(stage)
    }

    /// MiniStack takes some seconds until it answers.
    async fn ready(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.observe().await.is_ok() {
                return Ok(());
            }
        }
        self.observe().await.map(drop)
    }

    /// Removes what the lab has made; a container outlives a test otherwise.
    pub async fn end(self) -> anyhow::Result<()> {
        self.admin("POST", "reset", json!({})).await?;
        drop(self.lab);
        self.ministack.stop().await;
        Ok(())
    }

    pub fn authorities(&self) -> PathBuf {
        lab::rds::Authority::certificate(&self.folder.path().join("rds"))
    }

    pub async fn observe(&self) -> anyhow::Result<DatabaseInventory> {
        Ok(self.rds.observe(&self.plan).await?)
    }

    pub async fn apply(&self, actions: &[DatabaseAction]) -> anyhow::Result<()> {
        let policy = Policy { poll_max: Duration::from_millis(500), step_timeout: Some(PATIENCE), ..Policy::default() };
        for action in actions {
            let (to, _events) = unbounded_channel();
            let reporter = Reporter { step: StepId("provision".into()), to };
            let applied = apply_database(&self.rds, action, &policy, &reporter).await;
            applied.with_context(|| format!("{action:?}"))?;
        }
        Ok(())
    }

    /// As `infra migrate` does: what is missing, and again until nothing is.
    pub async fn provision(&self, wish: &DatabaseWish) -> anyhow::Result<DatabaseInventory> {
        for _ in 0..3 {
            let missing = provision(wish, &self.observe().await?)?;
            if missing.is_empty() {
                break;
            }
            self.apply(&missing).await?;
        }
        let found = self.observe().await?;
        ensure!(provision(wish, &found)?.is_empty(), "something is still missing: {found:?}");
        Ok(found)
    }

    pub async fn remove(&self) -> anyhow::Result<DatabaseInventory> {
        self.apply(&remove_database(
            &plan(),
            Some(infra::inventory::ResourceName::new("demo-db-last")),
            &self.observe().await?,
        )?)
        .await?;
        self.observe().await
    }

    pub async fn admin(&self, method: &str, path: &str, body: Value) -> anyhow::Result<Value> {
        let request = self.client.request(method.parse()?, format!("{}/_lab/{path}", self.lab.url));
        let request = if method == "GET" || method == "DELETE" { request } else { request.json(&body) };
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// Boots a host; its private address.
    pub async fn host(&self, name: &str) -> anyhow::Result<Ipv4Addr> {
        let (zone, blueprint, bundle) = ("us-east-1a", "debian_12", "nano_3_0");
        let body = json!({
            "instanceNames": [name], "availabilityZone": zone, "blueprintId": blueprint, "bundleId": bundle,
        });
        self.lightsail("CreateInstances", body).await?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let answer = self.lightsail("GetInstance", json!({ "instanceName": name })).await?;
            if answer["instance"]["state"]["name"] == "running" {
                return Ok(answer["instance"]["privateIpAddress"].as_str().context("no address")?.parse()?);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        anyhow::bail!("the host {name} does not run")
    }

    /// A call that somebody else makes.
    pub async fn lightsail(&self, operation: &str, body: Value) -> anyhow::Result<Value> {
        let request = self
            .client
            .post(&self.lab.url)
            .header("authorization", SIGNED)
            .header("x-amz-target", format!("Lightsail_20161128.{operation}"))
            .header("content-type", "application/x-amz-json-1.1")
            .body(body.to_string());
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// Waits until a request is held, or none is any more.
    pub async fn held(&self, expected: bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let holds = self.admin("GET", "holds", Value::Null).await?;
            if holds.as_array().is_some_and(|holds| !holds.is_empty()) == expected {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::bail!("held: not {expected}")
    }

    /// The changing calls since the last time, with how often each was made.
    pub async fn changes(&self) -> anyhow::Result<Vec<(String, u64)>> {
        let calls = self.admin("GET", "calls", Value::Null).await?;
        self.admin("DELETE", "calls", Value::Null).await?;
        let services = calls["services"].as_object().context("no services")?.values();
        let all = services.filter_map(Value::as_object).flatten();
        let changing = all.filter(|(_, count)| count["mutating"] == true);
        Ok(changing.map(|(name, count)| (name.clone(), count["calls"].as_u64().unwrap_or(0))).collect())
    }
}

pub fn plan() -> PlanName {
    "demo".to_owned().try_into().unwrap()
}

/// A database that this machine, as the lab's network sees it, may connect to.
pub fn wish() -> DatabaseWish {
    DatabaseWish {
        plan: plan(),
        size: ManagedSize::Rds(MigrateRds {
            class: "db.m7g.large".to_owned().try_into().unwrap(),
            storage_gb: Gigabytes(20),
        }),
        memory_gb: 8,
        master: "postgres".into(),
        database: None,
        port: Port::new(5432).unwrap(),
        from: vec![format!("{}/32", lab::machines::OPERATOR).parse().unwrap()],
        peer: true,
    }
}

/// The same of Aurora.
pub fn aurora() -> DatabaseWish {
    let size = ManagedSize::Aurora(MigrateAurora { min_acu: Acu(0.5), max_acu: Acu(8.0) });
    DatabaseWish { size, memory_gb: 16, ..wish() }
}

async fn config(url: &str) -> aws_config::SdkConfig {
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new(REGION))
        .endpoint_url(url)
        .credentials_provider(Credentials::new("lab", "lab", None, None, "lab"))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .http_client(infra::cloud::http_client())
        .load()
        .await
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
