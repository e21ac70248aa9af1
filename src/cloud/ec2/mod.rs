//! Amazon EC2, with what it needs of IAM (what an instance may do) and SSM (which image is the current one).
//!
//! EC2 knows ids, a plan names: a resource's name is its tag `Name`, what belongs to the plan its tag `infra:plan`. There are
//! no operations to follow: the state of a resource is what there is to wait for. Reads go through clients that retry;
//! changes go through ones that do not, since only the executor knows whether a second try is safe.

mod console;
mod convert;
mod errors;
mod events;
mod firewall;
mod ids;
mod image;
mod instance;
mod lists;
mod observe;
mod probe;
mod profile;
mod shared;
mod strangers;
mod submit;
mod volume;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types as sdk;
use futures::future::FutureExt as _;

use super::api::{Access, Cloud, CloudError, Operation, OperationState, Probe};
use super::config;
use convert::Resource;
pub(super) use convert::{filter, labels, tags};
use errors::no_such;
use ids::{Ids, Kind};
use shared::Shared;

use crate::inventory::{Inventory, ResourceName, TAG_IMAGE};
use crate::plan::PlanName;
use crate::steps::CloudAction;

/// What of EC2 concerns a plan.
#[derive(Debug, Clone)]
pub struct Ec2Scope {
    pub plan: PlanName,
    /// As the plan names them: `ubuntu_24_04`, `debian_12`, `ami-…`.
    pub images: BTreeSet<String>,
    pub sizes: BTreeSet<String>,
    pub profile: ResourceName,
}

pub struct Ec2 {
    reads: Client,
    changes: Client,
    iam_reads: aws_sdk_iam::Client,
    iam_changes: aws_sdk_iam::Client,
    ssm: aws_sdk_ssm::Client,
    scope: Ec2Scope,
    ids: Arc<Ids>,
    looks: Looks,
}

/// The plan's resources as the looks for an effect see them.
struct Looks {
    instances: Shared<Vec<sdk::Instance>>,
    volumes: Shared<Vec<sdk::Volume>>,
    modifications: Shared<Vec<sdk::VolumeModification>>,
    snapshots: Shared<Vec<sdk::Snapshot>>,
    addresses: Shared<Vec<sdk::Address>>,
    firewalls: Shared<Vec<sdk::SecurityGroup>>,
}

impl Ec2 {
    /// Credentials and endpoints come from the environment and profile files, as for every AWS tool.
    pub async fn connect(region: &str, scope: Ec2Scope) -> Self {
        let once = config::once(region).await;
        let reads = aws_sdk_ec2::config::Builder::from(&once).retry_config(config::repeated()).build();
        let iam_reads = aws_sdk_iam::config::Builder::from(&once).retry_config(config::repeated()).build();
        let ssm = aws_sdk_ssm::config::Builder::from(&once).retry_config(config::repeated()).build();
        let reads = Client::from_conf(reads);
        let ids = Arc::new(Ids::new(rand::random()));
        Self {
            looks: Looks::new(&reads, &scope.plan, &ids),
            reads,
            changes: Client::new(&once),
            iam_reads: aws_sdk_iam::Client::from_conf(iam_reads),
            iam_changes: aws_sdk_iam::Client::new(&once),
            ssm: aws_sdk_ssm::Client::from_conf(ssm),
            scope,
            ids,
        }
    }

    /// None: there is none of that name, or not yet.
    async fn find<T: Resource + Clone>(
        &self,
        kind: Kind,
        look: &Shared<Vec<T>>,
        name: &ResourceName,
    ) -> Result<Option<T>, CloudError> {
        let found = look.fresh().await?;
        let picked = self.ids.pick(kind, &found, name)?;
        if let Some(id) = picked.filter(|one| !one.is_gone()).and_then(Resource::id) {
            self.ids.learn(kind, name, id);
        }
        Ok(picked.cloned())
    }

    async fn instance(&self, name: &ResourceName) -> Result<Option<sdk::Instance>, CloudError> {
        self.find(Kind::Instance, &self.looks.instances, name).await
    }

    async fn volume(&self, name: &ResourceName) -> Result<Option<sdk::Volume>, CloudError> {
        self.find(Kind::Volume, &self.looks.volumes, name).await
    }

