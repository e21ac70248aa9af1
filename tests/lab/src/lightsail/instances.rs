//! Instances: what they are, what they show, and the calls that make, start, stop and delete them.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call, Region};
use super::catalog::{self, Blueprint, Bundle};
use super::error::ApiError;
use super::operations::Subject;
use super::page::page;
use super::ports::{self, Port};
use super::resource::{Identity, Kind, extend, short_id};
use super::work::Work;
use crate::machines::{HostKey, MachineId};

/// AWS's limit for user data.
const MAX_USER_DATA: usize = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Pending,
    Running,
    ShuttingDown,
    Stopping,
    Stopped,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// EC2's numbers for the states.
    fn code(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }

    fn view(self) -> Value {
        json!({ "code": self.code(), "name": self.name() })
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Instance {
    pub identity: Identity,
    pub machine: MachineId,
    pub blueprint: String,
    pub bundle: String,
    pub key_pair: String,
    pub user_data: Option<String>,
    pub ip_address_type: String,
    pub state: State,
    /// The machine's own address; none before its first boot and while it is stopped.
    pub address: Option<Ipv4Addr>,
    pub host_keys: Vec<HostKey>,
    pub ports: Vec<Port>,
    /// The snapshot that its root file system comes from.
    pub from_snapshot: Option<String>,
    /// Add-ons that are on: type, and time of day for automatic snapshots.
    pub add_ons: Vec<(String, String)>,
}

impl Instance {
    pub fn bundle(&self) -> &'static Bundle {
        catalog::find_bundle(&self.bundle).expect("instances are made of known bundles")
    }

    pub fn blueprint(&self) -> &'static Blueprint {
        catalog::find_blueprint(&self.blueprint).expect("instances are made of known blueprints")
    }

    /// The address that the world sees: the attached static one, or its own.
    pub fn public_address(&self, region: &Region) -> Option<Ipv4Addr> {
        let attached = region.static_ips.values().find(|ip| ip.attached_to.as_deref() == Some(&self.identity.name));
        attached.map(|ip| ip.address).or(self.address)
    }

    /// Refuses what cannot be done while the instance changes its state.
    pub fn check_settled(&self) -> Result<(), ApiError> {
        match self.state {
            State::Running | State::Stopped => Ok(()),
            state => Err(ApiError::busy("instance", &self.identity.name, state.name())),
        }
    }

    pub fn subject(&self) -> Subject<'_> {
        Subject { kind: Kind::Instance, name: &self.identity.name, zone: &self.identity.zone, details: "" }
    }

    fn view(&self, region: &Region) -> Value {
        let name = &self.identity.name;
        let is_static = region.static_ips.values().any(|ip| ip.attached_to.as_deref() == Some(name));
        let bundle = self.bundle();
        let ports: Vec<Value> = self.ports.iter().map(Port::info).collect();
        extend(
            self.identity.view(),
            json!({
                "blueprintId": self.blueprint, "blueprintName": self.blueprint().name, "bundleId": self.bundle,
                "addOns": self.add_ons_view(), "isStaticIp": is_static, "privateIpAddress": self.address,
                "publicIpAddress": self.public_address(region), "ipv6Addresses": [], "ipAddressType": self.ip_address_type,
                "hardware": { "cpuCount": bundle.cpus, "ramSizeInGb": bundle.ram_gb, "disks": self.disks(region) },
                "networking": { "monthlyTransfer": { "gbPerMonthAllocated": bundle.transfer_gb }, "ports": ports },
                "state": self.state.view(), "username": self.blueprint().user, "sshKeyName": self.key_pair,
                "metadataOptions": {
                    "state": "applied", "httpTokens": "optional", "httpEndpoint": "enabled",
                    "httpPutResponseHopLimit": 1, "httpProtocolIpv6": "disabled",
                },
            }),
        )
    }

    fn add_ons_view(&self) -> Vec<Value> {
        let view =
            |(name, time): &(String, String)| json!({ "name": name, "status": "Enabled", "snapshotTimeOfDay": time });
        self.add_ons.iter().map(view).collect()
    }

    /// The system disk, then what is attached.
    fn disks(&self, region: &Region) -> Vec<Value> {
        let size = self.bundle().disk_gb;
        let system = json!({
            "createdAt": self.identity.created_at, "sizeInGb": size, "isSystemDisk": true, "iops": size * 3,
            "path": "/dev/xvda", "attachedTo": self.identity.name, "attachmentState": "attached", "isAttached": true,
        });
        let attached = region.disks.values().filter(|disk| disk.attached_to() == Some(&self.identity.name));
        std::iter::once(system).chain(attached.map(|disk| disk.view())).collect()
    }
}

/// What every way to make instances has in common.
pub(super) struct Order {
    pub names: Vec<String>,
    zone: String,
    bundle: &'static Bundle,
    blueprint: &'static Blueprint,
    user_data: Option<String>,
    key_pair: String,
    from_snapshot: Option<String>,
}

pub fn create(call: &mut Call<'_>) -> Answer {
    let blueprint = call.input.text("blueprintId")?.to_owned();
    let order = order(call, &blueprint, None)?;
    place(call, &order, "CreateInstance")
}

