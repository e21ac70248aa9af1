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

/// What a request needs to have made.
#[derive(Debug, Clone, Copy)]
pub enum Wanted {
    Nothing,
    /// A key pair, for CreateKeyPair or as the region's default one.
    KeyPair,
    /// A temporary key for this user.
    TemporaryKey(&'static str),
}

/// Looks only; `prepare` makes it.
pub fn wanted(operation: &str, input: &Input, region: Option<&Region>) -> Wanted {
    let has_default = region.is_some_and(|region| region.key_pairs.contains_key(super::key_pairs::DEFAULT));
    match operation {
        "CreateKeyPair" => Wanted::KeyPair,
        "DownloadDefaultKeyPair" if !has_default => Wanted::KeyPair,
        "CreateInstances" | "CreateInstancesFromSnapshot" if input.get("keyPairName").is_none() && !has_default => {
            Wanted::KeyPair
        }
        "GetInstanceAccessDetails" => {
            let instances = region.map(|region| &region.instances);
            let named = input.optional_text("instanceName").and_then(|name| instances?.get(name));
            named.map_or(Wanted::Nothing, |instance| Wanted::TemporaryKey(instance.blueprint().user))
        }
        _ => Wanted::Nothing,
    }
}

pub async fn prepare(wanted: Wanted, authority: &Authority) -> anyhow::Result<Prepared> {
    let mut prepared = Prepared::default();
    match wanted {
        Wanted::Nothing => {}
        Wanted::KeyPair => prepared.key = Some(ssh::rsa().await?),
        Wanted::TemporaryKey(user) => prepared.temporary = Some(authority.issue(user).await?),
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
