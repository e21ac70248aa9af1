//! Sizes and performance of disks: what the provider refuses, refused before it is asked.

use std::ops::RangeInclusive;

use super::{Context, Rule};
use crate::plan::finding::Finding;
use crate::plan::model::{Disk, Provider, VolumeType};

pub(super) const RULES: &[Rule] = &[count, size, keys_of_ec2, iops, throughput, distinct_names];

/// Lightsail's quota a host, and what an EC2 instance takes without looking at its type.
const MOST: usize = 15;

/// What fits a kind of volume: GB, IOPS, MiB/s. `None`: it takes no such setting.
struct Limits {
    name: &'static str,
    size: RangeInclusive<u32>,
    iops: Option<RangeInclusive<u32>>,
    throughput: Option<RangeInclusive<u32>>,
}

/// EBS documentation, "Amazon EBS volume types"; gp3 as of its raise to 64 TiB and 80,000 IOPS.
fn limits(disk: &Disk) -> Limits {
    let kind = |name, size, iops, throughput| Limits { name, size, iops, throughput };
    match disk.kind.unwrap_or(VolumeType::Gp3) {
        VolumeType::Gp2 => kind("gp2", 1..=16_384, None, None),
        VolumeType::Gp3 => kind("gp3", 1..=65_536, Some(3_000..=80_000), Some(125..=2_000)),
        VolumeType::Io1 => kind("io1", 4..=16_384, Some(100..=64_000), None),
        VolumeType::Io2 => kind("io2", 4..=65_536, Some(100..=256_000), None),
        VolumeType::St1 => kind("st1", 125..=16_384, None, None),
        VolumeType::Sc1 => kind("sc1", 125..=16_384, None, None),
    }
}

/// What a gp3 volume has without a word, and what each MiB/s of it needs.
const GP3_IOPS: u32 = 3_000;
const IOPS_EACH: u32 = 4;

/// Lightsail block storage.
const LIGHTSAIL_SIZE: RangeInclusive<u32> = 8..=16_000;

