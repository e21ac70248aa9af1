//! What an instance is told of itself: the leaves of the metadata, by path. Pure but for the clock.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::account::Region;
use super::instances::Instance;
use super::network::{private_name, public_name};
use super::time;
use super::volumes::Volume;
use crate::lightsail::{ACCOUNT, now};

/// How long credentials hold, and how often they are others.
const VALID: f64 = 6.0 * 3600.0;
const RENEWED: f64 = 3600.0;

/// A role of IAM, and since when its profile is with the instance.
pub struct Role {
    pub name: String,
    pub since: f64,
}

type Leaves = BTreeMap<String, String>;

pub fn tree(region: &Region, name: &str, instance: &Instance, private: Ipv4Addr, role: Option<&Role>) -> Leaves {
    let mut leaves = Leaves::new();
    let mut add = |path: &str, value: String| drop(leaves.insert(path.to_owned(), value));
    if let Some(text) = &instance.user_data {
        add("user-data", text.clone());
    }
    add("dynamic/instance-identity/document", identity(instance, name, private));
    for (path, value) in plain(region, name, instance, private) {
        add(&format!("meta-data/{path}"), value);
    }
    if let Some(public) = instance.public_address(region) {
        add("meta-data/public-ipv4", public.to_string());
        add("meta-data/public-hostname", public_name(public));
    }
    if let Some((key, name)) = instance.public_key.as_ref().zip(instance.key_name.as_ref()) {
        add("meta-data/public-keys/0/openssh-key", format!("{key}\n"));
        // The list names the key beside its number.
        add("meta-data/public-keys", format!("0={name}"));
    }
    for (path, value) in iam(instance, role) {
        add(&format!("meta-data/iam/{path}"), value);
    }
    if let Some(at) = instance.interrupted_at {
        let at = time(at);
        add("meta-data/spot/instance-action", json!({ "action": "terminate", "time": at }).to_string());
        add("meta-data/spot/termination-time", at.as_str().unwrap_or_default().to_owned());
    }
    if instance.metadata.tags == "enabled" {
        for (key, value) in &instance.tags {
            add(&format!("meta-data/tags/instance/{key}"), value.clone());
        }
    }
    leaves
}

fn plain(region: &Region, name: &str, instance: &Instance, private: Ipv4Addr) -> Vec<(String, String)> {
    let groups: Vec<&str> =
        instance.groups.iter().filter_map(|id| region.groups.get(id)).map(|group| group.name.as_str()).collect();
    let mac = format!("network/interfaces/macs/{}", instance.interface.mac);
    let life_cycle = if instance.spot_request.is_some() { "spot" } else { "on-demand" };
    let leaves = [
        ("ami-id", instance.image.clone()),
        ("ami-launch-index", instance.launch_index.to_string()),
        ("block-device-mapping/ami", root(region, instance)),
        ("block-device-mapping/root", instance.image().root_device.to_owned()),
        ("events/maintenance/history", "[]".to_owned()),
        ("events/maintenance/scheduled", scheduled(instance)),
        ("hostname", private_name(private)),
        ("instance-action", "none".to_owned()),
        ("instance-id", instance.id.clone()),
        ("instance-life-cycle", life_cycle.to_owned()),
        ("instance-type", instance.instance_type.clone()),
        ("local-hostname", private_name(private)),
        ("local-ipv4", private.to_string()),
        ("mac", instance.interface.mac.clone()),
        ("placement/availability-zone", instance.zone.clone()),
        ("placement/region", name.to_owned()),
        ("profile", "default-hvm".to_owned()),
        ("reservation-id", instance.reservation.clone()),
        ("security-groups", groups.join("\n")),
        ("services/domain", "amazonaws.com".to_owned()),
        ("services/partition", "aws".to_owned()),
    ];
    let of_interface = [
        ("device-number", "0".to_owned()),
        ("interface-id", instance.interface.id.clone()),
        ("local-ipv4s", private.to_string()),
        ("owner-id", ACCOUNT.to_owned()),
        ("public-ipv4s", instance.public_address(region).map(|address| address.to_string()).unwrap_or_default()),
        ("security-group-ids", instance.groups.join("\n")),
        ("subnet-id", instance.subnet.clone()),
        ("vpc-id", instance.vpc.clone()),
    ];
    let of_interface = of_interface.into_iter().map(|(path, value)| (format!("{mac}/{path}"), value));
    leaves.into_iter().map(|(path, value)| (path.to_owned(), value)).chain(of_interface).collect()
}

fn root(region: &Region, instance: &Instance) -> String {
    let root = region.volumes_of(&instance.id).find(|volume| volume.is_root);
    let device = root.and_then(|volume: &Volume| volume.attachment.as_ref()).map(|held| held.device.clone());
    device.unwrap_or_else(|| instance.image().root_device.to_owned())
}

/// As AWS writes it: times with a month's name.
fn scheduled(instance: &Instance) -> String {
    let words = |at: f64| {
        let time = super::in_words(at).map(|time| time.strftime("%-d %b %Y %H:%M:%S GMT").to_string());
        time.unwrap_or_default()
    };
    let events: Vec<Value> = instance
        .events
        .iter()
        .map(|event| {
            json!({
                "NotBefore": words(event.not_before), "NotAfter": event.not_after.map(words), "Code": event.code,
                "Description": event.description, "EventId": event.id, "State": "active",
            })
        })
        .collect();
    json!(events).to_string()
}

fn identity(instance: &Instance, region: &str, private: Ipv4Addr) -> String {
    let document = json!({
        "accountId": ACCOUNT, "architecture": instance.image().architecture, "availabilityZone": instance.zone,
        "billingProducts": null, "devpayProductCodes": null, "marketplaceProductCodes": null, "imageId": instance.image,
        "instanceId": instance.id, "instanceType": instance.instance_type, "kernelId": null,
        "pendingTime": time(instance.launched_at), "privateIp": private.to_string(), "ramdiskId": null, "region": region,
        "version": "2017-09-30",
    });
    format!("{document:#}")
}

fn iam(instance: &Instance, role: Option<&Role>) -> Vec<(String, String)> {
    let Some(held) = &instance.profile else { return Vec::new() };
    let info = json!({
        "Code": "Success", "LastUpdated": time(held.since), "InstanceProfileArn": held.profile.arn,
        "InstanceProfileId": held.profile.id,
    });
    let mut leaves = vec![("info".to_owned(), format!("{info:#}"))];
    if let Some(role) = role {
        leaves.push((format!("security-credentials/{}", role.name), credentials(instance, role)));
    }
    leaves
}

/// Other ones every hour; the gateway accepts any.
fn credentials(instance: &Instance, role: &Role) -> String {
    let turn = ((now() - role.since).max(0.0) / RENEWED).floor();
    let made = role.since + turn * RENEWED;
    let secret = |what: &str| hex::encode(Sha256::digest(format!("{} {} {turn} {what}", instance.id, role.name)));
    let credentials = json!({
        "Code": "Success", "LastUpdated": time(made), "Type": "AWS-HMAC",
        "AccessKeyId": format!("ASIA{}", secret("id")[..16].to_uppercase()), "SecretAccessKey": &secret("secret")[..40],
        "Token": secret("token"), "Expiration": time(made + VALID),
    });
    format!("{credentials:#}")
}
