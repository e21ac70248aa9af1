//! The host keys that cloud-init prints to an instance's console at its first boot: by these it is known before the first
//! connection. Whoever could forge them there is root on the host already.

use aws_sdk_ec2::Client;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::errors::error;
use crate::cloud::api::{CloudError, CloudErrorKind, HostKey};

/// Of cloud-init's `write-ssh-key-fingerprints`. Another block, of FINGERPRINTS, tells only hashes.
const BEGIN: &str = "-----BEGIN SSH HOST KEY KEYS-----";
const END: &str = "-----END SSH HOST KEY KEYS-----";

/// Empty until they are printed. The latest 64 kB of the console first; what EC2 kept of the boot where these do not have
/// them (any more), or where an instance that is not on Nitro cannot be read up to the moment.
pub(super) async fn host_keys(client: &Client, instance: &str) -> Result<Vec<HostKey>, CloudError> {
    let latest = match output(client, instance, true).await {
        Ok(text) => keys(&text),
        Err(error) if error.kind == CloudErrorKind::Refused => vec![],
        Err(error) => return Err(error),
    };
    if !latest.is_empty() {
        return Ok(latest);
    }
    Ok(keys(&output(client, instance, false).await?))
}

async fn output(client: &Client, instance: &str, latest: bool) -> Result<String, CloudError> {
    let call = client.get_console_output().instance_id(instance);
    let call = if latest { call.latest(true) } else { call };
    let answer = call.send().await.map_err(|e| error("GetConsoleOutput", e))?;
    let bytes = STANDARD.decode(answer.output.unwrap_or_default().trim()).unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Those of the last block that is whole.
fn keys(text: &str) -> Vec<HostKey> {
    let blocks = text.split(BEGIN).skip(1).filter_map(|part| part.split_once(END));
    blocks.last().map(|(block, _)| block.lines().filter_map(key).collect()).unwrap_or_default()
}

/// A line may begin with what the system's log puts before it.
fn key(line: &str) -> Option<HostKey> {
    let words: Vec<_> = line.split_whitespace().collect();
    let pair = words.windows(2).find(|pair| is_key(pair[0], pair[1]))?;
    Some(HostKey { algorithm: pair[0].to_owned(), key: pair[1].to_owned() })
}

/// A key names its algorithm within (RFC 4253, section 6.6): a line into which something else was printed does not pass.
fn is_key(algorithm: &str, key: &str) -> bool {
    let Ok(bytes) = STANDARD.decode(key) else { return false };
    let named = bytes.split_first_chunk::<4>().and_then(|(length, rest)| {
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        rest.get(..length)
    });
    named == Some(algorithm.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJ7Ii1QF1ZbgLZqm2uJpQnN3xT8dDnV1p3m0v2k4l5aB";

    fn ecdsa() -> String {
        let algorithm = "ecdsa-sha2-nistp256";
        let mut bytes = u32::try_from(algorithm.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend(algorithm.as_bytes());
        bytes.extend([7; 40]);
        STANDARD.encode(bytes)
    }

    fn console(block: &str) -> String {
        format!(
            "[    0.000000] Linux version 6.8.0-1012-aws\r\nci-info: no authorized SSH keys fingerprints found for user ubuntu.\r\n\
             <14>Nov 30 12:00:00 cloud-init: -----BEGIN SSH HOST KEY FINGERPRINTS-----\r\n<14>Nov 30 12:00:00 cloud-init: 256 \
             SHA256:abc root@ip-10-0-0-1 (ED25519)\r\n-----END SSH HOST KEY FINGERPRINTS-----\r\n{BEGIN}\r\n{block}\r\n{END}\r\n\
             [   12.5] cloud-init[1]: Cloud-init v. 24.4 finished\r\n\r\nUbuntu 24.04 LTS ip-10-0-0-1 ttyS0\r\n\r\nlogin: "
        )
    }

    #[test]
    fn the_keys_are_read_and_not_the_fingerprints() {
        let block =
            format!("ecdsa-sha2-nistp256 {} root@ip-10-0-0-1\r\nssh-ed25519 {ED25519} root@ip-10-0-0-1", ecdsa());
        let found = keys(&console(&block));
        let algorithms: Vec<_> = found.iter().map(|key| key.algorithm.as_str()).collect();
        assert_eq!(algorithms, ["ecdsa-sha2-nistp256", "ssh-ed25519"]);
        assert_eq!(found[1].key, ED25519);
    }

    #[test]
    fn a_line_that_was_torn_or_lies_is_left_out() {
        let torn = format!(
            "ssh-ed25519 AAAAC3Nz[   12.1] eth0: up\r\nssh-rsa {ED25519} root\r\n<14>Nov 30 log: ssh-ed25519 {ED25519}"
        );
        assert_eq!(keys(&console(&torn)), [HostKey { algorithm: "ssh-ed25519".into(), key: ED25519.into() }]);
    }

    #[test]
    fn nothing_is_read_from_half_a_block_and_the_last_whole_one_counts() {
        let half = format!("{BEGIN}\nssh-ed25519 {ED25519} root");
        assert!(keys(&half).is_empty() && keys("").is_empty() && keys(END).is_empty());
        let first = console(&format!("ecdsa-sha2-nistp256 {} root", ecdsa()));
        let second = console(&format!("ssh-ed25519 {ED25519} root"));
        let found = keys(&format!("{first}{second}{half}"));
        assert_eq!(found.iter().map(|key| key.algorithm.as_str()).collect::<Vec<_>>(), ["ssh-ed25519"]);
    }
}
