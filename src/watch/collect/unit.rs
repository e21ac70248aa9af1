//! The unit under which systemd would run the collector: a user that exists only while it runs, and that can do nothing but
//! read. Pure text; nothing installs it yet.

use std::path::PathBuf;

use super::config::{CREDENTIAL, CollectConfig};

#[derive(Debug, Clone)]
pub struct UnitPaths {
    pub program: PathBuf,
    pub config: PathBuf,
}

/// The folder of the ring, below /var/lib: `StateDirectory` makes it and gives it to the unit's user.
const STATE: &str = "infra-collect";

/// /proc/diskstats, stat, meminfo, vmstat, pressure and mountinfo may be read by everybody: for them the unit has no right at
/// all. Two things need one:
///
/// - Docker's socket, by its group. Who may write to it is root, whatever else the unit forbids; there is no smaller right to
///   give. So the group is there only where containers are measured. It guards against mistakes, not against a stranger who has
///   taken over the process.
/// - The database's password: systemd reads the file as root and shows it to this unit alone (`LoadCredential`).
///
/// `ProtectHome=read-only` and not `yes`: that would put an empty file system in the place of one that is measured.
pub fn unit_text(paths: &UnitPaths, config: &CollectConfig) -> String {
    let docker = config.docker.as_ref().map_or("", |_| "SupplementaryGroups=docker\n");
    let credential = config
        .database
        .as_ref()
        .map_or(String::new(), |database| format!("LoadCredential={CREDENTIAL}:{}\n", database.endpoint.display()));
    let (program, file) = (paths.program.display(), paths.config.display());
    format!(
        "[Unit]
Description=infra collect
After=docker.service network-online.target

[Service]
ExecStart={program} agent collect --config {file}
Environment=INFRA_LOG=infra=warn
Restart=always
RestartSec=10

DynamicUser=yes
StateDirectory={STATE}
StateDirectoryMode=0750
{docker}{credential}
CapabilityBoundingSet=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0027

Nice=5
MemoryMax=64M
CPUQuota=10%
IOSchedulingClass=best-effort
IOSchedulingPriority=7

[Install]
WantedBy=multi-user.target
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(config: &str) -> String {
        let paths = UnitPaths { program: "/opt/infra".into(), config: "/etc/collect.toml".into() };
        unit_text(&paths, &toml::from_str(config).unwrap())
    }

    #[test]
    fn the_unit_has_only_the_rights_that_its_configuration_needs() {
        let bare = text("ring = '/var/lib/infra-collect/ring.db'");
        assert!(bare.contains("\nExecStart=/opt/infra agent collect --config /etc/collect.toml\n"));
        assert!(bare.contains("\nDynamicUser=yes\n") && bare.contains("\nCapabilityBoundingSet=\n"));
        assert!(!bare.contains("docker\n") && !bare.contains("LoadCredential"));
        let all = text("ring = 'x'\n[docker]\nproject = 'p'\n[database]\nendpoint = '/root/database.json'");
        assert!(all.contains("\nSupplementaryGroups=docker\n"));
        assert!(all.contains("\nLoadCredential=database.json:/root/database.json\n"));
    }
}
