//! The account in a form that two runs can be compared by: without ids, times and addresses. Resources are called by their
//! tag `Name`, or else counted.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::account::{Account, Region};
use super::input::Tags;
use super::instances::State;
use super::rules::{Rule, Source};

/// Every resource of every region that has any.
pub fn inventory(account: &Account) -> Value {
    let regions = account.regions.iter().map(|(name, region)| (name.clone(), of_region(region)));
    Value::Object(regions.filter(|(_, view)| view.as_object().is_some_and(|kinds| !kinds.is_empty())).collect())
}

fn of_region(region: &Region) -> Value {
    let names = names(region);
    let mut kinds = Map::new();
    let mut add = |kind: &str, found: Vec<(String, Value)>| {
        if !found.is_empty() {
            kinds.insert(kind.to_owned(), Value::Object(found.into_iter().collect()));
        }
    };
    add("ec2_instances", instances(region, &names));
    add("ec2_volumes", volumes(region, &names));
    add("ec2_snapshots", snapshots(region, &names));
    add("ec2_security_groups", groups(region, &names));
    let addresses = region.addresses.values().map(|address| {
        let held = address.instance.as_ref().and_then(|id| names.get(id));
        (names[&address.id].clone(), json!({ "attached_to": held, "tags": address.tags }))
    });
    add("ec2_addresses", addresses.collect());
    let key_pairs = region.key_pairs.values().map(|pair| (pair.name.clone(), json!({ "tags": pair.tags })));
    add("ec2_key_pairs", key_pairs.collect());
    Value::Object(kinds)
}

/// What each id is called: no two alike.
fn names(region: &Region) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    let mut used = BTreeMap::<String, u32>::new();
    let mut call = |id: &str, name: &str| {
        let count = used.entry(name.to_owned()).or_default();
        *count += 1;
        names.insert(id.to_owned(), if *count == 1 { name.to_owned() } else { format!("{name} {count}") });
    };
    let named = |tags: &Tags, otherwise: &str| tags.get("Name").cloned().unwrap_or_else(|| otherwise.to_owned());
    region
        .instances
        .values()
        .filter(|it| it.state != State::Terminated)
        .for_each(|it| call(&it.id, &named(&it.tags, "instance")));
    region.volumes.values().for_each(|it| call(&it.id, &named(&it.tags, if it.is_root { "root" } else { "volume" })));
    region.snapshots.values().for_each(|it| call(&it.id, &named(&it.tags, "snapshot")));
    region.addresses.values().for_each(|it| call(&it.id, &named(&it.tags, "address")));
    region.groups.values().for_each(|it| call(&it.id, &it.name));
    names
}

type Names = BTreeMap<String, String>;

fn instances(region: &Region, names: &Names) -> Vec<(String, Value)> {
    let there = region.instances.values().filter(|instance| instance.state != State::Terminated);
    let view = there.map(|instance| {
        let groups: Vec<&String> = instance.groups.iter().filter_map(|id| names.get(id)).collect();
        let user_data = instance.user_data.as_ref().map(|text| hex::encode(Sha256::digest(text)));
        let profile = instance.profile.as_ref().map(|held| &held.profile.name);
        let view = json!({
            "zone": instance.zone, "image": instance.image, "type": instance.instance_type, "key_pair": instance.key_name,
            "state": instance.state.name(), "security_groups": groups, "user_data": user_data, "profile": profile,
            "metadata": instance.metadata, "credits": instance.credits, "protected": instance.disable_api_termination,
            "spot": instance.spot_request.is_some(), "tags": instance.tags,
        });
        (names[&instance.id].clone(), view)
    });
    view.collect()
}

fn volumes(region: &Region, names: &Names) -> Vec<(String, Value)> {
    let view = region.volumes.values().map(|volume| {
        let held = volume.attachment.as_ref();
        let view = json!({
            "zone": volume.zone, "type": volume.kind, "size_gb": volume.size_gb, "iops": volume.iops,
            "throughput": volume.throughput, "encrypted": volume.encrypted, "tags": volume.tags,
            "attached_to": held.and_then(|held| names.get(&held.instance)), "device": held.map(|held| &held.device),
            "deleted_with_it": held.map(|held| held.delete_on_termination),
        });
        (names[&volume.id].clone(), view)
    });
    view.collect()
}

fn snapshots(region: &Region, names: &Names) -> Vec<(String, Value)> {
    let view = region.snapshots.values().map(|snapshot| {
        let view = json!({
            "from": names.get(&snapshot.volume), "size_gb": snapshot.size_gb, "encrypted": snapshot.encrypted,
            "tags": snapshot.tags,
        });
        (names[&snapshot.id].clone(), view)
    });
    view.collect()
}

/// The default one only if it was changed.
fn groups(region: &Region, names: &Names) -> Vec<(String, Value)> {
    let made = region.groups.values().filter(|group| group.name != "default" || group.rules.len() != 2);
    let view = made.map(|group| {
        let mut rules: Vec<Value> = group.rules.iter().map(|rule| of_rule(rule, names)).collect();
        rules.sort_by_key(Value::to_string);
        let view = json!({ "description": group.description, "rules": rules, "tags": group.tags });
        (names[&group.id].clone(), view)
    });
    view.collect()
}

fn of_rule(rule: &Rule, names: &Names) -> Value {
    let source = match &rule.source {
        Source::Net(net) => net.to_string(),
        Source::Group(id) => names.get(id).unwrap_or(id).clone(),
    };
    json!({
        "egress": rule.egress, "protocol": rule.protocol, "from_port": rule.from_port, "to_port": rule.to_port,
        "source": source, "description": rule.description,
    })
}