    async fn snapshot(&self, name: &ResourceName) -> Result<Option<sdk::Snapshot>, CloudError> {
        self.find(Kind::Snapshot, &self.looks.snapshots, name).await
    }

    async fn address(&self, name: &ResourceName) -> Result<Option<sdk::Address>, CloudError> {
        self.find(Kind::Address, &self.looks.addresses, name).await
    }

    async fn firewall(&self, name: &ResourceName) -> Result<Option<sdk::SecurityGroup>, CloudError> {
        self.find(Kind::Firewall, &self.looks.firewalls, name).await
    }

    /// From memory where it was seen or made in this run; otherwise it is looked for.
    async fn id(&self, kind: Kind, name: &ResourceName) -> Result<String, CloudError> {
        if let Some(id) = self.ids.get(kind, name) {
            return Ok(id);
        }
        let found = match kind {
            Kind::Instance => self.instance(name).await?.and_then(|found| found.instance_id),
            Kind::Volume => self.volume(name).await?.and_then(|found| found.volume_id),
            Kind::Snapshot => self.snapshot(name).await?.and_then(|found| found.snapshot_id),
            Kind::Address => self.address(name).await?.and_then(|found| found.allocation_id),
            Kind::Firewall => self.firewall(name).await?.and_then(|found| found.group_id),
        };
        found.ok_or_else(|| no_such(kind.word(), name))
    }
}

impl Looks {
    fn new(client: &Client, plan: &PlanName, ids: &Arc<Ids>) -> Self {
        let (reader, known) = (client.clone(), ids.clone());
        Self {
            instances: look(client, plan, lists::instances),
            volumes: look(client, plan, lists::volumes),
            modifications: Shared::new(move || lists::modifications(reader.clone(), known.all(Kind::Volume)).boxed()),
            snapshots: look(client, plan, lists::snapshots),
            addresses: look(client, plan, lists::addresses),
            firewalls: look(client, plan, lists::own_firewalls),
        }
    }
}

fn look<T, F>(client: &Client, plan: &PlanName, list: fn(Client, PlanName) -> F) -> Shared<Vec<T>>
where
    T: 'static,
    F: Future<Output = Result<Vec<T>, CloudError>> + Send + 'static,
{
    let (client, plan) = (client.clone(), plan.clone());
    Shared::new(move || list(client.clone(), plan.clone()).boxed())
}

#[async_trait]
impl Cloud for Ec2 {
    async fn observe(&self) -> Result<Inventory, CloudError> {
        observe::observe(self).await
    }

    async fn submit(&self, action: &CloudAction) -> Result<Vec<Operation>, CloudError> {
        submit::submit(self, action).await.map(|()| vec![])
    }

    async fn operation(&self, _: &Operation) -> Result<OperationState, CloudError> {
        Ok(OperationState::Done)
    }

    async fn probe(&self, action: &CloudAction) -> Result<Probe, CloudError> {
        probe::probe(self, action).await
    }

    async fn access(&self, instance: &ResourceName, keys: bool) -> Result<Access, CloudError> {
        let found = self.instance(instance).await?.ok_or_else(|| no_such(Kind::Instance.word(), instance))?;
        let address = found.public_ip_address().filter(|a| !a.is_empty()).or(found.private_ip_address());
        let tags = convert::tags(found.tags());
        let image = tags.get(TAG_IMAGE).or(found.image_id()).unwrap_or_default();
        Ok(Access {
            address: address.ok_or_else(|| errors::incomplete("DescribeInstances"))?.to_owned(),
            user: image::user(image).to_owned(),
            host_keys: match found.instance_id().filter(|_| keys) {
                Some(id) => console::host_keys(&self.reads, id).await?,
                None => vec![],
            },
            identity: None,
        })
    }

    /// An EBS volume's NVMe device shows the volume's id as its serial, without the dash.
    async fn serial(&self, disk: &ResourceName) -> Result<Option<String>, CloudError> {
        self.id(Kind::Volume, disk).await.map(|id| Some(id.replace('-', "")))
    }

    /// Credits are CloudWatch's to tell.
    async fn burst_percent(&self, _: &ResourceName) -> Result<Option<f64>, CloudError> {
        Ok(None)
    }
}
