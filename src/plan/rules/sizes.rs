//! Sizes and images: spelled as the provider spells them, and large enough for what runs there.
//! Which of them exist is for the provider to say, when it is asked.

use super::{Context, Rule, nearest};
use crate::plan::finding::Finding;
use crate::plan::model::Provider;
use crate::plan::names::SizeName;

pub(super) const RULES: &[Rule] =
    &[size_of_provider, misspelled_bundle, memory_for_database, image_of_provider, known_system];

/// Families of Lightsail bundles, as GetBundles lists them.
const BUNDLES: [&str; 9] = ["nano", "micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge"];

/// Sizes under 4 GB, the floor for PostgreSQL and TimescaleDB with room for what feeds them.
const SMALL: [&str; 3] = ["nano", "micro", "small"];

fn size_of_provider(cx: &Context<'_>) -> Vec<Finding> {
    let foreign = cx.hosts().filter_map(|(path, _, host)| {
        let size = host.size.as_ref()?;
        let (what, example) = match host.provider {
            Provider::Lightsail if !is_bundle(size) => ("a Lightsail bundle id", "medium_3_0"),
            Provider::Ec2 if !is_instance_type(size) => ("an EC2 instance type", "t3.medium"),
            _ => return None,
        };
        let finding = Finding::error("foreign-size", format!("`{size}` is not {what}"))
            .at(cx.spans.value(&format!("{path}.size")), format!("not {what}"));
        Some(match (is_bundle(size), is_instance_type(size)) {
            (true, _) => finding
                .reason("it is a Lightsail bundle id")
                .remedy(format!("write a type like `\"{example}\"`, or `provider = \"lightsail\"`")),
            (_, true) => finding
                .reason("it is an EC2 instance type")
                .remedy(format!("write a bundle like `\"{example}\"`, or `provider = \"ec2\"`")),
            _ => finding.remedy(format!("write it like `\"{example}\"`")),
        })
    });
    foreign.collect()
}

/// `medium_3_0`, `medium_win_3_0`, `medium_ipv6_3_0`.
fn is_bundle(size: &SizeName) -> bool {
    let parts: Vec<&str> = size.as_str().split('_').collect();
    let number = |part: &&str| part.bytes().all(|b| b.is_ascii_digit());
    matches!(parts.as_slice(), [_, .., major, minor] if number(major) && number(minor))
}

/// `t3.medium`, `u-6tb1.metal`.
fn is_instance_type(size: &SizeName) -> bool {
    size.as_str().split_once('.').is_some_and(|(_, size)| !size.contains(['.', '_']))
}

fn misspelled_bundle(cx: &Context<'_>) -> Vec<Finding> {
    let unknown = cx.hosts_of(Provider::Lightsail).filter_map(|(path, _, host)| {
        let size = host.size.as_ref().filter(|size| is_bundle(size))?;
        let (family, version) = size.as_str().split_once('_')?;
        let meant = nearest(family, &BUNDLES).filter(|_| !BUNDLES.contains(&family))?;
        let finding = Finding::warning("unknown-size", format!("Lightsail has no known bundle `{size}`"))
            .at(cx.spans.value(&format!("{path}.size")), "unknown when infra was built")
            .remedy(format!("did you mean `\"{meant}_{version}\"`?"));
        Some(finding)
    });
    unknown.collect()
}

fn memory_for_database(cx: &Context<'_>) -> Vec<Finding> {
    let (Some(bundle), Some(_)) = (&cx.plan.bundle, &cx.plan.database) else { return Vec::new() };
    let size = cx.plan.hosts.get(&bundle.host).and_then(|host| host.size.as_ref());
    let small = size.filter(|size| size.as_str().split(['_', '.']).any(|part| SMALL.contains(&part)));
    let finding = small.map(|size| {
        Finding::warning("small-host", format!("`{size}` has less than 4 GB of memory"))
            .at(cx.spans.value(&format!("hosts.{}.size", bundle.host)), "a database runs here")
            .also(cx.spans.value("database.service"), "this one")
            .reason("below 4 GB, PostgreSQL and what writes to it push each other into swap")
            .remedy("take `\"medium_3_0\"` (EC2: `\"t3.medium\"`) or larger; `infra size` tells which")
    });
    finding.into_iter().collect()
}

fn image_of_provider(cx: &Context<'_>) -> Vec<Finding> {
    let foreign = cx.hosts_of(Provider::Lightsail).filter_map(|(path, _, host)| {
        let image = host.image.as_ref()?.as_str();
        let written = image.replace(['-', '.'], "_");
        if written == image {
            return None;
        }
        let finding = Finding::error("foreign-image", format!("`{image}` is not a Lightsail blueprint id"))
            .at(cx.spans.value(&format!("{path}.image")), "not a blueprint id")
            .reason("blueprint ids are words and numbers joined by `_`");
        let is_ami = image.starts_with("ami-");
        Some(finding.remedy(if is_ami {
            "write `\"ubuntu_24_04\"`, or `provider = \"ec2\"`".to_owned()
        } else {
            format!("write `\"{written}\"`")
        }))
    });
    foreign.collect()
}

fn known_system(cx: &Context<'_>) -> Vec<Finding> {
    let other = cx.hosts().filter_map(|(path, _, host)| {
        let image = host
            .image
            .as_ref()
            .filter(|image| !["ubuntu", "debian", "ami-"].iter().any(|system| image.as_str().starts_with(system)))?;
        let windows = image.as_str().starts_with("windows");
        let message = format!("infra cannot prepare `{image}`");
        let finding = if windows {
            Finding::error("unknown-system", message)
        } else {
            Finding::warning("unknown-system", message)
        };
        Some(
            finding
                .at(cx.spans.value(&format!("{path}.image")), "neither Ubuntu nor Debian")
                .reason("the preparation of a host installs Docker with apt")
                .remedy("write `\"ubuntu_24_04\"` or `\"debian_12\"`"),
        )
    });
    other.collect()
}
