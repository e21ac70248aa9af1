//! Amazon Lightsail. Reads go through a client that retries; changes go through one that does not, since only the
//! executor knows whether a second try is safe (there are no client tokens: the resource name is the idempotency key).

mod convert;
mod errors;
mod observe;
mod probe;
mod submit;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_lightsail::Client;
use aws_sdk_lightsail::types as sdk;
use zeroize::Zeroizing;

use super::api::{Access, Cloud, CloudError, HostKey, Identity, Operation, OperationState, Probe};
use super::config;
use crate::inventory::{Inventory, ResourceName};
use crate::steps::CloudAction;
use errors::error;

/// Lightsail measures burst capacity every five minutes.
const METRIC_PERIOD: i32 = 300;
/// Three periods back: the newest is often not there yet.
const METRIC_WINDOW: Duration = Duration::from_secs(900);

pub struct Lightsail {
    reads: Client,
    changes: Client,
}

impl Lightsail {
    /// Credentials and endpoints come from the environment and profile files, as for every AWS tool.
    pub async fn connect(region: &str) -> Self {
        let once = config::once(region).await;
        let reads = aws_sdk_lightsail::config::Builder::from(&once).retry_config(config::repeated()).build();
        Self { reads: Client::from_conf(reads), changes: Client::new(&once) }
    }
}

#[async_trait]
impl Cloud for Lightsail {
    async fn observe(&self) -> Result<Inventory, CloudError> {
        observe::observe(&self.reads).await
    }

    async fn submit(&self, action: &CloudAction) -> Result<Vec<Operation>, CloudError> {
        submit::submit(&self.changes, action).await
    }

    async fn operation(&self, operation: &Operation) -> Result<OperationState, CloudError> {
        let answer = self.reads.get_operation().operation_id(&operation.0).send().await;
        let answer = answer.map_err(|e| error("GetOperation", e))?;
        Ok(answer.operation.map_or(OperationState::Running, |o| convert::operation_state(&o)))
    }

    async fn probe(&self, action: &CloudAction) -> Result<Probe, CloudError> {
        probe::probe(&self.reads, action).await
    }

    async fn access(&self, instance: &ResourceName, _keys: bool) -> Result<Access, CloudError> {
        let call = self.reads.get_instance_access_details().instance_name(instance.as_str());
        let answer = call.send().await.map_err(|e| error("GetInstanceAccessDetails", e))?;
        let details = answer.access_details.ok_or_else(|| errors::incomplete("GetInstanceAccessDetails"))?;
        let host_keys = details
            .host_keys
            .unwrap_or_default()
            .into_iter()
            .filter_map(|k| Some(HostKey { algorithm: k.algorithm?, key: k.public_key? }));
        let identity = details
            .private_key
            .zip(details.cert_key)
            .map(|(private_key, certificate)| Identity { private_key: Zeroizing::new(private_key), certificate });
        Ok(Access {
            address: details.ip_address.ok_or_else(|| errors::incomplete("GetInstanceAccessDetails"))?,
            user: details.username.ok_or_else(|| errors::incomplete("GetInstanceAccessDetails"))?,
            host_keys: host_keys.collect(),
            identity,
        })
    }

    async fn serial(&self, _: &ResourceName) -> Result<Option<String>, CloudError> {
        Ok(None)
    }

    async fn burst_percent(&self, instance: &ResourceName) -> Result<Option<f64>, CloudError> {
        let now = std::time::SystemTime::now();
        let call = self
            .reads
            .get_instance_metric_data()
            .instance_name(instance.as_str())
            .metric_name(sdk::InstanceMetricName::BurstCapacityPercentage)
            .period(METRIC_PERIOD)
            .start_time((now - METRIC_WINDOW).into())
            .end_time(now.into())
            .unit(sdk::MetricUnit::Percent)
            .statistics(sdk::MetricStatistic::Average);
        let answer = call.send().await.map_err(|e| error("GetInstanceMetricData", e))?;
        let points = answer.metric_data.unwrap_or_default();
        Ok(points.iter().filter_map(|p| Some((p.timestamp?.secs(), p.average?))).max_by_key(|p| p.0).map(|p| p.1))
    }
}
