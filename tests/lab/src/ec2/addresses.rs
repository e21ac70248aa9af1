//! Elastic IPs, and the public addresses that instances get without one.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call, Region};
use super::error::ApiError;
use super::filters::{Values, matches, maybe, one, tag_set};
use super::input::Tags;
use super::instances::{Instance, State};
use super::work::Work;
use crate::lightsail::{ACCOUNT, short_id};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Address {
    /// Its allocation.
    pub id: String,
    pub address: Ipv4Addr,
    pub instance: Option<String>,
    pub association: Option<String>,
    pub tags: Tags,
}

impl Address {
    fn view(&self, region: &Region, region_name: &str) -> Value {
        let mut view = json!({
            "AllocationId": self.id, "PublicIp": self.address, "Domain": "vpc", "PublicIpv4Pool": "amazon",
            "NetworkBorderGroup": region_name,
        });
        if let Some(instance) = self.instance.as_ref().and_then(|id| region.instances.get(id)) {
            view["InstanceId"] = json!(instance.id);
            view["AssociationId"] = json!(self.association);
            view["NetworkInterfaceId"] = json!(instance.interface.id);
            view["NetworkInterfaceOwnerId"] = json!(ACCOUNT);
            view["PrivateIpAddress"] = json!(instance.private_address);
        }
        if !self.tags.is_empty() {
            view["Tags"] = tag_set(&self.tags);
        }
        view
    }

    fn filter(&self, region: &Region, name: &str) -> Values {
        let holder = self.instance.as_ref().and_then(|id| region.instances.get(id));
        match name {
            "allocation-id" => one(&self.id),
            "association-id" => maybe(self.association.as_ref()),
            "instance-id" => maybe(self.instance.as_ref()),
            "public-ip" => one(self.address),
            "domain" => one("vpc"),
            "network-interface-id" => maybe(holder.map(|instance| &instance.interface.id)),
            "private-ip-address" => maybe(holder.and_then(|instance| instance.private_address)),
            _ => None,
        }
    }
}

/// An address that nobody has: not the last one that was given, so that an instance that starts again gets another.
fn free(call: &mut Call<'_>) -> Result<Ipv4Addr, ApiError> {
    let region = &*call.region;
    let taken = |address: &Ipv4Addr| {
        region.addresses.values().any(|elastic| elastic.address == *address)
            || region.instances.values().any(|it| it.dynamic_address == Some(*address) || it.assigned == Some(*address))
    };
    let all = call.machines.public_addresses();
    let after =
        region.last_address.and_then(|last| all.iter().position(|address| *address == last)).map_or(0, |at| at + 1);
    let in_turn = all[after..].iter().chain(&all[..after]).copied();
    // A name of its own: Lightsail's addresses of the same region are others'.
    let holder = format!("ec2/{}", call.region_name);
    let claim = |address: &Ipv4Addr| {
        let claimed = call.machines.claim_address(&holder, *address);
        claimed.inspect_err(|error| tracing::error!("{address}: {error:#}")).unwrap_or(false)
    };
    let found = in_turn.filter(|address| !taken(address)).find(claim);
    let found =
        found.ok_or_else(|| ApiError::new("InsufficientFreeAddressesInSubnet", "The lab has no free address"))?;
    call.region.last_address = Some(found);
    Ok(found)
}

/// For an instance that starts.
pub fn dynamic(call: &mut Call<'_>) -> Result<Ipv4Addr, ApiError> {
    free(call)
}

pub fn allocate(call: &mut Call<'_>) -> Answer {
    call.input.tags_only_for(&["elastic-ip"])?;
    if call.region.addresses.len() >= call.settings.quotas.elastic_ips as usize {
        let message = "The maximum number of addresses has been reached.";
        return Err(ApiError::new("AddressLimitExceeded", message));
    }
    let tags = call.input.tags_for("elastic-ip")?;
    let (id, address) = (short_id("eipalloc"), free(call)?);
    let new = Address { id: id.clone(), address, instance: None, association: None, tags };
    call.region.addresses.insert(id.clone(), new);
    Ok(json!({
        "AllocationId": id, "PublicIp": address, "Domain": "vpc", "PublicIpv4Pool": "amazon",
        "NetworkBorderGroup": call.region_name,
    }))
}

fn find(call: &Call<'_>) -> Result<Address, ApiError> {
    let (id, public) = (call.input.maybe("AllocationId"), call.input.maybe("PublicIp"));
    let mut all = call.region.addresses.values();
    let found = match (id, public) {
        (Some(id), _) => all.find(|address| address.id == id),
        (None, Some(public)) => all.find(|address| address.address.to_string() == public),
        (None, None) => return Err(ApiError::missing("AllocationId")),
    };
    found.cloned().ok_or_else(|| match (id, public) {
        (Some(id), _) => {
            ApiError::new("InvalidAllocationID.NotFound", format!("The allocation ID '{id}' does not exist"))
        }
        (None, public) => {
            let message = format!("Address '{}' not found.", public.unwrap_or_default());
            ApiError::new("InvalidAddress.NotFound", message)
        }
    })
}