fn disks<'a>(cx: &Context<'a>, provider: Provider) -> impl Iterator<Item = (String, &'a Disk)> + use<'a> {
    cx.hosts_of(provider)
        .flat_map(|(path, _, host)| host.disks.iter().map(move |(name, disk)| (format!("{path}.disks.{name}"), disk)))
}

fn count(cx: &Context<'_>) -> Vec<Finding> {
    let crowded = cx.hosts().filter(|(_, _, host)| host.disks.len() > MOST);
    crowded
        .map(|(path, name, host)| {
            Finding::error("too-many-disks", format!("`{name}` has {} disks", host.disks.len()))
                .at(cx.spans.key(&path), format!("at most {MOST} disks can be attached"))
                .remedy("use fewer and larger disks")
        })
        .collect()
}

fn size(cx: &Context<'_>) -> Vec<Finding> {
    let lightsail = disks(cx, Provider::Lightsail).map(|(path, disk)| (path, disk, "a Lightsail disk", LIGHTSAIL_SIZE));
    let ec2 = disks(cx, Provider::Ec2).map(|(path, disk)| {
        let limits = limits(disk);
        (path, disk, limits.name, limits.size)
    });
    lightsail
        .chain(ec2)
        .filter(|(_, disk, _, sizes)| !sizes.contains(&disk.size_gb.0))
        .map(|(path, disk, what, sizes)| {
            let (least, most) = sizes.into_inner();
            Finding::error("disk-size", format!("a disk of {} is not possible", disk.size_gb))
                .at(cx.spans.value(&format!("{path}.size_gb")), "out of range")
                .reason(format!("{what} has {least}–{most} GB"))
        })
        .collect()
}

fn keys_of_ec2(cx: &Context<'_>) -> Vec<Finding> {
    let written = disks(cx, Provider::Lightsail)
        .flat_map(|(path, _)| ["type", "iops", "throughput"].map(|key| (key, format!("{path}.{key}"))).into_iter());
    written
        .filter(|(_, path)| cx.spans.has(path))
        .map(|(key, path)| {
            Finding::error("wrong-provider", format!("`{key}` is not for a Lightsail disk"))
                .at(cx.spans.key(&path), "EC2 only")
                .reason("Lightsail has one kind of block storage, without settings")
                .remedy("remove it, or write `provider = \"ec2\"` where a disk of known speed is needed")
        })
        .collect()
}

fn iops(cx: &Context<'_>) -> Vec<Finding> {
    let wrong = disks(cx, Provider::Ec2).filter_map(|(path, disk)| {
        let limits = limits(disk);
        if disk.iops.is_none() && limits.name.starts_with("io") && !cx.spans.has(&format!("{path}.iops")) {
            let finding = Finding::error("missing-key", format!("a volume of type {} has no `iops`", limits.name));
            return Some(
                finding.at(cx.spans.key(&path), "`iops` is missing").remedy("add `iops = …`, or use `type = \"gp3\"`"),
            );
        }
        setting(cx, &path, "iops", disk.iops?, limits.name, limits.iops)
    });
    wrong.collect()
}

fn throughput(cx: &Context<'_>) -> Vec<Finding> {
    let wrong = disks(cx, Provider::Ec2).filter_map(|(path, disk)| {
        let limits = limits(disk);
        let given = disk.throughput?;
        setting(cx, &path, "throughput", given, limits.name, limits.throughput)
            .or_else(|| beyond_iops(cx, &path, given, disk.iops.unwrap_or(GP3_IOPS)))
    });
    wrong.collect()
}

/// AWS refuses it when the volume is made: by then the host is on its way.
fn beyond_iops(cx: &Context<'_>, path: &str, throughput: u32, iops: u32) -> Option<Finding> {
    (throughput > iops / IOPS_EACH).then(|| {
        Finding::error("disk-setting", format!("{throughput} MiB/s need at least {} IOPS", throughput * IOPS_EACH))
            .at(cx.spans.value(&format!("{path}.throughput")), format!("this disk has {iops}"))
            .remedy(format!(
                "write `iops = {}`, or a throughput of at most {}",
                throughput * IOPS_EACH,
                iops / IOPS_EACH
            ))
    })
}

/// A setting that its kind of volume does not have, or not with this value.
fn setting(
    cx: &Context<'_>,
    path: &str,
    key: &str,
    value: u32,
    kind: &str,
    range: Option<RangeInclusive<u32>>,
) -> Option<Finding> {
    let at = format!("{path}.{key}");
    let Some(range) = range else {
        let finding = Finding::error("disk-setting", format!("a {kind} volume takes no `{key}`"));
        let finding = finding.at(cx.spans.key(&at), format!("not for {kind}"));
        return Some(finding.remedy("remove it, or use `type = \"gp3\"`"));
    };
    (!range.contains(&value)).then(|| {
        let (least, most) = range.into_inner();
        Finding::error("disk-setting", format!("{value} is out of range for `{key}`"))
            .at(cx.spans.value(&at), "out of range")
            .reason(format!("{kind} takes {least}–{most}"))
    })
}

/// A disk is called `<plan>-<host>-<disk>` in the cloud, and that name is its identity.
fn distinct_names(cx: &Context<'_>) -> Vec<Finding> {
    let named = cx.hosts().flat_map(|(path, name, host)| {
        host.disks.keys().map(move |disk| (format!("{name}-{disk}"), format!("{path}.disks.{disk}")))
    });
    let mut seen = std::collections::BTreeMap::new();
    named
        .filter_map(|(name, path)| {
            let first = seen.insert(name.clone(), path.clone())?;
            let finding = Finding::error("same-name", format!("two disks would be called `{}-{name}`", cx.plan.name))
                .at(cx.spans.key(&path), "this one")
                .also(cx.spans.key(&first), "and this one")
                .reason("a disk's name in the cloud is made of the plan's, the host's and its own")
                .remedy("rename one of them");
            Some(finding)
        })
        .collect()
}
