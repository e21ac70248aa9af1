//! Which device is the disk, and may it be formatted? Pure. When in doubt it refuses: no data is worth a guess.

use thiserror::Error;

use super::observe::{Device, MountedDevice, Observed};
use super::{bytes, label, marker};
use crate::host::site::{DiskSpec, Site};

/// Labels of file systems that infra made begin so.
pub(super) const LABEL_PREFIX: &str = "infra-";
/// How serial numbers begin of EBS volumes, and of what AWS calls NVMe instance store volumes.
const VOLUME: &str = "vol";
const INSTANCE_STORE: &str = "AWS";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    Mounted {
        device: String,
    },
    Mount {
        device: String,
    },
    /// Proven blank.
    Format {
        device: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DiskError {
    #[error("{device}, which is mounted at {mount}, is not disk {disk} (it holds {found})")]
    OtherMounted { disk: String, mount: String, device: String, found: String },
    #[error("disk {disk} is not attached: no free device of {size_gb} GiB; there are: {seen}")]
    NotFound { disk: String, size_gb: u32, seen: String },
    #[error("disk {disk} could be any of {}: they look alike", devices.join(", "))]
    Ambiguous { disk: String, devices: Vec<String> },
    #[error("device {device} for disk {disk} is not blank (found: {found}); it is left as it is")]
    NotBlank { disk: String, device: String, found: String },
    #[error("device {device} is blank, but disk {disk} held data before: it is the wrong one, or its copy failed")]
    DataMissing { disk: String, device: String },
    #[error("device {device} for disk {disk} is in use ({how})")]
    InUse { disk: String, device: String, how: String },
    #[error("device {device} for disk {disk} has {bytes} bytes, and {size_gb} GiB were planned")]
    WrongSize { disk: String, device: String, bytes: u64, size_gb: u32 },
}

impl DiskError {
    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::OtherMounted { mount, .. } => {
                format!("unmount it (`sudo umount {mount}`), or choose another mount in the plan")
            }
            Self::NotFound { .. } => "attach it, or correct size_gb in the plan".to_owned(),
            Self::Ambiguous { .. } => "attach one new disk at a time, or detach the one that is not meant".to_owned(),
            Self::NotBlank { device, .. } => format!(
                "look at it with `sudo blkid -p {device}; sudo wipefs {device}`; to keep its data, mount it yourself and \
                 leave the disk out of the plan; to lose them for good, `sudo wipefs --all {device} && sudo blkdiscard \
                 --zeroout {device}`, then run this again"
            ),
            Self::DataMissing { .. } => {
                "nothing was formatted, and the disk that holds the data is untouched: see which disk is attached"
                    .to_owned()
            }
            Self::InUse { .. } => "free the device, or correct the plan".to_owned(),
            Self::WrongSize { .. } => "correct size_gb in the plan, or attach the right disk".to_owned(),
        })
    }
}

pub(super) fn decide(site: &Site, disk: &DiskSpec, observed: &Observed) -> Result<Decision, DiskError> {
    if let Some(mounted) = &observed.mounted {
        return already_mounted(site, disk, mounted);
    }
    if let Some(device) = ours(site, disk, observed)? {
        return usable(disk, device).map(|()| Decision::Mount { device: device.path.clone() });
    }
    let device = match (by_serial(disk, observed)?, at_cloud_path(observed)) {
        (Some(device), _) | (None, Some(device)) => device,
        (None, None) => of_size(disk, observed)?,
    };
    usable(disk, device)?;
    blank(disk, device)?;
    Ok(Decision::Format { device: device.path.clone() })
}

/// The label or the marker proves it: a snapshot made elsewhere may lack one of them.
fn already_mounted(site: &Site, disk: &DiskSpec, mounted: &MountedDevice) -> Result<Decision, DiskError> {
    let name = disk.disk.as_str();
    let right_marker = mounted.marker == marker(site, name);
    let right_label = mounted.label == label(site, name) && (mounted.marker.is_empty() || right_marker);
    if right_marker || right_label {
        return Ok(Decision::Mounted { device: mounted.device.clone() });
    }
    let found = if mounted.marker.is_empty() { "no marker of infra".to_owned() } else { mounted.marker.clone() };
    let (mount, device) = (disk.mount.clone(), mounted.device.clone());
    Err(DiskError::OtherMounted { disk: name.to_owned(), mount, device, found })
}

