//! Key pairs: imported, or made by EC2.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::account::{Answer, Call};
use super::error::ApiError;
use super::filters::{matches, one, tag_set};
use super::input::Tags;
use super::run::shown_tags;
use super::time;
use crate::lightsail::{now, short_id};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyPair {
    pub id: String,
    pub name: String,
    /// One line of `authorized_keys`.
    pub public_key: String,
    pub created_at: f64,
    pub tags: Tags,
}

impl KeyPair {
    fn kind(&self) -> &'static str {
        if self.public_key.starts_with("ssh-ed25519") { "ed25519" } else { "rsa" }
    }

    /// Of an ed25519 key as `ssh-keygen -l` prints it; RSA keys have MD5 and SHA-1 in AWS, here SHA-256 too.
    fn fingerprint(&self) -> String {
        let blob = self.public_key.split_whitespace().nth(1).unwrap_or_default();
        let digest = Sha256::digest(STANDARD.decode(blob).unwrap_or_default());
        match self.kind() {
            "ed25519" => STANDARD_NO_PAD.encode(digest),
            _ => digest[..20].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"),
        }
    }

    fn view(&self, with_key: bool) -> Value {
        json!({
            "KeyPairId": self.id, "KeyName": self.name, "KeyFingerprint": self.fingerprint(), "KeyType": self.kind(),
            "CreateTime": time(self.created_at), "Tags": tag_set(&self.tags),
            "PublicKey": with_key.then(|| format!("{}\n", self.public_key)),
        })
    }
}

fn new(call: &Call<'_>, public_key: String) -> Result<KeyPair, ApiError> {
    call.input.tags_only_for(&["key-pair"])?;
    let name = call.input.text("KeyName")?;
    if name.is_empty() || name.len() > 255 {
        return Err(ApiError::value("keyName", name, "It must have 1 to 255 characters."));
    }
    if call.region.key_pairs.contains_key(name) {
        let message = format!("The keypair already exists: {name}");
        return Err(ApiError::new("InvalidKeyPair.Duplicate", message));
    }
    let tags = call.input.tags_for("key-pair")?;
    Ok(KeyPair { id: short_id("key"), name: name.to_owned(), public_key, created_at: now(), tags })
}

pub fn import(call: &mut Call<'_>) -> Answer {
    let public_key = read_public_key(call.input.text("PublicKeyMaterial")?)?;
    let pair = new(call, public_key)?;
    let answer = json!({
        "KeyPairId": pair.id, "KeyName": pair.name, "KeyFingerprint": pair.fingerprint(), "Tags": shown_tags(&pair.tags),
    });
    call.region.key_pairs.insert(pair.name.clone(), pair);
    Ok(answer)
}

/// The line of a `.pub` file in base64.
fn read_public_key(encoded: &str) -> Result<String, ApiError> {
    let invalid = || ApiError::new("InvalidKey.Format", "Key is not in valid OpenSSH public key format");
    let bytes = STANDARD.decode(encoded.trim()).map_err(|_| invalid())?;
    let line = String::from_utf8(bytes).map_err(|_| invalid())?;
    let mut words = line.split_whitespace();
    let (algorithm, blob) = (words.next().ok_or_else(invalid)?, words.next().ok_or_else(invalid)?);
    let bytes = STANDARD.decode(blob).map_err(|_| invalid())?;
    // A key's blob begins with its algorithm's length and name.
    let named = bytes.get(4..4 + algorithm.len()) == Some(algorithm.as_bytes());
    match ["ssh-rsa", "ssh-ed25519"].contains(&algorithm) && named {
        true => Ok(line.trim().to_owned()),
        false => Err(invalid()),
    }
}

pub fn create(call: &mut Call<'_>) -> Answer {
    let made = call.prepared.key.clone().ok_or_else(|| ApiError::internal("No key could be made"))?;
    let pair = new(call, made.public)?;
    let answer = json!({
        "KeyPairId": pair.id, "KeyName": pair.name, "KeyFingerprint": pair.fingerprint(), "KeyMaterial": made.private,
        "Tags": shown_tags(&pair.tags),
    });
    call.region.key_pairs.insert(pair.name.clone(), pair);
    Ok(answer)
}

/// One that is not there is no error. Instances keep the key that they were made with.
pub fn delete(call: &mut Call<'_>) -> Answer {
    let (id, name) = (call.input.maybe("KeyPairId"), call.input.maybe("KeyName"));
    if id.is_none() && name.is_none() {
        return Err(ApiError::missing("KeyName"));
    }
    let mut all = call.region.key_pairs.values();
    let found = all.find(|pair| id.map_or_else(|| name == Some(&pair.name), |id| id == pair.id)).cloned();
    match found {
        Some(pair) => {
            call.region.key_pairs.remove(&pair.name);
            Ok(json!({ "Return": true, "KeyPairId": pair.id }))
        }
        None => Ok(json!({ "Return": true })),
    }
}

/// Not in pages.
pub fn describe(call: &Call<'_>) -> Answer {
    let (names, ids) = (call.input.texts("KeyNames"), call.input.texts("KeyPairIds"));
    if let Some(name) = names.iter().find(|name| !call.region.key_pairs.contains_key(*name)) {
        return Err(ApiError::not_found("InvalidKeyPair", "key pair", name));
    }
    if let Some(id) = ids.iter().find(|id| !call.region.key_pairs.values().any(|pair| pair.id == **id)) {
        return Err(ApiError::not_found("InvalidKeyPair", "key pair", id));
    }
    let with_key = call.input.flag("IncludePublicKey").unwrap_or(false);
    let mut shown = Vec::new();
    for pair in call.region.key_pairs.values() {
        let named = (names.is_empty() || names.contains(&pair.name)) && (ids.is_empty() || ids.contains(&pair.id));
        let of = |name: &str| match name {
            "key-name" => one(&pair.name),
            "key-pair-id" => one(&pair.id),
            "fingerprint" => one(pair.fingerprint()),
            _ => None,
        };
        if named && matches(call.input, &pair.tags, of)? {
            shown.push(pair.view(with_key));
        }
    }
    Ok(json!({ "KeyPairs": shown }))
}
