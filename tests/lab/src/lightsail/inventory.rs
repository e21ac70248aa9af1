//! The account in a form that two runs can be compared by: without ids, times and addresses.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::account::{Account, Region};
use super::disks::DiskState;
use super::resource::Identity;

/// Every resource of every region that has any, under its name.
pub fn inventory(account: &Account) -> Value {
    let regions = account.regions.iter().map(|(name, region)| (name.clone(), of_region(region)));
    let used = regions.filter(|(_, view)| view.as_object().is_some_and(|kinds| !kinds.is_empty()));
    Value::Object(used.collect())
}

fn of_region(region: &Region) -> Value {
    let mut kinds = Map::new();
    let mut add = |kind: &str, resources: Map<String, Value>| {
        if !resources.is_empty() {
            kinds.insert(kind.to_owned(), Value::Object(resources));
        }
    };
    add("instances", instances(region));
    add("disks", disks(region));
    add("static_ips", each(&region.static_ips, |ip| json!({ "attached_to": ip.attached_to })));
    add("key_pairs", each(&region.key_pairs, |pair| json!({ "tags": tags(&pair.identity) })));
    add(
        "alarms",
        each(
            &region.alarms,
            |alarm| json!({ "instance": alarm.instance, "rule": alarm.rule, "tags": tags(&alarm.identity) }),
        ),
    );
    add(
        "contact_methods",
        each(&region.contacts, |contact| json!({ "endpoint": contact.endpoint, "tags": tags(&contact.identity) })),
    );
    add("disk_snapshots", disk_snapshots(region));
    add(
        "instance_snapshots",
        each(&region.instance_snapshots, |it| json!({ "from": it.from_instance, "tags": tags(&it.identity) })),
    );
    if region.peered {
        kinds.insert("peered".into(), json!(true));
    }
    Value::Object(kinds)
}

fn each<T>(resources: &std::collections::BTreeMap<String, T>, view: impl Fn(&T) -> Value) -> Map<String, Value> {
    resources.iter().map(|(name, resource)| (name.clone(), view(resource))).collect()
}

fn tags(identity: &Identity) -> Value {
    let tags = identity.tags.iter().map(|tag| (tag.key.clone(), json!(tag.value)));
    Value::Object(tags.collect())
}

fn instances(region: &Region) -> Map<String, Value> {
    each(&region.instances, |instance| {
        let user_data = instance.user_data.as_ref().map(|text| hex::encode(Sha256::digest(text)));
        let mut ports = instance.ports.clone();
        ports.sort_by_key(|port| (port.from_port, port.to_port, format!("{:?}", port.protocol)));
        for port in &mut ports {
            port.cidrs.sort();
            port.ipv6_cidrs.sort();
        }
        json!({
            "zone": instance.identity.zone, "blueprint": instance.blueprint, "bundle": instance.bundle,
            "key_pair": instance.key_pair, "state": instance.state.name(), "ports": ports, "user_data": user_data,
            "add_ons": instance.add_ons, "tags": tags(&instance.identity),
        })
    })
}

fn disks(region: &Region) -> Map<String, Value> {
    each(&region.disks, |disk| {
        let (attached_to, path) = match &disk.state {
            DiskState::Attached { instance, path, .. } => (Some(instance), Some(path)),
            _ => (None, None),
        };
        json!({
            "zone": disk.identity.zone, "size_gb": disk.size_gb, "attached_to": attached_to, "path": path,
            "tags": tags(&disk.identity),
        })
    })
}

fn disk_snapshots(region: &Region) -> Map<String, Value> {
    each(
        &region.disk_snapshots,
        |snapshot| json!({ "from": snapshot.from_disk, "size_gb": snapshot.size_gb, "tags": tags(&snapshot.identity) }),
    )
}