/// The device with this very disk's file system. An old and a grown copy may both be there: the cloud's path decides.
fn ours<'a>(site: &Site, disk: &DiskSpec, observed: &'a Observed) -> Result<Option<&'a Device>, DiskError> {
    let label = label(site, disk.disk.as_str());
    let is_ours = |device: &&Device| device.label == label && device.signatures.iter().any(|found| found == "ext4");
    let found: Vec<&Device> = observed.devices.iter().filter(is_ours).collect();
    match found[..] {
        [] => Ok(None),
        [device] => Ok(Some(device)),
        _ => match by_serial(disk, observed)?.or(at_cloud_path(observed)).filter(is_ours) {
            Some(device) => Ok(Some(device)),
            None => Err(ambiguous(disk, &found)),
        },
    }
}

/// The device that calls itself what the cloud calls the volume. Where devices have names and none has this one, no other
/// can be it. None: they have none, as on Xen.
fn by_serial<'a>(disk: &DiskSpec, observed: &'a Observed) -> Result<Option<&'a Device>, DiskError> {
    let Some(serial) = disk.serial.as_ref().map(|serial| serial.replace('-', "")) else { return Ok(None) };
    let found = observed.devices.iter().find(|device| device.serial == serial);
    let named = observed.devices.iter().any(|device| device.serial.starts_with(VOLUME));
    if found.is_none() && named { Err(not_found(disk, observed)) } else { Ok(found) }
}

fn at_cloud_path(observed: &Observed) -> Option<&Device> {
    let path = observed.cloud_device.as_ref()?;
    observed.devices.iter().find(|device| device.path == *path)
}

/// The one free device of exactly the planned size. Other disks of infra are known by their label.
fn of_size<'a>(disk: &DiskSpec, observed: &'a Observed) -> Result<&'a Device, DiskError> {
    let candidate = |device: &&Device| {
        device.bytes == bytes(disk)
            && !device.in_use
            && device.children == 0
            && !device.label.starts_with(LABEL_PREFIX)
            && !is_instance_store(device)
    };
    let found: Vec<&Device> = observed.devices.iter().filter(candidate).collect();
    match found[..] {
        [device] => Ok(device),
        [] => Err(not_found(disk, observed)),
        _ => Err(ambiguous(disk, &found)),
    }
}

/// A disk of the machine that the instance runs on: blank after every stop.
fn is_instance_store(device: &Device) -> bool {
    device.serial.starts_with(INSTANCE_STORE)
}

fn usable(disk: &DiskSpec, device: &Device) -> Result<(), DiskError> {
    let how = match device {
        device if is_instance_store(device) => {
            "it is the machine's own disk (instance store): it is lost at every stop"
        }
        Device { in_use: true, .. } => "mounted or swap",
        Device { children: 1.., .. } => "it has partitions, or something is built on it",
        Device { read_only: true, .. } => "it is read-only",
        _ => return Ok(()),
    };
    Err(DiskError::InUse { disk: disk.disk.to_string(), device: device.path.clone(), how: how.to_owned() })
}

/// No tool finds a signature, both ends are zero, and it is as large as planned.
fn blank(disk: &DiskSpec, device: &Device) -> Result<(), DiskError> {
    let (name, path) = (disk.disk.to_string(), device.path.clone());
    if !device.signatures.is_empty() || device.zero != Some(true) {
        let found = if device.signatures.is_empty() {
            "data without a known signature".to_owned()
        } else {
            device.signatures.join(", ")
        };
        return Err(DiskError::NotBlank { disk: name, device: path, found });
    }
    if device.bytes != bytes(disk) {
        return Err(DiskError::WrongSize { disk: name, device: path, bytes: device.bytes, size_gb: disk.size_gb });
    }
    Ok(())
}

fn not_found(disk: &DiskSpec, observed: &Observed) -> DiskError {
    let seen: Vec<String> = observed.devices.iter().map(describe).collect();
    let seen = if seen.is_empty() { "none".to_owned() } else { seen.join(", ") };
    DiskError::NotFound { disk: disk.disk.to_string(), size_gb: disk.size_gb, seen }
}

fn describe(device: &Device) -> String {
    let state = match device {
        Device { in_use: true, .. } => "in use".to_owned(),
        Device { children: 1.., .. } => "partitioned or built upon".to_owned(),
        Device { signatures, .. } if !signatures.is_empty() => signatures.join(" "),
        _ => "free".to_owned(),
    };
    format!("{} ({} bytes, {state})", device.path, device.bytes)
}

