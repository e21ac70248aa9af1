//! Questions of our own to MiniStack, in the name of whoever asked us.

use anyhow::{Context, ensure};
use roxmltree::Document;
use serde_json::Value;

use crate::ec2::{Network, Profile};
use crate::form::Form;

const EC2: &str = "2016-11-15";
const IAM: &str = "2010-05-08";

/// Whose account and which region a question is about.
#[derive(Debug, Clone)]
pub struct Caller {
    pub access_key: String,
    pub region: String,
}

#[derive(Debug, Clone)]
pub struct Behind {
    base: String,
    client: reqwest::Client,
}

impl Behind {
    pub fn new(base: String) -> anyhow::Result<Self> {
        Ok(Self { base, client: reqwest::Client::builder().no_proxy().build()? })
    }

    /// VPCs and subnets.
    pub async fn network(&self, caller: &Caller) -> anyhow::Result<Network> {
        let answer = self.query(caller, "ec2", &Form::new("DescribeSubnets", EC2)).await?.unwrap_or_default();
        Network::read(&answer).context("MiniStack's subnets are not understood")
    }

    /// None where there is no such profile.
    pub async fn instance_profile(&self, caller: &Caller, name: &str) -> anyhow::Result<Option<Profile>> {
        let form = Form::new("GetInstanceProfile", IAM).with("InstanceProfileName", name);
        let Some(answer) = self.query(caller, "iam", &form).await? else { return Ok(None) };
        let document = Document::parse(&answer)?;
        // Its roles have names and ARNs too.
        let profile = document.descendants().find(|node| node.tag_name().name() == "InstanceProfile");
        let text = |name: &str| {
            let found = profile?.children().find(|node| node.tag_name().name() == name)?;
            found.text().map(str::to_owned)
        };
        let found = (text("InstanceProfileName"), text("Arn"), text("InstanceProfileId"));
        let (Some(name), Some(arn), Some(id)) = found else { return Ok(None) };
        Ok(Some(Profile { name, arn, id }))
    }

    /// The role of an instance profile; none where it has none.
    pub async fn role_of(&self, caller: &Caller, profile: &str) -> anyhow::Result<Option<String>> {
        let form = Form::new("GetInstanceProfile", IAM).with("InstanceProfileName", profile);
        let answer = self.query(caller, "iam", &form).await?.unwrap_or_default();
        let document = Document::parse(if answer.is_empty() { "<none/>" } else { &answer })?;
        let role = document.descendants().find(|node| node.tag_name().name() == "RoleName");
        Ok(role.and_then(|node| node.text()).map(str::to_owned))
    }

    /// Forgets everything.
    pub async fn reset(&self) -> anyhow::Result<()> {
        self.client.post(format!("{}/_ministack/reset", self.base)).send().await?.error_for_status()?;
        Ok(())
    }

    /// None where the thing that is asked for is not there.
    pub(crate) async fn query(&self, caller: &Caller, service: &str, form: &Form) -> anyhow::Result<Option<String>> {
        let request = self
            .client
            .post(&self.base)
            .header("authorization", signature(caller, service))
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .body(form.encode());
        let response = request.send().await.context("MiniStack does not answer")?;
        let (status, body) = (response.status(), response.text().await?);
        if (body.contains("NotFound") || body.contains("NoSuchEntity")) && !status.is_success() {
            return Ok(None);
        }
        ensure!(
            status.is_success(),
            "MiniStack answers {status} to {}: {body}",
            form.get("Action").unwrap_or_default()
        );
        Ok(Some(body))
    }

    pub(crate) async fn secrets(&self, caller: &Caller, operation: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self
            .client
            .post(&self.base)
            .header("authorization", signature(caller, "secretsmanager"))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("secretsmanager.{operation}"))
            .body(body.to_string());
        let response = request.send().await.context("MiniStack does not answer")?;
        Ok(response.error_for_status()?.json().await?)
    }
}

/// MiniStack does not verify it either.
fn signature(caller: &Caller, service: &str) -> String {
    let Caller { access_key, region } = caller;
    let scope = format!("20260101/{region}/{service}/aws4_request");
    format!("AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders=host, Signature=00")
}
