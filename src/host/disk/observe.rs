//! Block devices of a host as the `devices` script prints them: one device a line, tab-separated `key=value`.

/// What holds the mount point now, and all devices that have a node in /dev.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Observed {
    pub mounted: Option<MountedDevice>,
    /// The device that the cloud's path leads to, if that path exists.
    pub cloud_device: Option<String>,
    pub devices: Vec<Device>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct MountedDevice {
    pub device: String,
    pub label: String,
    /// The marker file's lines, joined by spaces.
    pub marker: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Device {
    pub path: String,
    pub bytes: u64,
    pub read_only: bool,
    /// Mounted anywhere, or swap.
    pub in_use: bool,
    /// Partitions, and what is built on it: LVM, RAID, device mapper.
    pub children: u32,
    /// Type of file system, partition table or member; every signature found, by any tool.
    pub signatures: Vec<String>,
    pub label: String,
    /// What the device calls itself; empty where it has no name.
    pub serial: String,
    /// Both ends read as zero. None: not looked at, for there are signatures.
    pub zero: Option<bool>,
}

impl Observed {
    pub fn parse(text: &str) -> Self {
        let mut observed = Self::default();
        for line in text.lines() {
            let mut fields = line.split('\t');
            match fields.next() {
                Some("mounted") => observed.mounted = Some(mounted(fields)),
                Some("cloud") => observed.cloud_device = fields.next().map(str::to_owned),
                Some("device") => observed.devices.push(device(fields)),
                _ => {}
            }
        }
        observed
    }
}

fn pairs<'a>(fields: impl Iterator<Item = &'a str>) -> impl Iterator<Item = (&'a str, &'a str)> {
    fields.filter_map(|field| field.split_once('='))
}

fn mounted<'a>(fields: impl Iterator<Item = &'a str>) -> MountedDevice {
    let mut mounted = MountedDevice::default();
    for (key, value) in pairs(fields) {
        match key {
            "device" => mounted.device = value.to_owned(),
            "label" => mounted.label = value.to_owned(),
            "marker" => mounted.marker = value.trim().to_owned(),
            _ => {}
        }
    }
    mounted
}

/// A figure that cannot be read makes the device one in use: never a candidate.
fn device<'a>(fields: impl Iterator<Item = &'a str>) -> Device {
    let mut device = Device::default();
    for (key, value) in pairs(fields) {
        match key {
            "path" => device.path = value.to_owned(),
            "bytes" => device.bytes = value.parse().unwrap_or(0),
            "read_only" => device.read_only = value != "0",
            "in_use" => device.in_use = value != "0",
            "children" => device.children = value.parse().unwrap_or(u32::MAX),
            "signatures" => device.signatures = value.split_whitespace().map(str::to_owned).collect(),
            "label" => device.label = value.to_owned(),
            "serial" => device.serial = value.replace('-', ""),
            "zero" => device.zero = Some(value == "yes"),
            _ => {}
        }
    }
    device
}
