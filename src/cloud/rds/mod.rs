//! Amazon RDS for PostgreSQL and Aurora PostgreSQL, with the network around them and the alarms about them. RDS has no
//! client tokens and no operations: a name is what makes a call safe to repeat, and the state of the resource is what
//! there is to wait for.
//!
//! One name stands for the database and for each group that it needs; which of them a call is about, the call says.

mod alarms;
mod cluster;
mod convert;
mod errors;
mod instance;
mod network;
mod observe;
mod parameters;
mod probe;
mod submit;
mod trust;

use async_trait::async_trait;
use aws_config::SdkConfig;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::api::{CloudError, Probe};
use super::config;
use super::databases::Databases;
use crate::inventory::DatabaseInventory;
use crate::plan::PlanName;
use crate::steps::DatabaseAction;
use alarms::Alarms;
use errors::error;
use network::Networks;
pub use trust::CA_BUNDLE;

pub struct AmazonRds {
    reads: aws_sdk_rds::Client,
    changes: aws_sdk_rds::Client,
    secrets: aws_sdk_secretsmanager::Client,
    lightsail_reads: aws_sdk_lightsail::Client,
    lightsail_changes: aws_sdk_lightsail::Client,
    networks: Networks,
    alarms: Alarms,
    region: String,
}

impl AmazonRds {
    pub async fn connect(region: &str) -> Self {
        Self::with(config::once(region).await, region)
    }

    /// With a configuration that repeats nothing.
    pub fn with(once: SdkConfig, region: &str) -> Self {
        let reads = aws_sdk_rds::config::Builder::from(&once).retry_config(config::repeated()).build();
        let secrets = aws_sdk_secretsmanager::config::Builder::from(&once).retry_config(config::repeated()).build();
        let lightsail = aws_sdk_lightsail::config::Builder::from(&once).retry_config(config::repeated()).build();
        Self {
            reads: aws_sdk_rds::Client::from_conf(reads),
            changes: aws_sdk_rds::Client::new(&once),
            secrets: aws_sdk_secretsmanager::Client::from_conf(secrets),
            lightsail_reads: aws_sdk_lightsail::Client::from_conf(lightsail),
            lightsail_changes: aws_sdk_lightsail::Client::new(&once),
            networks: Networks::new(&once),
            alarms: Alarms::new(&once),
            region: region.to_owned(),
        }
    }
}

/// What RDS keeps in the secret; it may add members.
#[derive(Deserialize)]
struct MasterSecret {
    password: String,
}

#[async_trait]
impl Databases for AmazonRds {
    async fn observe(&self, plan: &PlanName) -> Result<DatabaseInventory, CloudError> {
        observe::observe(self, plan).await
    }

    async fn find(&self, plan: &PlanName) -> Result<Option<DatabaseInventory>, CloudError> {
        observe::find(self, plan).await
    }

    async fn submit(&self, action: &DatabaseAction) -> Result<(), CloudError> {
        submit::submit(self, action).await
    }

    async fn probe(&self, action: &DatabaseAction) -> Result<Probe, CloudError> {
        probe::probe(self, action).await
    }

    async fn password(&self, secret: &str) -> Result<Zeroizing<String>, CloudError> {
        let answer = self.secrets.get_secret_value().secret_id(secret).send().await;
        let answer = answer.map_err(|e| error("GetSecretValue", e))?;
        let text = Zeroizing::new(answer.secret_string.ok_or_else(|| super::errors::incomplete("GetSecretValue"))?);
        // The parser's own words could quote the secret.
        let parsed = serde_json::from_str::<MasterSecret>(&text);
        let parsed = parsed.map_err(|_| super::errors::incomplete("GetSecretValue"))?;
        Ok(Zeroizing::new(parsed.password))
    }

    async fn authorities(&self) -> Result<String, CloudError> {
        trust::authorities(&self.region).await
    }
}
