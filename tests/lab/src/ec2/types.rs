//! Types of instances: `types.txt`, read once.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::account::{Answer, Call};
use super::error::ApiError;
use super::filters::{matches, one, page};
use super::input::Tags;

#[derive(Debug)]
pub struct InstanceType {
    pub name: &'static str,
    pub vcpus: u32,
    cores: u32,
    pub memory_mib: u32,
    pub architecture: &'static str,
    current: bool,
    pub burstable: bool,
    pub nitro: bool,
    /// How many disks of how many GB, lost when the instance stops.
    pub store: Option<(u32, u32)>,
    ebs: Option<Ebs>,
    attachments: Option<u32>,
    interfaces: u32,
    network: String,
}

/// Baseline and maximum: Mbps, IOPS, MB/s.
#[derive(Debug)]
struct Ebs([f64; 6]);

static TYPES: LazyLock<Vec<InstanceType>> = LazyLock::new(|| {
    let lines = include_str!("types.txt").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| read(line).expect("the table is well-formed")).collect()
});

fn read(line: &'static str) -> Option<InstanceType> {
    let fields: Vec<&'static str> = line.split(' ').collect();
    let [name, vcpus, cores, memory, architecture, flags, store, ebs, attachments, interfaces, network] =
        <[&'static str; 11]>::try_from(fields).ok()?;
    Some(InstanceType {
        name,
        vcpus: vcpus.parse().ok()?,
        cores: cores.parse().ok()?,
        memory_mib: memory.parse().ok()?,
        architecture,
        current: flags.contains('c'),
        burstable: flags.contains('b'),
        nitro: flags.contains('n'),
        store: store.split_once('x').and_then(|(count, size)| Some((count.parse().ok()?, size.parse().ok()?))),
        ebs: ebs_figures(ebs),
        attachments: attachments.parse().ok(),
        interfaces: interfaces.parse().ok()?,
        network: network.replace('_', " "),
    })
}

fn ebs_figures(text: &str) -> Option<Ebs> {
    let figures: Vec<f64> = text.split(',').filter_map(|figure| figure.parse().ok()).collect();
    figures.try_into().ok().map(Ebs)
}

pub fn find(name: &str) -> Option<&'static InstanceType> {
    TYPES.iter().find(|known| known.name == name)
}

/// The type that a new instance is to have.
pub fn choose(name: &str) -> Result<&'static InstanceType, ApiError> {
    find(name).ok_or_else(|| ApiError::invalid(format!("Invalid value '{name}' for InstanceType.")))
}

impl InstanceType {
    /// The first of a new account's instances that costs nothing.
    fn free_tier(&self) -> bool {
        ["t2.micro", "t3.micro"].contains(&self.name)
    }

    fn filter(&self, name: &str) -> Option<Vec<String>> {
        match name {
            "instance-type" => one(self.name),
            "current-generation" => one(self.current),
            "burstable-performance-supported" => one(self.burstable),
            "bare-metal" => one(false),
            "free-tier-eligible" => one(self.free_tier()),
            "hypervisor" => one(if self.nitro { "nitro" } else { "xen" }),
            "instance-storage-supported" => one(self.store.is_some()),
            "memory-info.size-in-mib" => one(self.memory_mib),
            "processor-info.supported-architecture" => one(self.architecture),
            "vcpu-info.default-vcpus" => one(self.vcpus),
            "vcpu-info.default-cores" => one(self.cores),
            "supported-usage-class" => Some(vec!["on-demand".into(), "spot".into()]),
            "supported-root-device-type" => one("ebs"),
            "supported-virtualization-type" => one("hvm"),
            _ => None,
        }
    }

