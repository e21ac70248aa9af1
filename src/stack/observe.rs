//! One look at everything: the clouds by list calls, then those hosts that the plan does something on, over SSH.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;

use super::load::Stack;
use crate::cloud::{Cloud, CloudError, Clouds};
use crate::executor::{HostKeys, SshHosts, existing};
use crate::graph::NodeId;
use crate::host::{HostError, Session, Site, Target};
use crate::inventory::{DatabaseView, Gap, HostFacts, HostView, Instance, InstanceState, Inventory};
use crate::plan::{NodeName, Provider};

/// Long enough for a host that is up; a plan does not wait for one that is not.
const CONNECT: Duration = Duration::from_secs(8);

#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    #[error("cannot observe the cloud")]
    Cloud(#[from] CloudError),
}

pub async fn observe(stack: &Stack, cloud: Option<&Clouds>) -> Result<Inventory, ObserveError> {
    let mut inventory = match cloud {
        Some(cloud) => cloud.observe().await?,
        None => Inventory::empty(Timestamp::now()),
    };
    let looking = join_all(looked_at(stack).map(|name| look(stack, cloud, &inventory, name)));
    let (views, database) = tokio::join!(looking, database(stack));
    inventory.hosts = views.into_iter().flatten().collect();
    inventory.database = database;
    Ok(inventory)
}

/// Whether the host of `[migrate.ec2]` is there: then it is one of the plan's. Looked for by who names one.
pub async fn find_database_host(stack: &mut Stack, cloud: Option<&Clouds>) -> Result<(), ObserveError> {
    let (Some((name, _)), Some(cloud)) = (stack.plan.database_host(), cloud) else { return Ok(()) };
    let (inventory, node) = (cloud.observe().await?, NodeId::host(&name));
    if inventory.instances_of(&stack.plan.name, node.as_str()).next().is_some() {
        stack.take_in_database_host();
    }
    Ok(())
}

/// Rights for RDS are wanted only by who has such a database: without them everything else is seen.
async fn database(stack: &Stack) -> DatabaseView {
    let Some(databases) = super::databases(stack).await else { return DatabaseView::Absent };
    match databases.find(&stack.plan.name).await {
        Ok(Some(found)) => DatabaseView::Seen(Box::new(found)),
        Ok(None) => DatabaseView::Absent,
        Err(error) => DatabaseView::Unseen(Gap(error.to_string())),
    }
}

/// Hosts with something on them: disks to mount, or the bundle.
fn looked_at(stack: &Stack) -> impl Iterator<Item = &NodeName> {
    let carries = stack.plan.bundle.as_ref().map(|b| &b.host);
    stack.plan.hosts.iter().filter(move |(name, h)| !h.disks.is_empty() || carries == Some(name)).map(|(name, _)| name)
}

/// None: there is no host to look at yet.
async fn look(
    stack: &Stack,
    cloud: Option<&Clouds>,
    inventory: &Inventory,
    name: &NodeName,
) -> Option<(NodeName, HostView)> {
    let site = stack.site(name)?;
    let target = match way(stack, cloud, inventory, name).await? {
        Ok(target) => target,
        Err(gap) => return Some((name.clone(), HostView::Unseen(gap))),
    };
    let view = match facts(&target, &site).await {
        Ok(facts) => HostView::Seen(HostFacts { instance: instance_of(stack, inventory, name), ..facts }),
        Err(HostError::HostKeyMismatch { .. }) => anew(stack, cloud, inventory, name, &site).await,
        Err(error) => HostView::Unseen(Gap(crate::error::chain(&error))),
    };
    Some((name.clone(), view))
}

/// Another key than the pinned one. Perhaps a colleague made the instance anew: what the cloud says of its keys counts,
/// and only what answers with these is the host.
async fn anew(stack: &Stack, cloud: Option<&Clouds>, inventory: &Inventory, name: &NodeName, site: &Site) -> HostView {
    let target = match (cloud, serving(stack, inventory, name)) {
        (Some(cloud), Some(instance)) => repinned(stack, cloud, instance, name).await,
        _ => Err(Gap(format!("host {name} shows another host key than the one in your known_hosts"))),
    };
    match target {
        Ok(target) => match facts(&target, site).await {
            Ok(facts) => HostView::Seen(HostFacts { instance: instance_of(stack, inventory, name), ..facts }),
            Err(error) => HostView::Mistaken(Gap(crate::error::chain(&error))),
        },
        Err(gap) => HostView::Mistaken(gap),
    }
}

