//! Who does a step: the cloud, a host, or this machine.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::cloud::{apply, apply_database};
use super::event::Reporter;
use super::hosts::Hosts;
use super::policy::Policy;
use crate::cloud::{CloudError, Clouds, Databases};
use crate::host::HostError;
use crate::inventory::{CloudKind, ResourceName};
use crate::steps::{Action, CloudAction, Step};

#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error(transparent)]
    Cloud(#[from] CloudError),
    #[error("the operation failed: {code}: {details}")]
    Operation { code: String, details: String },
    #[error("waited {}s for {waiting_for}", after.as_secs())]
    TimedOut { after: Duration, waiting_for: String },
    #[error("gave up after {}s: {last}", after.as_secs())]
    GaveUp { after: Duration, last: String },
    #[error("waited {}s for the host keys of {instance}: nobody has said yet which they are", after.as_secs())]
    NoHostKeys { instance: ResourceName, at: CloudKind, after: Duration },
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("{0}")]
    Setup(String),
}

impl StepError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Cloud(error) => error.hint(),
            Self::Host(error) => error.hint(),
            Self::TimedOut { .. } => Some(
                "it may still end: run the same command again, it continues from what is there; --step-timeout waits \
                 longer"
                    .into(),
            ),
            Self::NoHostKeys { instance, .. } => Some(format!(
                "AWS shows what a host prints at its first boot a few minutes after it: run the same command again. If it never \
                 comes, look at the keys on the host's own console (EC2 serial console: `for k in /etc/ssh/*.pub; do ssh-keygen \
                 -lf $k; done`), and say which it is: --host-key {instance}=SHA256:…"
            )),
            Self::GaveUp { .. } => Some("run the same command again when the service has recovered".into()),
            Self::Operation { .. } | Self::Setup(_) => None,
        }
    }
}

#[async_trait]
pub trait StepRunner: Send + Sync {
    async fn perform(&self, step: &Step, reporter: &Reporter) -> Result<(), StepError>;
}

/// The real ones.
pub struct LiveRunner {
    pub cloud: Option<Clouds>,
    pub databases: Option<Arc<dyn Databases>>,
    pub hosts: Arc<dyn Hosts>,
    pub policy: Policy,
}

#[async_trait]
impl StepRunner for LiveRunner {
    async fn perform(&self, step: &Step, reporter: &Reporter) -> Result<(), StepError> {
        let timeout = self.policy.timeout(&step.action);
        match &step.action {
            Action::Cloud { at, action } => {
                let clouds = self.cloud.as_ref().ok_or_else(|| StepError::Setup("this plan has no cloud".into()))?;
                let cloud = clouds.at(*at)?;
                if let CloudAction::CreateInstance(spec) = action {
                    self.hosts.unpin(&spec.name).await?;
                }
                apply(cloud.as_ref(), action, &self.policy, timeout, reporter).await?;
                if let Some(instance) = moves(action) {
                    self.hosts.forget(instance).await;
                }
                Ok(())
            }
            Action::Database(action) => {
                let databases = self.databases.as_ref();
                let databases = databases.ok_or_else(|| StepError::Setup("this plan names no region".into()))?;
                apply_database(databases.as_ref(), action, &self.policy, reporter).await
            }
            Action::Host(action) => self.hosts.perform(action, timeout, reporter).await,
            Action::Local(action) => self.hosts.local(action, reporter).await,
        }
    }
}

/// The instance to which open connections are void afterwards.
fn moves(action: &CloudAction) -> Option<&ResourceName> {
    match action {
        CloudAction::AttachAddress { instance, .. } => Some(instance),
        CloudAction::StopInstance { name } | CloudAction::DeleteInstance { name } => Some(name),
        _ => None,
    }
}
