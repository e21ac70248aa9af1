//! How to reach a host: argv and known_hosts lines as data. The user's own ssh configuration, agent and jump hosts
//! stay in force; what is set here goes before it.

use std::path::PathBuf;

use crate::plan::names::NodeName;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub host: NodeName,
    pub address: String,
    pub port: u16,
    pub user: String,
    pub identity: Option<PathBuf>,
    pub certificate: Option<PathBuf>,
    /// File with the pinned keys. None, for provider `ssh` only, means the user's own known_hosts.
    pub known_hosts: Option<PathBuf>,
}

/// A host key as the cloud reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// `ssh-ed25519`, `ecdsa-sha2-nistp256`, …
    pub algorithm: String,
    /// Base64, as in a known_hosts line.
    pub public_key: String,
}

/// The text of a known_hosts file that pins `keys` for `address`.
pub fn known_hosts(address: &str, port: u16, keys: &[HostKey]) -> String {
    let name = if port == 22 { address.to_owned() } else { format!("[{address}]:{port}") };
    keys.iter().map(|key| format!("{name} {} {}\n", key.algorithm, key.public_key)).collect()
}

impl Target {
    /// Options that hold for every connection. ssh takes the first value it sees, so these win over the user's files.
    fn options(&self) -> Vec<String> {
        let mut options = vec![
            "BatchMode=yes".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "ConnectTimeout=10".to_owned(),
            // A host that is gone is noticed after a minute.
            "ServerAliveInterval=15".to_owned(),
            "ServerAliveCountMax=4".to_owned(),
        ];
        if let Some(file) = &self.known_hosts {
            options.push(format!("UserKnownHostsFile={}", file.display()));
            options.push("GlobalKnownHostsFile=/dev/null".to_owned());
        }
        if self.identity.is_some() {
            options.push("IdentitiesOnly=yes".to_owned());
        }
        if let Some(file) = &self.certificate {
            options.push(format!("CertificateFile={}", file.display()));
        }
        options
    }

    /// Arguments for ssh up to and including the destination.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> =
            self.options().into_iter().flat_map(|option| ["-o".to_owned(), option]).collect();
        if let Some(file) = &self.identity {
            arguments.extend(["-i".to_owned(), file.display().to_string()]);
        }
        arguments.extend(["-p".to_owned(), self.port.to_string(), "-l".to_owned(), self.user.clone()]);
        arguments.extend(["--".to_owned(), self.address.clone()]);
        arguments
    }
}

/// The argv of a plain ssh that inherits the terminal, for `infra ssh` and `infra exec`. `command` is appended as ssh
/// does it: joined by spaces and read by the login shell, so quote each word.
pub fn ssh_argv(target: &Target, tty: bool, command: &[String]) -> Vec<String> {
    let mut argv = vec!["ssh".to_owned()];
    argv.push(if tty { "-t" } else { "-T" }.to_owned());
    argv.extend(target.arguments());
    argv.extend(command.iter().cloned());
    argv
}

/// Who changes something, for locks and audit: `user@machine`.
pub fn operator() -> String {
    // Services and containers often run without either variable.
    let by_id = || if rustix::process::getuid().is_root() { "root".to_owned() } else { "unknown".to_owned() };
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| by_id());
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{user}@{machine}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target {
            host: "vault".parse().unwrap(),
            address: "203.0.113.10".to_owned(),
            port: 22,
            user: "ubuntu".to_owned(),
            identity: Some("/keys/id".into()),
            certificate: Some("/keys/id-cert.pub".into()),
            known_hosts: Some("/keys/known_hosts".into()),
        }
    }

    #[test]
    fn a_pinned_host_is_checked_against_its_file_alone() {
        let argv = ssh_argv(&target(), false, &[]).join(" ");
        assert_eq!(
            argv,
            "ssh -T -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=10 -o ServerAliveInterval=15 \
             -o ServerAliveCountMax=4 -o UserKnownHostsFile=/keys/known_hosts -o GlobalKnownHostsFile=/dev/null \
             -o IdentitiesOnly=yes -o CertificateFile=/keys/id-cert.pub -i /keys/id -p 22 -l ubuntu -- 203.0.113.10"
        );
    }

    #[test]
    fn an_adopted_server_uses_the_users_own_files() {
        let target = Target { identity: None, certificate: None, known_hosts: None, ..target() };
        let argv = ssh_argv(&target, true, &["uptime".to_owned()]).join(" ");
        assert!(!argv.contains("KnownHostsFile") && !argv.contains("-i "), "{argv}");
        assert!(argv.contains("StrictHostKeyChecking=yes") && argv.ends_with("-- 203.0.113.10 uptime"), "{argv}");
    }

    #[test]
    fn known_hosts_lines_name_another_port_in_brackets() {
        let keys = [HostKey { algorithm: "ssh-ed25519".to_owned(), public_key: "AAAA".to_owned() }];
        assert_eq!(known_hosts("203.0.113.10", 22, &keys), "203.0.113.10 ssh-ed25519 AAAA\n");
        assert_eq!(known_hosts("203.0.113.10", 2222, &keys), "[203.0.113.10]:2222 ssh-ed25519 AAAA\n");
    }
}
