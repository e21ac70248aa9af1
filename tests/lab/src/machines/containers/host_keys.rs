//! A machine's SSH host keys, read from inside it: never over the network that they are to protect.

use anyhow::{Context, ensure};

use super::docker;
use crate::machines::HostKey;

/// Waits for sshd, then prints three lines a key: the key, its SHA-1 and its SHA-256 fingerprint.
///
/// sshd says to systemd when it listens, and it does not start before cloud-init has made the keys and the user.
const SCRIPT: &str = r"
tries=0
until systemctl is-active --quiet ssh.service; do
    tries=$((tries + 1))
    if [ $tries -gt 600 ]; then
        systemctl --no-pager status ssh.service cloud-init-network.service >&2 || :
        exit 1
    fi
    sleep 0.1
done
for key in /etc/ssh/ssh_host_*_key.pub; do
    cat $key
    ssh-keygen -l -E sha1 -f $key
    ssh-keygen -l -E sha256 -f $key
done";

pub(super) async fn wait_for(container: &str) -> anyhow::Result<Vec<HostKey>> {
    let printed = docker::exec(container, SCRIPT).await.context("the machine did not come up")?;
    parse(&printed)
}

fn parse(printed: &str) -> anyhow::Result<Vec<HostKey>> {
    let lines: Vec<&str> = printed.lines().collect();
    ensure!(!lines.is_empty() && lines.len().is_multiple_of(3), "unexpected host keys: {printed}");
    lines
        .chunks(3)
        .map(|lines| {
            let (algorithm, public_key) = (field(lines[0], 0)?, field(lines[0], 1)?);
            Ok(HostKey {
                algorithm,
                public_key,
                fingerprint_sha1: field(lines[1], 1)?,
                fingerprint_sha256: field(lines[2], 1)?,
            })
        })
        .collect()
}

fn field(line: &str, index: usize) -> anyhow::Result<String> {
    let field = line.split_whitespace().nth(index);
    field.map(str::to_owned).with_context(|| format!("unexpected line about a host key: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_lines_make_a_key() {
        let keys = parse(
            "ssh-ed25519 AAAAC3 root@vault\n256 SHA1:abc root@vault (ED25519)\n256 SHA256:def root@vault (ED25519)",
        );
        let expected = HostKey {
            algorithm: "ssh-ed25519".into(),
            public_key: "AAAAC3".into(),
            fingerprint_sha1: "SHA1:abc".into(),
            fingerprint_sha256: "SHA256:def".into(),
        };
        assert_eq!(keys.unwrap(), [expected]);
        assert!(parse("").is_err());
    }
}