    fn view(&self) -> Value {
        let mut view = json!({
            "InstanceType": self.name, "CurrentGeneration": self.current, "FreeTierEligible": self.free_tier(),
            "SupportedUsageClasses": ["on-demand", "spot"], "SupportedRootDeviceTypes": ["ebs"],
            "SupportedVirtualizationTypes": ["hvm"], "BareMetal": false,
            "Hypervisor": if self.nitro { "nitro" } else { "xen" },
            "ProcessorInfo": { "SupportedArchitectures": [self.architecture] },
            "VCpuInfo": {
                "DefaultVCpus": self.vcpus, "DefaultCores": self.cores,
                "DefaultThreadsPerCore": self.vcpus / self.cores.max(1),
            },
            "MemoryInfo": { "SizeInMiB": self.memory_mib }, "InstanceStorageSupported": self.store.is_some(),
            "EbsInfo": self.ebs_view(), "BurstablePerformanceSupported": self.burstable,
            "NetworkInfo": {
                "NetworkPerformance": self.network, "MaximumNetworkInterfaces": self.interfaces, "Ipv6Supported": true,
                "EnaSupport": if self.nitro { "required" } else { "unsupported" },
            },
            "HibernationSupported": false, "DedicatedHostsSupported": !self.burstable, "AutoRecoverySupported": true,
            "PlacementGroupInfo": { "SupportedStrategies": ["partition", "spread"] },
            "SupportedBootModes": if self.architecture == "arm64" { vec!["uefi"] } else { vec!["legacy-bios", "uefi"] },
        });
        if let Some((count, size)) = self.store {
            view["InstanceStorageInfo"] = json!({
                "TotalSizeInGB": count * size, "Disks": [{ "SizeInGB": size, "Count": count, "Type": "ssd" }],
                "NvmeSupport": "required", "EncryptionSupport": "required",
            });
        }
        view
    }

    fn ebs_view(&self) -> Value {
        let mut view = json!({
            "EbsOptimizedSupport": if self.ebs.is_some() { "default" } else { "unsupported" },
            "EncryptionSupport": "supported", "NvmeSupport": if self.nitro { "required" } else { "unsupported" },
            "MaximumEbsAttachments": self.attachments, "AttachmentLimitType": "shared",
        });
        if let Some(Ebs([mbps, iops, throughput, max_mbps, max_iops, max_throughput])) = self.ebs {
            view["EbsOptimizedInfo"] = json!({
                "BaselineBandwidthInMbps": whole(mbps), "BaselineThroughputInMBps": throughput, "BaselineIops": whole(iops),
                "MaximumBandwidthInMbps": whole(max_mbps), "MaximumThroughputInMBps": max_throughput,
                "MaximumIops": whole(max_iops),
            });
        }
        view
    }
}

/// The model has these as integers.
#[expect(clippy::cast_possible_truncation, reason = "figures of the table, far below the limit")]
fn whole(figure: f64) -> i64 {
    figure as i64
}

pub fn describe(call: &Call<'_>) -> Answer {
    let named = call.input.texts("InstanceTypes");
    let unknown: Vec<&str> = named.iter().map(String::as_str).filter(|name| find(name).is_none()).collect();
    if !unknown.is_empty() {
        let message = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
        return Err(ApiError::new("InvalidInstanceType", message));
    }
    let mut shown = Vec::new();
    for known in TYPES.iter().filter(|known| named.is_empty() || named.iter().any(|name| name == known.name)) {
        if matches(call.input, &Tags::new(), |name| known.filter(name))? {
            shown.push(known.view());
        }
    }
    page(call, "InstanceTypes", shown)
}

/// Every type is offered everywhere.
pub fn offerings(call: &Call<'_>) -> Answer {
    let by_zone = call.input.maybe("LocationType") == Some("availability-zone");
    let locations = match by_zone {
        true => call.prepared.network.zones(),
        false => vec![call.region_name.to_owned()],
    };
    let kind = if by_zone { "availability-zone" } else { "region" };
    let mut shown = Vec::new();
    for (known, location) in TYPES.iter().flat_map(|known| locations.iter().map(move |location| (known, location))) {
        let of = |name: &str| match name {
            "instance-type" => one(known.name),
            "location" => one(location),
            _ => None,
        };
        if matches(call.input, &Tags::new(), of)? {
            shown.push(json!({ "InstanceType": known.name, "LocationType": kind, "Location": location }));
        }
    }
    page(call, "InstanceTypeOfferings", shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        let small = find("t3.small").unwrap();
        assert_eq!((small.vcpus, small.memory_mib, small.burstable, small.store), (2, 2048, true, None));
        assert_eq!(find("m5d.large").unwrap().store, Some((1, 75)));
        assert_eq!(find("m7g.large").unwrap().architecture, "arm64");
        assert!(TYPES.len() > 200 && find("t9.huge").is_none());
    }
}