async fn repinned(stack: &Stack, cloud: &Clouds, instance: &Instance, name: &NodeName) -> Result<Target, Gap> {
    let hosts: SshHosts = super::hosts(stack, Some(cloud.clone()), &Inventory::empty(Timestamp::now()), "plan");
    let access = cloud_of(cloud, instance)?.access(&instance.name, true).await.map_err(|e| Gap(e.to_string()))?;
    if access.host_keys.is_empty() {
        return Err(Gap(format!("{} shows another host key than the pinned one", instance.name)));
    }
    stack.local.unpin(&instance.name).map_err(|e| Gap(e.to_string()))?;
    hosts.target_of(name, &instance.name, &access).map_err(|e| Gap(e.to_string()))
}

async fn facts(target: &Target, site: &Site) -> Result<HostFacts, HostError> {
    let session = Session::connect(target, CONNECT).await?;
    let facts = session.facts(site).await;
    drop(session.close().await);
    facts
}

async fn way(
    stack: &Stack,
    cloud: Option<&Clouds>,
    inventory: &Inventory,
    name: &NodeName,
) -> Option<Result<Target, Gap>> {
    let host = stack.plan.hosts.get(name)?;
    if host.provider == Provider::Ssh {
        return host.address.as_ref().map(|address| Ok(existing(name, address.as_str())));
    }
    let instance = serving(stack, inventory, name)?;
    if instance.state != InstanceState::Running {
        return Some(Err(Gap(format!("instance {} is {:?}", instance.name, instance.state).to_lowercase())));
    }
    // In a network that is reached from within, there is the private one alone.
    let Some(address) = instance.public_ip.clone().or_else(|| instance.private_ip.clone()) else {
        return Some(Err(Gap(format!("instance {} has no address", instance.name))));
    };
    let keys: &dyn HostKeys = &stack.local;
    let pinned = match keys.pinned(&instance.name, &address) {
        Ok(pinned) => pinned,
        Err(error) => return Some(Err(Gap(error.to_string()))),
    };
    Some(match (pinned, keys.private_key()) {
        (Some(known_hosts), Some(identity)) => Ok(Target {
            host: name.clone(),
            address,
            port: 22,
            user: instance.user.clone(),
            identity: Some(identity),
            certificate: None,
            known_hosts: Some(known_hosts),
        }),
        _ => first_contact(stack, cloud, instance, name).await,
    })
}

/// On a machine that has not been connected to the host: asks the cloud for its keys. For the bundle's host only, so
/// that the number of calls stays constant.
async fn first_contact(
    stack: &Stack,
    cloud: Option<&Clouds>,
    instance: &Instance,
    name: &NodeName,
) -> Result<Target, Gap> {
    let carries = stack.plan.bundle.as_ref().is_some_and(|b| &b.host == name);
    let Some(cloud) = cloud.filter(|_| carries) else {
        return Err(Gap(format!("this machine has not been connected to {} yet", instance.name)));
    };
    let hosts: SshHosts = super::hosts(stack, Some(cloud.clone()), &Inventory::empty(Timestamp::now()), "plan");
    let access = cloud_of(cloud, instance)?.access(&instance.name, true).await.map_err(|e| Gap(e.to_string()))?;
    if access.host_keys.is_empty() {
        return Err(Gap(format!("the cloud does not tell the host keys of {} (yet)", instance.name)));
    }
    hosts.target_of(name, &instance.name, &access).map_err(|e| Gap(e.to_string()))
}

fn cloud_of<'a>(clouds: &'a Clouds, instance: &Instance) -> Result<&'a Arc<dyn Cloud>, Gap> {
    clouds.at(instance.cloud).map_err(|e| Gap(e.to_string()))
}

fn instance_of(stack: &Stack, inventory: &Inventory, name: &NodeName) -> Option<String> {
    serving(stack, inventory, name).map(|instance| instance.name.to_string())
}

/// The instance that holds the address; or else one that runs, and of two that do the older: the younger is on its way to
/// take its place.
pub fn serving<'a>(stack: &Stack, inventory: &'a Inventory, name: &NodeName) -> Option<&'a Instance> {
    let node = NodeId::host(name);
    let address = inventory.address(&crate::graph::Names(&stack.plan.name).address(name));
    let holds = |i: &Instance| address.is_some_and(|a| a.attached_to.as_ref() == Some(&i.name));
    let ours = |i: &&Instance| i.tags.is_node(&stack.plan.name, node.as_str()) && i.state != InstanceState::Gone;
    let runs = |i: &Instance| i.state == InstanceState::Running;
    inventory.instances.iter().filter(ours).max_by_key(|i| (holds(i), runs(i), Reverse(i.created_at)))
}
