//! One gateway, one folder, one plan file, and the program run in it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use lab::ministack::MiniStack;
use lab::{Gateway, Options, Running};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// Somebody who may do everything. The signature is not verified; the scope in it names region and service.
const SIGNED: &str =
    "AWS4-HMAC-SHA256 Credential=owner/20260101/us-east-1/lightsail/aws4_request, SignedHeaders=host, Signature=00";
/// Longer than any run here takes, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Stage {
    pub folder: TempDir,
    lab: Running,
    /// Roles, where the plan's hosts have some. It ends with the stage.
    _ministack: Option<MiniStack>,
    client: reqwest::Client,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn must(self, code: i32) -> anyhow::Result<Self> {
        ensure!(self.code == Some(code), "expected exit {code}: {:?}\n{}\n{}", self.code, self.out, self.err);
        Ok(self)
    }

    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("no JSON: {}", self.out))
    }
}

impl Stage {
    pub async fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let state = folder.path().join("account");
        std::fs::create_dir(&state)?;
        let lab = Gateway::start(Options::new(state)).await?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { folder, lab, _ministack: None, client })
    }

    /// With the services beside EC2 that its hosts need.
    pub async fn ec2(plan: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let state = folder.path().join("account");
        std::fs::create_dir(&state)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let ministack = MiniStack::start(&state, port, false).await?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let begun = Instant::now();
        while client.get(format!("{}/_ministack/health", ministack.url())).send().await.is_err() {
            ensure!(begun.elapsed() < PATIENCE, "MiniStack does not begin to listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let options = Options { ministack: Some(ministack.url()), ..Options::new(state) };
        let lab = Gateway::start(options).await?;
        let stage = Self { folder, lab, _ministack: Some(ministack), client };
        stage.plan(plan)?;
        stage.limit_rights().await?;
        Ok(stage)
    }

    /// Whatever runs here has the rights that docs/permissions.md gives, and no others.
    async fn limit_rights(&self) -> anyhow::Result<()> {
        let page = include_str!("../../docs/permissions.md");
        let blocks = page.split("```json").skip(1).filter_map(|rest| rest.split("```").next());
        let policies = blocks.map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
        let statements = policies.iter().filter_map(|policy| policy["Statement"].as_array()).flatten();
        let actions: Vec<&Value> =
            statements.filter_map(|statement| statement["Action"].as_array()).flatten().collect();
        ensure!(!actions.is_empty(), "the page has no policies");
        self.admin("PUT", "settings", json!({ "rights": { "lab": actions } })).await.map(drop)
    }

    pub async fn with(plan: &str) -> anyhow::Result<Self> {
        let stage = Self::new().await?;
        stage.plan(plan)?;
        stage.limit_rights().await?;
        Ok(stage)
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("plan.toml")
    }

    pub fn plan(&self, text: &str) -> anyhow::Result<()> {
        Ok(std::fs::write(self.path(), text)?)
    }

    pub fn spawn(&self, arguments: &[&str]) -> anyhow::Result<Child> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("AWS_PROFILE")
            .env_remove("INFRA_DIR")
            .env("AWS_ENDPOINT_URL", &self.lab.url)
            .env("AWS_ACCESS_KEY_ID", "lab")
            .env("AWS_SECRET_ACCESS_KEY", "lab")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.spawn().context("cannot start infra")
    }

    pub async fn ended(&self, child: Child) -> anyhow::Result<Ended> {
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.context("infra does not end")??;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ended { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
    }

    pub async fn infra(&self, arguments: &[&str]) -> anyhow::Result<Ended> {
        self.ended(self.spawn(arguments)?).await
    }

    /// `up --yes`, to a good end.
    pub async fn up(&self) -> anyhow::Result<Ended> {
        self.infra(&["up", "plan.toml", "--yes"]).await?.must(0)
    }

    /// What `infra plan` prints.
    pub async fn shown(&self) -> anyhow::Result<String> {
        Ok(self.infra(&["plan", "plan.toml"]).await?.must(0)?.out)
    }

    pub async fn admin(&self, method: &str, path: &str, body: Value) -> anyhow::Result<Value> {
        let request = self.client.request(method.parse()?, format!("{}/_lab/{path}", self.lab.url));
        let request = if method == "GET" || method == "DELETE" { request } else { request.json(&body) };
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    pub async fn rule(&self, rule: Value) -> anyhow::Result<()> {
        self.admin("POST", "rules", rule).await.map(drop)
    }

    pub async fn no_rules(&self) -> anyhow::Result<()> {
        self.admin("DELETE", "rules", Value::Null).await.map(drop)
    }

    pub async fn inventory(&self) -> anyhow::Result<Value> {
        self.admin("GET", "inventory", Value::Null).await
    }

    /// Requests by operation since the last call of this.
    pub async fn calls(&self) -> anyhow::Result<Value> {
        let calls = self.admin("GET", "calls", Value::Null).await?;
        self.admin("DELETE", "calls", Value::Null).await?;
        Ok(calls)
    }

    /// A call of somebody else's, whose effect is waited for.
    pub async fn call(&self, operation: &str, body: Value) -> anyhow::Result<Value> {
        let request = self
            .client
            .post(&self.lab.url)
            .header("authorization", SIGNED)
            .header("x-amz-target", format!("Lightsail_20161128.{operation}"))
            .header("content-type", "application/x-amz-json-1.1")
            .body(body.to_string());
        let answer: Value = request.send().await?.error_for_status()?.json().await?;
        self.settled().await?;
        Ok(answer)
    }

    /// AWS's own command line, by somebody who may do everything; the answer's text.
    pub async fn aws(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(lab::paths::venv().join("bin/aws"))
            .args(["--endpoint-url", &self.lab.url, "--region", "us-east-1", "--output", "text"])
            .args(arguments)
            .env("AWS_ACCESS_KEY_ID", "owner")
            .env("AWS_SECRET_ACCESS_KEY", "owner")
            .env("AWS_CONFIG_FILE", "/nonexistent")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
            .output()
            .await
            .context("cannot run aws")?;
        ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Waits until no operation of the account goes on any more.
    pub async fn settled(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let request = self
                .client
                .post(&self.lab.url)
                .header("authorization", SIGNED)
                .header("x-amz-target", "Lightsail_20161128.GetOperations")
                .header("content-type", "application/x-amz-json-1.1")
                .body("{}");
            let answer: Value = request.send().await?.json().await?;
            let running =
                answer["operations"].as_array().is_some_and(|all| all.iter().any(|o| o["isTerminal"] != true));
            if !running {
                return Ok(());
            }
            ensure!(begun.elapsed() < PATIENCE, "operations do not end: {answer}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a request is held, or none is any more.
    pub async fn held(&self, expected: bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let holds = self.admin("GET", "holds", Value::Null).await?;
            if holds.as_array().is_some_and(|holds| !holds.is_empty()) == expected {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("held: not {expected}")
    }

    /// Runs infra until this rule holds one of its requests, and kills it there.
    pub async fn killed_at(&self, rule: Value, args: &[&str]) -> anyhow::Result<()> {
        self.rule(rule).await?;
        let mut child = self.spawn(args)?;
        self.held(true).await?;
        child.kill().await?;
        self.held(false).await?;
        self.no_rules().await
    }

    /// Lets all held requests go on.
    pub async fn release(&self) -> anyhow::Result<()> {
        let holds = self.admin("GET", "holds", Value::Null).await?;
        for hold in holds.as_array().into_iter().flatten() {
            self.admin("POST", &format!("holds/{}/release", hold["id"]), Value::Null).await?;
        }
        Ok(())
    }

    pub async fn quotas(&self) -> anyhow::Result<()> {
        let quotas = json!({ "quotas": { "vcpus": 1000, "static_ips": 1000 } });
        self.admin("PUT", "settings", quotas).await.map(drop)
    }
}

/// A host with everything that the cloud alone can give.
pub const PLAN: &str = r#"
name = "demo"
region = "us-east-1"

[hosts.web]
provider = "lightsail"
size = "nano_3_0"
image = "ubuntu_24_04"
static_ip = true
ports = [{ port = 22, from = ["203.0.113.0/24"] }, { port = 443, from = ["0.0.0.0/0", "::/0"] }]

[alerts]
email = ["ops@example.com"]

[[thresholds]]
metric = "cpu.burst_percent"
below = true
warn = 20
migrate = 5
for = "15m"
"#;

/// `PLAN`, edited: every pair must be found.
pub fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(PLAN.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the plan has no {from}");
        text.replacen(from, to, 1)
    })
}

/// The same on EC2: what needs no connection to a host.
pub const EC2: &str = r#"
name = "demo"
region = "us-east-1"

[hosts.web]
provider = "ec2"
size = "t3.small"
image = "ubuntu_24_04"
static_ip = true
ports = [{ port = 22, from = ["203.0.113.0/24"] }, { port = 443, from = ["0.0.0.0/0", "::/0"] }]
"#;

/// `EC2`, edited: every pair must be found.
pub fn edited_ec2(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(EC2.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the plan has no {from}");
        text.replacen(from, to, 1)
    })
}