fn target(call: &Call<'_>) -> Result<Instance, ApiError> {
    let (id, interface) = (call.input.maybe("InstanceId"), call.input.maybe("NetworkInterfaceId"));
    match (id, interface) {
        (Some(id), _) => call.region.instance(id).cloned(),
        (None, Some(interface)) => {
            let found = call.region.machines().find(|instance| instance.interface.id == interface);
            found.cloned().ok_or_else(|| {
                let message = format!("The networkInterface ID '{interface}' does not exist");
                ApiError::new("InvalidNetworkInterfaceID.NotFound", message)
            })
        }
        (None, None) => {
            Err(ApiError::new("MissingParameter", "Either instance ID or network interface id must be specified"))
        }
    }
}

/// An address moves without a word unless the request forbids it; another one of the instance is given up.
pub fn associate(call: &mut Call<'_>) -> Answer {
    let (address, instance) = (find(call)?, target(call)?);
    if !matches!(instance.state, State::Running | State::Stopped) {
        let message = format!(
            "The {} instance '{}' is not in a valid state for this operation.",
            instance.state.name(),
            instance.id
        );
        return Err(ApiError::new("InvalidInstanceID", message));
    }
    if address.instance.as_ref() == Some(&instance.id) {
        return Ok(json!({ "AssociationId": address.association }));
    }
    if address.instance.is_some() && call.input.flag("AllowReassociation") == Some(false) {
        let association = address.association.unwrap_or_default();
        let message = format!("resource {} is already associated with associate-id {association}", address.id);
        return Err(ApiError::new("Resource.AlreadyAssociated", message));
    }
    let association = short_id("eipassoc");
    let others: Vec<String> = call
        .region
        .addresses
        .values()
        .filter(|it| it.instance.as_ref() == Some(&instance.id))
        .map(|it| it.id.clone())
        .collect();
    for other in others.iter().chain([&address.id]) {
        part(call, other)?;
    }
    if let Some(held) = call.region.addresses.get_mut(&address.id) {
        held.instance = Some(instance.id.clone());
        held.association = Some(association.clone());
    }
    // The one that it got goes back to AWS.
    call.region.instance_mut(&instance.id)?.dynamic_address = None;
    call.start(Work::Addresses { instance: instance.id });
    Ok(json!({ "AssociationId": association }))
}

/// Takes an address off its instance, which then gets another if it runs and is to have one.
fn part(call: &mut Call<'_>, id: &str) -> Result<(), ApiError> {
    let Some(address) = call.region.addresses.get_mut(id) else { return Ok(()) };
    address.association = None;
    let Some(holder) = address.instance.take() else { return Ok(()) };
    let wants =
        call.region.instances.get(&holder).is_some_and(|it| it.state == State::Running && it.wants_public_address);
    if wants {
        let next = free(call)?;
        call.region.instance_mut(&holder)?.dynamic_address = Some(next);
    }
    call.start(Work::Addresses { instance: holder });
    Ok(())
}

pub fn disassociate(call: &mut Call<'_>) -> Answer {
    let id = match call.input.maybe("AssociationId") {
        Some(association) => {
            let mut all = call.region.addresses.values();
            let found = all.find(|address| address.association.as_deref() == Some(association));
            let message = format!("The association ID '{association}' does not exist");
            found.ok_or_else(|| ApiError::new("InvalidAssociationID.NotFound", message))?.id.clone()
        }
        None => find(call)?.id,
    };
    part(call, &id)?;
    Ok(json!({}))
}

pub fn release(call: &mut Call<'_>) -> Answer {
    let address = find(call)?;
    if address.association.is_some() {
        let message = format!("Address {} is in use.", address.address);
        return Err(ApiError::new("InvalidIPAddress.InUse", message));
    }
    call.region.addresses.remove(&address.id);
    call.start(Work::GiveUpAddress { address: address.address });
    Ok(json!({}))
}

/// Not in pages.
pub fn describe(call: &Call<'_>) -> Answer {
    let (ids, publics) = (call.input.texts("AllocationIds"), call.input.texts("PublicIps"));
    if let Some(id) = ids.iter().find(|id| !call.region.addresses.contains_key(*id)) {
        return Err(ApiError::new("InvalidAllocationID.NotFound", format!("The allocation ID '{id}' does not exist")));
    }
    let has = |public: &String| call.region.addresses.values().any(|address| address.address.to_string() == *public);
    if let Some(public) = publics.iter().find(|public| !has(public)) {
        return Err(ApiError::new("InvalidAddress.NotFound", format!("Address '{public}' not found.")));
    }
    let mut shown = Vec::new();
    for address in call.region.addresses.values() {
        let named = (ids.is_empty() || ids.contains(&address.id))
            && (publics.is_empty() || publics.contains(&address.address.to_string()));
        if named && matches(call.input, &address.tags, |name| address.filter(call.region, name))? {
            shown.push(address.view(call.region, call.region_name));
        }
    }
    Ok(json!({ "Addresses": shown }))
}
