//! The cloud-init seed of a machine, and what lies in `/lab` for its first process. Pure: text in, text out.

use std::fmt::Write;

use serde_json::json;

use super::disks::LoopDevice;
use super::{MachineSpec, SeenAs};

/// Where Lightsail's images keep the key of the authority that signs temporary certificates.
const CA_FILE: &str = "/etc/ssh/lightsail_instance_ca.pub";

pub(super) fn meta_data(spec: &MachineSpec) -> String {
    format!("instance-id: {}\nlocal-hostname: {}\n", spec.id, spec.name)
}

pub(super) fn user_data(spec: &MachineSpec) -> &str {
    spec.user_data.as_deref().unwrap_or_default()
}

/// What the platform itself configures: the login user and the authority of its certificates.
pub(super) fn vendor_data(spec: &MachineSpec) -> String {
    let config = json!({
        "users": [{
            "name": spec.user,
            "groups": ["adm", "sudo"],
            "sudo": "ALL=(ALL) NOPASSWD:ALL",
            "shell": "/bin/bash",
            "lock_passwd": true,
            "ssh_authorized_keys": spec.authorized_keys,
        }],
        "write_files": [{ "path": CA_FILE, "content": format!("{}\n", spec.ca_keys.join("\n")) }],
    });
    format!("#cloud-config\n{config}\n")
}

/// `/proc/meminfo` of a machine with that much memory, as it is when it starts: a container shows the whole machine's
/// otherwise. The host's own `lab-meminfo` keeps it up to date, in this format.
pub(super) fn meminfo(memory_mb: u32) -> String {
    let total = u64::from(memory_mb) * 1024;
    let lines = [("MemTotal", total), ("MemFree", total), ("MemAvailable", total), ("Buffers", 0), ("Cached", 0)];
    let swap = [("SwapCached", 0), ("SwapTotal", 0), ("SwapFree", 0)];
    let line = |(name, kib): &(&str, u64)| format!("{:<16}{kib:>12} kB\n", format!("{name}:"));
    lines.iter().chain(&swap).map(line).collect()
}

/// The lines of `/lab/disks`.
pub(super) fn disk_lines<'a>(disks: impl IntoIterator<Item = (&'a LoopDevice, &'a SeenAs)>) -> String {
    disks.into_iter().fold(String::new(), |mut lines, (device, seen)| {
        writeln!(lines, "{}", disk_line(device, seen)).expect("strings take everything");
        lines
    })
}

/// What the host's own `lab-disk` is told of a disk: its device, a path or `-`, and of an NVMe device model and serial.
pub(super) fn disk_line(device: &LoopDevice, seen: &SeenAs) -> String {
    let path = seen.path.as_deref().unwrap_or("-");
    let nvme = seen.nvme.as_ref().map(|nvme| format!(" {} {}", nvme.model, nvme.serial)).unwrap_or_default();
    format!("{} {} {} {path}{nvme}", device.name, device.major, device.minor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machines::{MachineId, script};

    fn spec(user_data: Option<&str>) -> MachineSpec {
        MachineSpec {
            id: MachineId("i-1".into()),
            name: "vault".into(),
            blueprint: "ubuntu_24_04".into(),
            memory_mb: 2048,
            cpus: 2,
            disk_gb: 60,
            user: "ubuntu".into(),
            user_data: user_data.map(Into::into),
            authorized_keys: vec!["ssh-ed25519 AAAA \"quoted\" comment".into()],
            ca_keys: vec!["ssh-ed25519 BBBB ca".into()],
            from_snapshot: None,
            disks: Default::default(),
            firewall: None,
            metadata: None,
        }
    }

    #[test]
    fn a_script_keeps_its_shell_and_gets_one_if_it_names_none() {
        assert_eq!(script("#!/bin/sh\ntrue\n"), "#!/bin/sh\ntrue\n");
        assert_eq!(script("true\n"), "#!/bin/bash\ntrue\n");
        assert_eq!(user_data(&spec(Some("#cloud-config\n"))), "#cloud-config\n");
        assert_eq!(user_data(&spec(None)), "");
    }

    #[test]
    fn a_disk_is_told_by_its_path_or_by_its_serial() {
        let device = LoopDevice { name: "loop3".into(), major: 7, minor: 3 };
        let (path, nvme) = (SeenAs::path("/dev/xvdf"), SeenAs::nvme("Amazon_Elastic_Block_Store", "vol01"));
        let lines = disk_lines([(&device, &path), (&device, &nvme)]);
        assert_eq!(lines, "loop3 7 3 /dev/xvdf\nloop3 7 3 - Amazon_Elastic_Block_Store vol01\n");
    }

    #[test]
    fn vendor_data_survives_quotes_in_a_key() {
        let text = vendor_data(&spec(None));
        let config: serde_json::Value = serde_json::from_str(text.strip_prefix("#cloud-config\n").unwrap()).unwrap();
        assert_eq!(config["users"][0]["ssh_authorized_keys"][0], "ssh-ed25519 AAAA \"quoted\" comment");
        assert_eq!(config["write_files"][0]["content"], "ssh-ed25519 BBBB ca\n");
    }

    #[test]
    fn meminfo_tells_the_size_that_was_paid_for() {
        assert!(meminfo(2048).starts_with("MemTotal:            2097152 kB\n"));
    }
}
