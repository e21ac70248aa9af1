//! The cloud-init seed of a machine, and what lies in `/lab` for its first process. Pure: text in, text out.

use std::fmt::Write;

use serde_json::json;

use super::MachineSpec;
use super::disks::LoopDevice;

/// Where Lightsail's images keep the key of the authority that signs temporary certificates.
const CA_FILE: &str = "/etc/ssh/lightsail_instance_ca.pub";

pub(super) fn meta_data(spec: &MachineSpec) -> String {
    format!("instance-id: {}\nlocal-hostname: {}\n", spec.id, spec.name)
}

/// Lightsail's user data is a shell script, with or without the line that names the shell.
pub(super) fn user_data(spec: &MachineSpec) -> String {
    match spec.user_data.as_deref() {
        Some(script) if script.starts_with("#!") => script.to_owned(),
        Some(script) => format!("#!/bin/bash\n{script}"),
        None => String::new(),
    }
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
pub(super) fn disk_lines<'a>(disks: impl IntoIterator<Item = (&'a LoopDevice, &'a str)>) -> String {
    disks.into_iter().fold(String::new(), |mut lines, (device, path)| {
        writeln!(lines, "{} {} {} {path}", device.name, device.major, device.minor).expect("strings take everything");
        lines
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machines::MachineId;

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
        }
    }

    #[test]
    fn a_script_keeps_its_shell_and_gets_one_if_it_names_none() {
        assert_eq!(user_data(&spec(Some("#!/bin/sh\ntrue\n"))), "#!/bin/sh\ntrue\n");
        assert_eq!(user_data(&spec(Some("true\n"))), "#!/bin/bash\ntrue\n");
        assert_eq!(user_data(&spec(None)), "");
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
