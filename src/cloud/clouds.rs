//! The clouds that a plan's hosts come from, as one account.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::try_join_all;
use jiff::Timestamp;

use super::api::{Cloud, CloudError, CloudErrorKind};
use crate::inventory::{CloudKind, Inventory};

#[derive(Clone)]
pub struct Clouds(BTreeMap<CloudKind, Arc<dyn Cloud>>);

impl Clouds {
    /// None where there is no cloud at all.
    pub fn new(clouds: impl IntoIterator<Item = (CloudKind, Arc<dyn Cloud>)>) -> Option<Self> {
        let clouds: BTreeMap<_, _> = clouds.into_iter().collect();
        (!clouds.is_empty()).then_some(Self(clouds))
    }

    pub fn at(&self, kind: CloudKind) -> Result<&Arc<dyn Cloud>, CloudError> {
        self.0.get(&kind).ok_or_else(|| CloudError {
            kind: CloudErrorKind::Refused,
            operation: format!("a call of {kind}"),
            code: "no such cloud".into(),
            message: "no host of the plan is there".into(),
        })
    }

    /// What there is in any of them, looked at side by side.
    pub async fn observe(&self) -> Result<Inventory, CloudError> {
        let seen = try_join_all(self.0.values().map(|cloud| cloud.observe())).await?;
        Ok(seen.into_iter().fold(Inventory::empty(Timestamp::now()), merged))
    }
}

fn merged(mut all: Inventory, one: Inventory) -> Inventory {
    all.instances.extend(one.instances);
    all.disks.extend(one.disks);
    all.snapshots.extend(one.snapshots);
    all.addresses.extend(one.addresses);
    all.key_pairs.extend(one.key_pairs);
    all.contacts.extend(one.contacts);
    all.alarms.extend(one.alarms);
    all.sizes.extend(one.sizes);
    // Only EC2 tells any of it.
    if one.ec2 != Default::default() {
        all.ec2 = one.ec2;
    }
    all
}
