//! What each provider's hosts need and cannot have.

use super::{Context, Rule};
use crate::plan::finding::Finding;
use crate::plan::model::Provider;

pub(super) const RULES: &[Rule] = &[
    some_host,
    region_for_cloud_hosts,
    zone_in_region,
    needed_keys,
    keys_of_the_cloud,
    keys_of_ec2,
    address_of_a_server,
];

fn some_host(cx: &Context<'_>) -> Vec<Finding> {
    if !cx.plan.hosts.is_empty() || cx.spans.has_below("hosts") {
        return Vec::new();
    }
    let finding = Finding::error("no-hosts", "the plan has no host").at(cx.spans.key("hosts"), "nothing to bring up");
    vec![finding.remedy("add a table like `[hosts.vault]` with `provider`, `size` and `image`")]
}

fn region_for_cloud_hosts(cx: &Context<'_>) -> Vec<Finding> {
    if cx.spans.has("region") {
        return Vec::new();
    }
    let cloud = cx.hosts().find(|(_, _, host)| host.provider != Provider::Ssh);
    let finding = cloud.map(|(path, name, _)| {
        Finding::error("no-region", "the plan has no `region`")
            .at(cx.spans.key(&path), format!("`{name}` is made in a region"))
            .remedy("add a line like `region = \"us-east-1\"` at the top")
    });
    finding.into_iter().collect()
}

fn zone_in_region(cx: &Context<'_>) -> Vec<Finding> {
    let Some(region) = &cx.plan.region else { return Vec::new() };
    let outside = cx.hosts().filter_map(|(path, _, host)| {
        let zone = host.zone.as_ref().filter(|zone| zone.region() != *region)?;
        let finding = Finding::error("zone-outside-region", format!("the zone {zone} is not in {region}"))
            .at(cx.spans.value(&format!("{path}.zone")), "another region")
            .also(cx.spans.value("region"), "the plan's region")
            .reason("disks and addresses of a host must be where it is, and a plan has one region")
            .remedy(format!("write `\"{}\"`, or change `region`", region.first_zone()));
        Some(finding)
    });
    outside.collect()
}

fn needed_keys(cx: &Context<'_>) -> Vec<Finding> {
    let missing = cx.hosts().flat_map(|(path, name, host)| {
        let keys: &[(&str, &str)] = match host.provider {
            Provider::Lightsail => &[("size", "\"medium_3_0\""), ("image", "\"ubuntu_24_04\"")],
            Provider::Ec2 => &[("size", "\"t3.medium\""), ("image", "\"ubuntu_24_04\"")],
            Provider::Ssh => &[("address", "\"user@198.51.100.7\"")],
        };
        // What has a default is there although nobody wrote it.
        let given = |key: &str| match key {
            "size" => host.size.is_some(),
            "image" => host.image.is_some(),
            _ => host.address.is_some(),
        };
        let refused = |key: &str| cx.spans.has(&format!("{path}.{key}"));
        let absent: Vec<_> = keys.iter().filter(|(key, _)| !given(key) && !refused(key)).collect();
        let path = path.clone();
        absent.into_iter().map(move |(key, example)| {
            Finding::error("missing-key", format!("the host `{name}` has no `{key}`"))
                .at(cx.spans.key(&path), format!("`{key}` is missing"))
                .remedy(format!("add a line like `{key} = {example}`"))
        })
    });
    missing.collect()
}

/// Keys that say what to make have no meaning for a server that exists.
fn keys_of_the_cloud(cx: &Context<'_>) -> Vec<Finding> {
    const KEYS: [&str; 11] =
        ["size", "image", "zone", "static_ip", "ports", "disks", "user_data", "vpc", "subnet", "root_gb", "credits"];
    let refused = cx.hosts_of(Provider::Ssh).flat_map(|(path, name, _)| {
        let written = KEYS.into_iter().map(move |key| (key, format!("{path}.{key}")));
        written.filter(|(_, path)| cx.spans.has(path)).map(move |(key, path)| {
            Finding::error("wrong-provider", format!("`{key}` is not for a host with `provider = \"ssh\"`"))
                .at(cx.spans.key(&path), format!("`{name}` exists already"))
                .reason("infra does not make, resize or firewall a server that exists: it only deploys to it")
                .remedy("remove it")
        })
    });
    refused.collect()
}

/// Lightsail has one network, and its sizes include their root disks and their credits.
fn keys_of_ec2(cx: &Context<'_>) -> Vec<Finding> {
    const KEYS: [(&str, &str); 4] = [
        ("vpc", "Lightsail has one network of its own"),
        ("subnet", "Lightsail has one network of its own"),
        ("root_gb", "a Lightsail size includes its root disk"),
        ("credits", "a Lightsail instance slows down when its credits are used, always"),
    ];
    let refused = cx.hosts_of(Provider::Lightsail).flat_map(|(path, _, _)| {
        let written = KEYS.into_iter().map(move |(key, reason)| (key, reason, format!("{path}.{key}")));
        written.filter(|(.., path)| cx.spans.has(path)).map(|(key, reason, path)| {
            Finding::error("wrong-provider", format!("`{key}` is not for a Lightsail host"))
                .at(cx.spans.key(&path), "EC2 only")
                .reason(reason)
                .remedy("remove it, or write `provider = \"ec2\"`")
        })
    });
    refused.collect()
}

fn address_of_a_server(cx: &Context<'_>) -> Vec<Finding> {
    let cloud = cx.hosts().filter(|(_, _, host)| host.provider != Provider::Ssh && host.address.is_some());
    cloud
        .map(|(path, name, _)| {
            Finding::error("wrong-provider", format!("`address` is not for the host `{name}`, which infra makes"))
                .at(cx.spans.key(&format!("{path}.address")), "the cloud gives the address")
                .remedy("remove it; for an address that stays, write `static_ip = true`")
        })
        .collect()
}
