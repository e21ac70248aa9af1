//! The arguments that start a machine's container. Pure.

use std::path::Path;

use super::MachineSpec;

/// What systemd, sshd and a nested Docker need. `--privileged` fails where this machine itself is confined, and would
/// hand over the clock and the kernel's modules.
const CAPABILITIES: [&str; 29] = [
    "AUDIT_CONTROL",
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_TTY_CONFIG",
];

/// Its bit in the kernel's sets (capabilities(7)).
const CAP_SYS_RESOURCE: u32 = 24;

/// Everything about a container that its spec does not say.
pub(super) struct Launch<'a> {
    pub container: &'a str,
    pub label: &'a str,
    pub image: &'a str,
    /// Holds `seed/`, `lab/` and `meminfo`.
    pub folder: &'a Path,
    /// The machine's own resolver: Docker's listens where the inner Docker's containers cannot reach it.
    pub nameserver: Option<String>,
    /// More than this machine has are refused by Docker.
    pub cpus: usize,
    /// Whether this machine has CAP_SYS_RESOURCE to give, which growing a mounted file system takes.
    pub sys_resource: bool,
}

pub(super) fn run_arguments(launch: &Launch<'_>, spec: &MachineSpec) -> Vec<String> {
    let folder = launch.folder.display();
    let mut arguments: Vec<String> = [
        "run",
        "--detach",
        "--network=infra-lab",
        "--cgroupns=private",
        "--security-opt=seccomp=unconfined",
        "--security-opt=apparmor=unconfined",
        "--device-cgroup-rule=a *:* rwm",
        "--tmpfs=/run:exec",
        "--tmpfs=/run/lock",
        "--tmpfs=/tmp:exec",
        "--cap-drop=ALL",
    ]
    .map(str::to_owned)
    .into();
    arguments.extend(CAPABILITIES.map(|capability| format!("--cap-add={capability}")));
    arguments.extend(launch.sys_resource.then(|| "--cap-add=SYS_RESOURCE".to_owned()));
    arguments.extend([
        format!("--name={}", launch.container),
        format!("--label={}", launch.label),
        format!("--hostname={}", spec.name),
        format!("--memory={}m", spec.memory_mb),
        format!("--cpus={}", launch.cpus.min(spec.cpus as usize)),
        format!("--volume={}:/var/lib/docker", launch.container),
        format!("--volume={folder}/seed:/var/lib/cloud/seed/nocloud:ro"),
        format!("--volume={folder}/lab:/lab:ro"),
        format!("--volume={folder}/meminfo:/proc/meminfo"),
    ]);
    arguments.extend(launch.nameserver.iter().map(|address| format!("--env=LAB_NAMESERVER={address}")));
    arguments.push(launch.image.to_owned());
    arguments
}

/// Reads the bounding set out of `/proc/self/status`.
pub(super) fn has_sys_resource(status: &str) -> bool {
    let set = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
    let set = set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    set.is_some_and(|set| set >> CAP_SYS_RESOURCE & 1 == 1)
}

/// The image for a blueprint. Docker is preinstalled where a test should not wait for it; on `debian_*` the user data
/// installs it, as on a real instance.
pub(super) fn image(blueprint: &str) -> &'static str {
    if blueprint.starts_with("debian_") { "infra-lab-host-bare" } else { "infra-lab-host" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machines::MachineId;

    #[test]
    fn a_container_gets_its_size_and_never_all_privileges() {
        let spec = MachineSpec {
            id: MachineId("i-1".into()),
            name: "phase1-vault".into(),
            blueprint: "ubuntu_24_04".into(),
            memory_mb: 4096,
            cpus: 16,
            disk_gb: 80,
            user: "ubuntu".into(),
            user_data: Some("password=secret".into()),
            authorized_keys: vec![],
            ca_keys: vec![],
            from_snapshot: None,
            disks: Default::default(),
            firewall: None,
            metadata: None,
        };
        let launch = Launch {
            container: "infra-lab-a-i-1",
            label: "infra-lab=a",
            image: "infra-lab-host",
            folder: Path::new("/state/machines/i-1"),
            nameserver: Some("192.0.2.53".into()),
            cpus: 2,
            sys_resource: false,
        };
        let arguments = run_arguments(&launch, &spec);
        for expected in ["--memory=4096m", "--cpus=2", "--hostname=phase1-vault", "--label=infra-lab=a"] {
            assert!(arguments.iter().any(|argument| argument == expected), "{expected} in {arguments:?}");
        }
        assert_eq!(arguments.last().unwrap(), "infra-lab-host");
        assert!(!arguments.iter().any(|argument| argument.contains("privileged") || argument.contains("secret")));
    }

    #[test]
    fn reads_the_bounding_set() {
        assert!(has_sys_resource("CapEff:\t0\nCapBnd:\t000001ffffffffff\n"));
        assert!(!has_sys_resource("CapBnd:\t000001fffeffffff\n"));
    }

    #[test]
    fn debian_starts_without_docker() {
        assert_eq!(image("ubuntu_24_04"), "infra-lab-host");
        assert_eq!(image("debian_12"), "infra-lab-host-bare");
    }
}
