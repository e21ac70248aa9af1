//! The keys that a host shows to whoever connects: for a person to compare with what the host's own console says. They prove
//! nothing by themselves.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use super::target::HostKey;

/// By OpenSSH's own program. Empty: nobody answers.
pub async fn offered_keys(address: &str) -> std::io::Result<Vec<HostKey>> {
    let asked = Command::new("ssh-keyscan").args(["-T", "10", "--", address]).output().await?;
    let text = String::from_utf8_lossy(&asked.stdout);
    Ok(text.lines().filter_map(parse).collect())
}

fn parse(line: &str) -> Option<HostKey> {
    let mut words = line.split_whitespace().filter(|_| !line.starts_with('#'));
    let (_, algorithm, key) = (words.next()?, words.next()?, words.next()?);
    Some(HostKey { algorithm: algorithm.to_owned(), public_key: key.to_owned() })
}

/// As `ssh-keygen -l` prints it.
pub fn fingerprint(key: &HostKey) -> Option<String> {
    let bytes = STANDARD.decode(&key.public_key).ok()?;
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(bytes))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and the fingerprint that GitHub publishes, as `ssh-keyscan` and `ssh-keygen -l` print them.
    #[test]
    fn a_key_has_the_fingerprint_that_openssh_prints() {
        let line = "github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
        let key = parse(line).expect("a line of known_hosts");
        assert_eq!(fingerprint(&key).as_deref(), Some("SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"));
        assert_eq!(parse("# github.com:22 SSH-2.0-x"), None);
    }
}
