//! What Lightsail offers: bundles, blueprints, regions. Ids and prices as AWS.md dates them for us-east-1.

use serde_json::{Value, json};

use super::account::Call;
use super::error::ApiError;
use super::page::page;

/// A size of instance.
#[derive(Debug)]
pub struct Bundle {
    pub id: &'static str,
    pub name: &'static str,
    instance_type: &'static str,
    price: f64,
    pub cpus: u32,
    pub ram_gb: f64,
    pub disk_gb: u32,
    pub transfer_gb: u32,
    power: u32,
    /// Share of each vCPU that may be used for ever, in percent: what burst capacity is earned at.
    pub baseline: f64,
    active: bool,
    windows: bool,
    public_ipv4: bool,
}

impl Bundle {
    pub fn memory_mb(&self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "memory sizes are small and positive"
        )]
        let megabytes = (self.ram_gb * 1024.0) as u32;
        megabytes
    }

    fn view(&self) -> Value {
        json!({
            "price": self.price, "cpuCount": self.cpus, "diskSizeInGb": self.disk_gb, "bundleId": self.id,
            "instanceType": self.instance_type, "isActive": self.active, "name": self.name, "power": self.power,
            "ramSizeInGb": self.ram_gb, "transferPerMonthInGb": self.transfer_gb,
            "supportedPlatforms": [if self.windows { "WINDOWS" } else { "LINUX_UNIX" }],
            "publicIpv4AddressCount": u8::from(self.public_ipv4),
        })
    }
}

/// Id, name, type, vCPUs, GB of memory, GB of disk, GB of transfer, power, baseline.
type Size = (&'static str, &'static str, &'static str, u32, f64, u32, u32, u32, f64);

const fn bundle(size: Size, price: f64) -> Bundle {
    let (id, name, instance_type, cpus, ram_gb, disk_gb, transfer_gb, power, baseline) = size;
    Bundle {
        id,
        name,
        instance_type,
        price,
        cpus,
        ram_gb,
        disk_gb,
        transfer_gb,
        power,
        baseline,
        active: true,
        windows: false,
        public_ipv4: true,
    }
}

/// The current generation, then what a careful reader of the list must skip: IPv6 only, Windows, retired.
static BUNDLES: &[Bundle] = &[
    bundle(("nano_3_0", "Nano", "nano", 2, 0.5, 20, 1024, 298, 5.0), 5.0),
    bundle(("micro_3_0", "Micro", "micro", 2, 1.0, 40, 2048, 500, 10.0), 7.0),
    bundle(("small_3_0", "Small", "small", 2, 2.0, 60, 3072, 1000, 20.0), 12.0),
    bundle(("medium_3_0", "Medium", "medium", 2, 4.0, 80, 4096, 2000, 20.0), 24.0),
    bundle(("large_3_0", "Large", "large", 2, 8.0, 160, 5120, 3000, 30.0), 44.0),
    bundle(("xlarge_3_0", "Xlarge", "xlarge", 4, 16.0, 320, 6144, 4000, 40.0), 84.0),
    bundle(("2xlarge_3_0", "2Xlarge", "2xlarge", 8, 32.0, 640, 7168, 5000, 40.0), 164.0),
    bundle(("4xlarge_3_0", "4Xlarge", "4xlarge", 16, 64.0, 1280, 8192, 6000, 40.0), 384.0),
    Bundle { public_ipv4: false, ..bundle(("nano_ipv6_3_0", "Nano", "nano", 2, 0.5, 20, 1024, 298, 5.0), 3.5) },
    Bundle { public_ipv4: false, ..bundle(("large_ipv6_3_0", "Large", "large", 2, 8.0, 160, 5120, 3000, 30.0), 40.0) },
    Bundle { windows: true, ..bundle(("large_win_3_0", "Large", "large", 2, 8.0, 160, 5120, 3000, 30.0), 70.0) },
    Bundle { active: false, ..bundle(("nano_2_0", "Nano", "nano", 1, 0.5, 20, 1024, 298, 5.0), 3.5) },
    Bundle { active: false, ..bundle(("xlarge_2_0", "Xlarge", "xlarge", 4, 16.0, 320, 6144, 4000, 22.5), 80.0) },
];

/// An operating system.
#[derive(Debug)]
pub struct Blueprint {
    pub id: &'static str,
    pub name: &'static str,
    group: &'static str,
    version: &'static str,
    /// The user it logs in as.
    pub user: &'static str,
    active: bool,
    windows: bool,
}

const fn blueprint(
    id: &'static str,
    name: &'static str,
    group: &'static str,
    version: &'static str,
    user: &'static str,
) -> Blueprint {
    Blueprint { id, name, group, version, user, active: true, windows: false }
}

static BLUEPRINTS: &[Blueprint] = &[
    blueprint("ubuntu_24_04", "Ubuntu", "ubuntu_24", "24.04 LTS", "ubuntu"),
    blueprint("ubuntu_22_04", "Ubuntu", "ubuntu_22", "22.04 LTS", "ubuntu"),
    blueprint("debian_12", "Debian", "debian_12", "12.7", "admin"),
    blueprint("amazon_linux_2023", "Amazon Linux 2023", "amazon_linux_2023", "2023.6", "ec2-user"),
    Blueprint {
        windows: true,
        ..blueprint("windows_server_2022", "Windows Server 2022", "windows_2022", "2024.10", "Administrator")
    },
    Blueprint { active: false, ..blueprint("ubuntu_20_04", "Ubuntu", "ubuntu_20", "20.04 LTS", "ubuntu") },
];

impl Blueprint {
    fn view(&self) -> Value {
        json!({
            "blueprintId": self.id, "name": self.name, "group": self.group, "type": "os",
            "description": format!("{} {}", self.name, self.version), "isActive": self.active, "minPower": 0,
            "version": self.version, "versionCode": "1", "productUrl": "https://aws.amazon.com/lightsail/",
            "licenseUrl": "https://aws.amazon.com/lightsail/",
            "platform": if self.windows { "WINDOWS" } else { "LINUX_UNIX" },
        })
    }
}

/// Region, continent, display name, number of zones.
static REGIONS: &[(&str, &str, &str, u8)] = &[
    ("us-east-1", "NA", "Virginia", 6),
    ("us-east-2", "NA", "Ohio", 3),
    ("us-west-2", "NA", "Oregon", 4),
    ("ca-central-1", "NA", "Montreal", 2),
    ("eu-west-1", "EU", "Ireland", 3),
    ("eu-west-2", "EU", "London", 3),
    ("eu-west-3", "EU", "Paris", 3),
    ("eu-central-1", "EU", "Frankfurt", 3),
    ("eu-north-1", "EU", "Stockholm", 3),
    ("ap-south-1", "AS", "Mumbai", 2),
    ("ap-northeast-1", "AS", "Tokyo", 3),
    ("ap-northeast-2", "AS", "Seoul", 2),
    ("ap-southeast-1", "AS", "Singapore", 3),
    ("ap-southeast-2", "AS", "Sydney", 3),
];

pub fn find_bundle(id: &str) -> Option<&'static Bundle> {
    BUNDLES.iter().find(|bundle| bundle.id == id)
}