fn ambiguous(disk: &DiskSpec, devices: &[&Device]) -> DiskError {
    DiskError::Ambiguous {
        disk: disk.disk.to_string(),
        devices: devices.iter().map(|device| device.path.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 8 << 30;

    fn disk() -> DiskSpec {
        DiskSpec {
            disk: "pgdata".parse().unwrap(),
            size_gb: 8,
            mount: "/srv/pgdata".to_owned(),
            cloud_path: Some("/dev/xvdf".to_owned()),
            serial: None,
        }
    }

    fn site() -> Site {
        Site::new("phase1".parse().unwrap(), "vault".parse().unwrap(), vec![disk()])
    }

    fn blank_device(path: &str) -> Device {
        Device { path: path.to_owned(), bytes: SIZE, zero: Some(true), ..Device::default() }
    }

    fn formatted(path: &str, label: &str) -> Device {
        let signatures = vec!["ext4".to_owned()];
        Device { signatures, label: label.to_owned(), zero: None, ..blank_device(path) }
    }

    fn root() -> Device {
        Device {
            path: "/dev/xvda".to_owned(),
            bytes: 80 << 30,
            children: 2,
            signatures: vec!["gpt".to_owned()],
            ..Device::default()
        }
    }

    fn decided(devices: Vec<Device>, cloud_device: Option<&str>) -> Result<Decision, DiskError> {
        decide(&site(), &disk(), &Observed { mounted: None, cloud_device: cloud_device.map(str::to_owned), devices })
    }

    fn our_label() -> String {
        label(&site(), "pgdata")
    }

    #[test]
    fn a_blank_device_is_found_by_path_or_by_size() {
        let format = |device: &str| Ok(Decision::Format { device: device.to_owned() });
        assert_eq!(decided(vec![root(), blank_device("/dev/xvdf")], Some("/dev/xvdf")), format("/dev/xvdf"));
        assert_eq!(decided(vec![root(), blank_device("/dev/nvme1n1")], None), format("/dev/nvme1n1"));
        let two = vec![blank_device("/dev/xvdf"), blank_device("/dev/xvdg")];
        assert_eq!(decided(two, Some("/dev/xvdg")), format("/dev/xvdg"));
    }

    fn named(path: &str, serial: &str) -> Device {
        Device { serial: serial.to_owned(), ..blank_device(path) }
    }

    fn decided_by_serial(devices: Vec<Device>) -> Result<Decision, DiskError> {
        let disk = DiskSpec { serial: Some("vol-0abc".into()), ..disk() };
        decide(&site(), &disk, &Observed { mounted: None, cloud_device: None, devices })
    }

    #[test]
    fn a_volume_is_known_by_its_serial_number_and_a_machines_own_disk_is_never_taken() {
        let (own, other) = (named("/dev/nvme1n1", "AWS1234"), named("/dev/nvme2n1", "vol0def"));
        let format = Ok(Decision::Format { device: "/dev/nvme3n1".into() });
        assert_eq!(decided_by_serial(vec![own.clone(), other.clone(), named("/dev/nvme3n1", "vol0abc")]), format);
        let missing = decided_by_serial(vec![own.clone(), other]).unwrap_err();
        assert!(matches!(missing, DiskError::NotFound { .. }), "{missing}");
        let none = decided(vec![root(), own.clone()], None).unwrap_err();
        assert!(matches!(none, DiskError::NotFound { .. }), "of its size, and the machine's own: {none}");
        let asked = decided(vec![own], Some("/dev/nvme1n1")).unwrap_err();
        assert!(matches!(asked, DiskError::InUse { .. }), "{asked}");
        // Xen: no device has a name.
        assert_eq!(
            decided_by_serial(vec![root(), blank_device("/dev/xvdf")]),
            Ok(Decision::Format { device: "/dev/xvdf".into() })
        );
    }

    #[test]
    fn our_file_system_is_found_under_any_name_and_size() {
        let grown = Device { bytes: 2 * SIZE, ..formatted("/dev/nvme3n1", &our_label()) };
        let mount = Ok(Decision::Mount { device: "/dev/nvme3n1".to_owned() });
        assert_eq!(decided(vec![root(), blank_device("/dev/nvme1n1"), grown], None), mount);
    }

    #[test]
    fn of_two_copies_the_cloud_path_decides_and_nothing_else() {
        let copies = || vec![formatted("/dev/xvdf", &our_label()), formatted("/dev/xvdg", &our_label())];
        assert_eq!(decided(copies(), Some("/dev/xvdg")), Ok(Decision::Mount { device: "/dev/xvdg".to_owned() }));
        assert!(matches!(decided(copies(), None), Err(DiskError::Ambiguous { .. })));
    }

    #[test]
    fn anything_on_a_device_keeps_it_from_being_formatted() {
        let with = |signature: &str| Device {
            signatures: vec![signature.to_owned()],
            zero: None,
            ..blank_device("/dev/xvdf")
        };
        for signature in ["ext4", "xfs", "LVM2_member", "linux_raid_member", "swap", "gpt", "dos", "ambivalent"] {
            for cloud_device in [Some("/dev/xvdf"), None] {
                let error = decided(vec![root(), with(signature)], cloud_device).unwrap_err();
                assert!(matches!(&error, DiskError::NotBlank { found, .. } if found == signature), "{error}");
            }
        }
        let unknown = Device { zero: Some(false), ..blank_device("/dev/xvdf") };
        assert!(matches!(decided(vec![unknown], None), Err(DiskError::NotBlank { .. })));
        let unread = Device { zero: None, ..blank_device("/dev/xvdf") };
        assert!(matches!(decided(vec![unread], None), Err(DiskError::NotBlank { .. })));
    }

    #[test]
    fn devices_in_use_are_refused_at_the_cloud_path_and_passed_over_elsewhere() {
        for device in
            [Device { in_use: true, ..blank_device("/dev/xvdf") }, Device { children: 1, ..blank_device("/dev/xvdf") }]
        {
            assert!(matches!(decided(vec![device.clone()], Some("/dev/xvdf")), Err(DiskError::InUse { .. })));
            assert!(matches!(decided(vec![device.clone()], None), Err(DiskError::NotFound { .. })));
            let other = blank_device("/dev/xvdg");
            assert_eq!(decided(vec![device, other], None), Ok(Decision::Format { device: "/dev/xvdg".to_owned() }));
        }
        let read_only = Device { read_only: true, ..blank_device("/dev/xvdf") };
        assert!(matches!(decided(vec![read_only], None), Err(DiskError::InUse { .. })));
    }

    #[test]
    fn size_and_number_must_fit() {
        let wrong = Device { bytes: SIZE + 512, ..blank_device("/dev/xvdf") };
        assert!(matches!(decided(vec![wrong.clone()], None), Err(DiskError::NotFound { .. })));
        assert!(matches!(decided(vec![wrong], Some("/dev/xvdf")), Err(DiskError::WrongSize { .. })));
        let two = vec![blank_device("/dev/nvme1n1"), blank_device("/dev/nvme2n1")];
        assert!(matches!(decided(two, None), Err(DiskError::Ambiguous { .. })));
        let other_disk_of_infra = vec![blank_device("/dev/nvme1n1"), formatted("/dev/nvme2n1", "infra-0000000000")];
        assert_eq!(decided(other_disk_of_infra, None), Ok(Decision::Format { device: "/dev/nvme1n1".to_owned() }));
        let foreign = vec![blank_device("/dev/nvme1n1"), formatted("/dev/nvme2n1", "backup")];
        assert!(matches!(decided(foreign, None), Err(DiskError::Ambiguous { .. })));
    }

    #[test]
    fn what_is_mounted_there_must_be_this_disk() {
        let mounted = |label: &str, marker: &str| {
            let mounted =
                MountedDevice { device: "/dev/xvdf".to_owned(), label: label.to_owned(), marker: marker.to_owned() };
            decide(&site(), &disk(), &Observed { mounted: Some(mounted), ..Observed::default() })
        };
        let right = "plan=phase1 host=vault disk=pgdata";
        assert!(
            mounted(&our_label(), right).is_ok() && mounted(&our_label(), "").is_ok() && mounted("", right).is_ok()
        );
        for (label, marker) in [("", ""), ("backup", ""), (our_label().as_str(), "plan=other host=vault disk=pgdata")] {
            assert!(matches!(mounted(label, marker), Err(DiskError::OtherMounted { .. })), "{label} {marker}");
        }
    }
}
