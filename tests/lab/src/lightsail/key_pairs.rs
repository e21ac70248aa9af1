//! SSH key pairs: imported, made by Lightsail, and the region's default one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::account::{Answer, Call};
use super::error::ApiError;
use super::operations::{Subject, UNNAMED};
use super::page::page;
use super::resource::{Identity, Kind, extend};
use super::work::Work;

pub const DEFAULT: &str = "LightsailDefaultKeyPair";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyPair {
    pub identity: Identity,
    /// One line of `authorized_keys`.
    pub public_key: String,
    /// The region's default key pair, kept because it can be downloaded.
    pub private_key: Option<String>,
}

impl KeyPair {
    fn view(&self) -> Value {
        extend(self.identity.view(), json!({ "fingerprint": self.fingerprint() }))
    }

    /// AWS's fingerprints depend on the kind and origin of a key; the lab's are always of the public key's SHA-256.
    fn fingerprint(&self) -> String {
        let blob = self.public_key.split_whitespace().nth(1).unwrap_or_default();
        let digest = Sha256::digest(STANDARD.decode(blob).unwrap_or_default());
        digest[..20].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
    }

    fn subject(&self) -> Subject<'_> {
        Subject { kind: Kind::KeyPair, name: &self.identity.name, zone: "all", details: "" }
    }

    fn is_default(&self) -> bool {
        self.private_key.is_some()
    }
}

/// The key pair that a new instance gets: the named one, or the default one, made when it is first needed.
pub(super) fn for_new_instance(call: &mut Call<'_>) -> Result<String, ApiError> {
    match call.input.optional_text("keyPairName") {
        Some(name) if call.region.key_pairs.contains_key(name) => Ok(name.to_owned()),
        Some(name) => Err(ApiError::not_found("KeyPair", name)),
        None => Ok(default(call)?.identity.name),
    }
}

fn default(call: &mut Call<'_>) -> Result<KeyPair, ApiError> {
    if let Some(known) = call.region.key_pairs.values().find(|pair| pair.is_default()) {
        return Ok(known.clone());
    }
    let made = call.prepared.key.clone().ok_or_else(|| ApiError::failure("No key could be made"))?;
    let identity = call.identity(Kind::KeyPair, DEFAULT, "all", Vec::new());
    let pair = KeyPair { identity, public_key: made.public, private_key: Some(made.private) };
    call.region.key_pairs.insert(DEFAULT.to_owned(), pair.clone());
    Ok(pair)
}

pub fn import(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("keyPairName")?.to_owned();
    call.check_new_name(&name)?;
    let public_key = read_public_key(call.input.text("publicKeyBase64")?)?;
    let identity = call.identity(Kind::KeyPair, &name, "all", Vec::new());
    let pair = KeyPair { identity, public_key, private_key: None };
    call.region.key_pairs.insert(name, pair.clone());
    call.operation(UNNAMED, Work::Nothing, pair.subject())
}

/// Accepts the line of a `.pub` file as it is, which is what AWS's clients send, and the same encoded in base64.
fn read_public_key(text: &str) -> Result<String, ApiError> {
    let invalid = || ApiError::invalid("The public key is not valid. It must be an ssh-rsa or ssh-ed25519 key");
    let decoded = STANDARD.decode(text.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let line = decoded.unwrap_or_else(|| text.to_owned());
    let mut words = line.split_whitespace();
    let (algorithm, blob) = (words.next().ok_or_else(invalid)?, words.next().ok_or_else(invalid)?);
    let known = ["ssh-rsa", "ssh-ed25519"].contains(&algorithm);
    let bytes = STANDARD.decode(blob).map_err(|_| invalid())?;
    // A key's blob begins with its algorithm's length and name.
    let named = bytes.get(4..4 + algorithm.len()) == Some(algorithm.as_bytes());
    if known && named { Ok(line.trim().to_owned()) } else { Err(invalid()) }
}

pub fn create(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("keyPairName")?.to_owned();
    call.check_new_name(&name)?;
    let made = call.prepared.key.clone().ok_or_else(|| ApiError::failure("No key could be made"))?;
    let identity = call.identity(Kind::KeyPair, &name, "all", call.input.tags()?);
    let pair = KeyPair { identity, public_key: made.public.clone(), private_key: None };
    call.region.key_pairs.insert(name, pair.clone());
    let mut answer = call.operation(UNNAMED, Work::Nothing, pair.subject())?;
    answer["keyPair"] = pair.view();
    answer["publicKeyBase64"] = json!(made.public);
    answer["privateKeyBase64"] = json!(made.private);
    Ok(answer)
}

/// Instances keep the key that they were made with: AWS deletes a key pair that is in use, too.
pub fn delete(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("keyPairName")?.to_owned();
    let pair = find(call, &name)?.clone();
    if pair.is_default() && call.input.optional_text("expectedFingerprint") != Some(&pair.fingerprint()) {
        return Err(ApiError::invalid("The default key pair is deleted only with its expected fingerprint"));
    }
    call.region.key_pairs.remove(&name);
    call.operation(UNNAMED, Work::Nothing, pair.subject())
}

fn find<'a>(call: &'a Call<'_>, name: &str) -> Result<&'a KeyPair, ApiError> {
    call.region.key_pairs.get(name).ok_or_else(|| ApiError::not_found("KeyPair", name))
}

pub fn list(call: &Call<'_>) -> Answer {
    let with_default = call.input.flag("includeDefaultKeyPair");
    let shown = call.region.key_pairs.values().filter(|pair| with_default || !pair.is_default());
    page(call, "keyPairs", shown.map(KeyPair::view))
}

pub fn get(call: &Call<'_>) -> Answer {
    Ok(json!({ "keyPair": find(call, call.input.text("keyPairName")?)?.view() }))
}

pub fn download_default(call: &mut Call<'_>) -> Answer {
    let pair = default(call)?;
    Ok(json!({
        "publicKeyBase64": pair.public_key, "privateKeyBase64": pair.private_key, "createdAt": pair.identity.created_at,
    }))
}