pub fn find_blueprint(id: &str) -> Option<&'static Blueprint> {
    BLUEPRINTS.iter().find(|blueprint| blueprint.id == id)
}

/// The bundle and the blueprint for a new instance, if they exist, are on sale and fit together.
pub fn choose(bundle: &str, blueprint: &str) -> Result<(&'static Bundle, &'static Blueprint), ApiError> {
    let found = find_blueprint(blueprint).filter(|found| found.active).ok_or_else(|| {
        ApiError::invalid(format!("The specified blueprint does not exist in this region: {blueprint}"))
    })?;
    let size = find_bundle(bundle)
        .filter(|size| size.active)
        .ok_or_else(|| ApiError::invalid(format!("The specified bundle does not exist in this region: {bundle}")))?;
    if size.windows != found.windows {
        let message = format!("The bundle {bundle} does not support the platform of the blueprint {blueprint}");
        return Err(ApiError::invalid(message));
    }
    Ok((size, found))
}

pub fn zone_exists(region: &str, zone: &str) -> bool {
    REGIONS.iter().filter(|known| known.0 == region).any(|known| zones(known.0, known.3).any(|name| name == zone))
}

pub fn region_exists(region: &str) -> bool {
    REGIONS.iter().any(|known| known.0 == region)
}

fn zones(region: &str, count: u8) -> impl Iterator<Item = String> {
    (0..count).map(move |index| format!("{region}{}", char::from(b'a' + index)))
}

pub fn get_bundles(call: &Call<'_>) -> Result<Value, ApiError> {
    let all = call.input.flag("includeInactive");
    let bundles = BUNDLES.iter().filter(|bundle| all || bundle.active).map(Bundle::view);
    page(call, "bundles", bundles)
}

pub fn get_blueprints(call: &Call<'_>) -> Result<Value, ApiError> {
    let all = call.input.flag("includeInactive");
    let blueprints = BLUEPRINTS.iter().filter(|blueprint| all || blueprint.active).map(Blueprint::view);
    page(call, "blueprints", blueprints)
}

pub fn get_regions(call: &Call<'_>) -> Value {
    let with_zones = call.input.flag("includeAvailabilityZones");
    let regions: Vec<Value> = REGIONS
        .iter()
        .map(|&(name, continent, display, count)| {
            let available: Vec<Value> = zones(name, if with_zones { count } else { 0 })
                .map(|zone| json!({ "zoneName": zone, "state": "available" }))
                .collect();
            json!({
                "name": name, "continentCode": continent, "displayName": display,
                "description": format!("This region is recommended to serve users near {display}"),
                "availabilityZones": available, "relationalDatabaseAvailabilityZones": [],
            })
        })
        .collect();
    json!({ "regions": regions })
}
