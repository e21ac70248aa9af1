//! GetInstanceAccessDetails: a temporary key, its certificate, and the host keys to pin.

use serde_json::{Value, json};

use super::account::{Answer, Call, Region};
use super::error::ApiError;
use super::input::Input;
use super::instances::State;
use super::resource::now;
use crate::machines::HostKey;
use crate::ssh::{self, Authority, Key, TemporaryKey};

/// Keys that a request needs. They are made before the account is locked, because making them takes a while.
#[derive(Debug, Default)]
pub struct Prepared {
    pub key: Option<Key>,
    temporary: Option<TemporaryKey>,
    /// The rule that lets the list of host keys be empty.
    pub hide_host_keys: bool,
}

/// Makes what the request is going to need.
pub async fn prepare(
    operation: &str,
    input: &Input,
    region: &Region,
    authority: &Authority,
) -> anyhow::Result<Prepared> {
    let mut prepared = Prepared::default();
    let has_default = region.key_pairs.contains_key(super::key_pairs::DEFAULT);
    match operation {
        "CreateKeyPair" => prepared.key = Some(ssh::rsa().await?),
        "DownloadDefaultKeyPair" if !has_default => prepared.key = Some(ssh::rsa().await?),
        "CreateInstances" | "CreateInstancesFromSnapshot" if input.get("keyPairName").is_none() && !has_default => {
            prepared.key = Some(ssh::rsa().await?);
        }
        "GetInstanceAccessDetails" => {
            let instance = input.optional_text("instanceName").and_then(|name| region.instances.get(name));
            if let Some(instance) = instance {
                prepared.temporary = Some(authority.issue(instance.blueprint().user).await?);
            }
        }
        _ => {}
    }
    Ok(prepared)
}

pub fn get(call: &mut Call<'_>) -> Answer {
    let temporary = call.prepared.temporary.take();
    let instance = call.instance()?;
    let name = &instance.identity.name;
    if call.input.optional_text("protocol") == Some("rdp") {
        return Err(ApiError::invalid(format!("The protocol rdp is not supported by the instance \"{name}\"")));
    }
    if instance.state != State::Running {
        return Err(ApiError::busy("instance", name, instance.state.name()));
    }
    let temporary = temporary.ok_or_else(|| ApiError::failure("No temporary key could be made"))?;
    let shown = if call.prepared.hide_host_keys { &[] } else { instance.host_keys.as_slice() };
    let host_keys: Vec<Value> = shown.iter().map(|key| host_key(key, instance.identity.created_at)).collect();
    Ok(json!({ "accessDetails": {
        "certKey": temporary.certificate, "expiresAt": now() + 3600.0, "ipAddress": instance.public_address(call.region),
        "ipv6Addresses": [], "privateKey": temporary.private, "protocol": "ssh", "instanceName": name,
        "username": instance.blueprint().user, "hostKeys": host_keys,
    }}))
}

fn host_key(key: &HostKey, witnessed_at: f64) -> Value {
    json!({
        "algorithm": key.algorithm, "publicKey": key.public_key, "witnessedAt": witnessed_at,
        "fingerprintSHA1": key.fingerprint_sha1, "fingerprintSHA256": key.fingerprint_sha256,
    })
}