/// Checks an order completely before anything of it is made.
pub(super) fn order(call: &mut Call<'_>, blueprint: &str, from_snapshot: Option<String>) -> Result<Order, ApiError> {
    let names = call.input.texts("instanceNames");
    if names.is_empty() {
        return Err(ApiError::invalid("The request must contain the parameter instanceNames"));
    }
    for (index, name) in names.iter().enumerate() {
        call.check_new_name(name)?;
        if names[..index].contains(name) {
            return Err(ApiError::name_taken(name));
        }
    }
    let zone = call.input.text("availabilityZone")?.to_owned();
    call.check_zone(&zone)?;
    let (bundle, blueprint) = catalog::choose(call.input.text("bundleId")?, blueprint)?;
    let user_data = call.input.optional_text("userData").filter(|text| !text.is_empty()).map(String::from);
    if user_data.as_deref().is_some_and(|text| text.len() > MAX_USER_DATA) {
        return Err(ApiError::invalid("User data is limited to 16384 bytes"));
    }
    check_vcpus(call, bundle, names.len())?;
    let key_pair = super::key_pairs::for_new_instance(call)?;
    Ok(Order { names, zone, bundle, blueprint, user_data, key_pair, from_snapshot })
}

fn check_vcpus(call: &Call<'_>, bundle: &Bundle, count: usize) -> Result<(), ApiError> {
    let used: u32 = call.region.instances.values().map(|instance| instance.bundle().cpus).sum();
    let wanted = bundle.cpus * u32::try_from(count).unwrap_or(u32::MAX);
    match used.saturating_add(wanted) > call.quotas.vcpus {
        true => Err(ApiError::quota("vCPUs", call.quotas.vcpus)),
        false => Ok(()),
    }
}

/// Makes the ordered instances; each boots for itself.
pub(super) fn place(call: &mut Call<'_>, order: &Order, operation_type: &str) -> Answer {
    let tags = call.input.tags()?;
    let add_ons: Vec<_> = call.input.list("addOns").iter().map(super::add_ons::read).collect::<Result<_, _>>()?;
    let ip_address_type = call.input.optional_text("ipAddressType").unwrap_or("dualstack").to_owned();
    let mut operations = Vec::new();
    for name in &order.names {
        let instance = Instance {
            identity: call.identity(Kind::Instance, name, &order.zone, tags.clone()),
            machine: MachineId(short_id("i")),
            blueprint: order.blueprint.id.to_owned(),
            bundle: order.bundle.id.to_owned(),
            key_pair: order.key_pair.clone(),
            user_data: order.user_data.clone(),
            ip_address_type: ip_address_type.clone(),
            state: State::Pending,
            address: None,
            host_keys: Vec::new(),
            ports: ports::of_new_instance(),
            from_snapshot: order.from_snapshot.clone(),
            add_ons: add_ons.clone(),
        };
        let work = Work::Boot { instance: name.clone() };
        let started = call.start(operation_type, work, &[instance.subject()]);
        operations.push(started[0].clone());
        call.region.instances.insert(name.clone(), instance);
    }
    Ok(json!({ "operations": operations }))
}

pub fn list(call: &Call<'_>) -> Answer {
    page(call, "instances", call.region.instances.values().map(|instance| instance.view(call.region)))
}

pub fn get(call: &Call<'_>) -> Answer {
    Ok(json!({ "instance": call.instance()?.view(call.region) }))
}

pub fn get_state(call: &Call<'_>) -> Answer {
    Ok(json!({ "state": call.instance()?.state.view() }))
}

pub fn start(call: &mut Call<'_>) -> Answer {
    if call.input.get("attributeUpdates").is_some() {
        return Err(ApiError::failure("The lab does not change the bundle of an instance: make one from a snapshot"));
    }
    transition(call, "StartInstance", State::Stopped, State::Pending, |instance| Work::Start { instance })
}

pub fn stop(call: &mut Call<'_>) -> Answer {
    transition(call, "StopInstance", State::Running, State::Stopping, |instance| Work::Stop { instance })
}

/// A rebooting instance stays `running`, as AWS shows it.
pub fn reboot(call: &mut Call<'_>) -> Answer {
    transition(call, "RebootInstance", State::Running, State::Running, |instance| Work::Reboot { instance })
}

fn transition(call: &mut Call<'_>, operation: &str, from: State, to: State, work: fn(String) -> Work) -> Answer {
    let name = call.input.text("instanceName")?.to_owned();
    let instance = call.region.instance_mut(&name)?;
    if instance.state != from {
        let state = instance.state.name();
        return Err(ApiError::failure(format!(
            "The instance \"{name}\" is not {}. Its state is: {state}",
            from.name()
        )));
    }
    instance.state = to;
    let copy = instance.clone();
    call.operations(operation, work(name), &[copy.subject()])
}

/// Static IP and disks are detached; automatic snapshots and alarms go with the instance.
pub fn delete(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("instanceName")?.to_owned();
    let force = call.input.flag("forceDeleteAddOns");
    let instance = call.region.instance_mut(&name)?;
    if !instance.add_ons.is_empty() && !force {
        let message = format!("The instance \"{name}\" has add-ons. Disable them first, or use forceDeleteAddOns");
        return Err(ApiError::failure(message));
    }
    instance.check_settled()?;
    let from = std::mem::replace(&mut instance.state, State::ShuttingDown);
    let copy = instance.clone();
    call.operations("DeleteInstance", Work::Terminate { instance: name, from }, &[copy.subject()])
}
