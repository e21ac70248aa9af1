//! Static IP addresses: allocated from the lab's network, attached to at most one instance.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call, Region};
use super::error::ApiError;
use super::operations::Subject;
use super::page::page;
use super::resource::{Identity, Kind, extend};
use super::work::Work;
use crate::machines::Machines;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StaticIp {
    pub identity: Identity,
    pub address: Ipv4Addr,
    pub attached_to: Option<String>,
}

impl StaticIp {
    fn view(&self) -> Value {
        let more = json!({ "ipAddress": self.address, "attachedTo": self.attached_to, "isAttached": self.attached_to.is_some() });
        extend(self.identity.view(), more)
    }

    fn subject<'a>(&'a self, details: &'a str) -> Subject<'a> {
        Subject { kind: Kind::StaticIp, name: &self.identity.name, zone: "all", details }
    }
}

/// 203.0.113.200–250 first; with a raised quota, the other two networks reserved for documentation. It is claimed: another
/// lab of this machine has the same networks.
fn free_address(region: &Region, region_name: &str, machines: &dyn Machines) -> Option<Ipv4Addr> {
    let near = (200..=250).map(|last| Ipv4Addr::new(203, 0, 113, last));
    let far = (1..=254).flat_map(|last| [Ipv4Addr::new(198, 51, 100, last), Ipv4Addr::new(192, 0, 2, last)]);
    let free = near.chain(far).filter(|address| !region.static_ips.values().any(|taken| taken.address == *address));
    let claim = |address: &Ipv4Addr| machines.claim_address(region_name, *address);
    free.into_iter()
        .find(|address| claim(address).inspect_err(|e| tracing::error!("{address}: {e:#}")).unwrap_or(false))
}

fn find<'a>(call: &'a Call<'_>, name: &str) -> Result<&'a StaticIp, ApiError> {
    call.region.static_ips.get(name).ok_or_else(|| ApiError::not_found("StaticIp", name))
}

pub fn allocate(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("staticIpName")?.to_owned();
    call.check_new_name(&name)?;
    let limit = call.quotas.static_ips;
    let within = call.region.static_ips.len() < limit as usize;
    let address = within.then(|| free_address(call.region, call.region_name, call.machines)).flatten();
    let address = address.ok_or_else(|| ApiError::quota("Static IPs", limit))?;
    let identity = call.identity(Kind::StaticIp, &name, "all", Vec::new());
    let ip = StaticIp { identity, address, attached_to: None };
    call.region.static_ips.insert(name, ip.clone());
    call.operations("AllocateStaticIp", Work::Nothing, &[ip.subject("")])
}

pub fn attach(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("staticIpName")?.to_owned();
    let target = call.input.text("instanceName")?.to_owned();
    let ip = find(call, &name)?.clone();
    let instance = call.region.instance(&target)?.clone();
    if let Some(holder) = &ip.attached_to {
        let message =
            format!("The static IP \"{name}\" is already attached to the instance \"{holder}\". Detach it first");
        return Err(ApiError::invalid(message));
    }
    if call.region.static_ips.values().any(|other| other.attached_to.as_deref() == Some(&target)) {
        return Err(ApiError::invalid(format!("The instance \"{target}\" already has a static IP")));
    }
    instance.check_settled()?;
    if let Some(ip) = call.region.static_ips.get_mut(&name) {
        ip.attached_to = Some(target.clone());
    }
    let work = Work::AssignAddress { static_ip: name.clone(), instance: target.clone() };
    let of_instance = Subject { details: &name, ..instance.subject() };
    call.operations("AttachStaticIp", work, &[ip.subject(&target), of_instance])
}

pub fn detach(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("staticIpName")?.to_owned();
    let ip = find(call, &name)?.clone();
    let Some(holder) = ip.attached_to.clone() else {
        return Err(ApiError::invalid(format!("The static IP \"{name}\" is not attached to an instance")));
    };
    let instance = call.region.instance(&holder)?.clone();
    instance.check_settled()?;
    if let Some(ip) = call.region.static_ips.get_mut(&name) {
        ip.attached_to = None;
    }
    let work = Work::UnassignAddress { static_ip: name.clone(), instance: holder.clone() };
    let of_instance = Subject { details: &name, ..instance.subject() };
    call.operations("DetachStaticIp", work, &[ip.subject(&holder), of_instance])
}

pub fn release(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("staticIpName")?.to_owned();
    let ip = find(call, &name)?.clone();
    if let Some(holder) = &ip.attached_to {
        let message = format!("The static IP \"{name}\" is attached to the instance \"{holder}\". Detach it first");
        return Err(ApiError::invalid(message));
    }
    call.region.static_ips.remove(&name);
    if let Err(error) = call.machines.give_up_address(ip.address) {
        tracing::error!("{} stays claimed: {error:#}", ip.address);
    }
    call.operations("ReleaseStaticIp", Work::Nothing, &[ip.subject("")])
}

pub fn list(call: &Call<'_>) -> Answer {
    page(call, "staticIps", call.region.static_ips.values().map(StaticIp::view))
}

pub fn get(call: &Call<'_>) -> Answer {
    Ok(json!({ "staticIp": find(call, call.input.text("staticIpName")?)?.view() }))
}
