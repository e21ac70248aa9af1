//! Host keys by a person's word, where the cloud does not tell them: shown, and taken only if the person says the same.

use crate::cloud::{Clouds, HostKey};
use crate::error::CommandError;
use crate::executor::{HostKeys as _, StepError};
use crate::host::{self, fingerprint, offered_keys};
use crate::inventory::{Inventory, ResourceName};
use crate::stack::{ObserveError, Stack};

/// `INSTANCE=SHA256:…`: the key that the host shows is pinned if it is this one.
pub async fn pin(stack: &Stack, clouds: Option<&Clouds>, told: &str) -> Result<(), CommandError> {
    let Some((name, expected)) = told.split_once('=').filter(|(_, key)| key.starts_with("SHA256:")) else {
        return Err(CommandError::usage(format!("--host-key {told}: it is written INSTANCE=SHA256:…"))
            .hint("`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host's console prints it"));
    };
    let name = ResourceName::new(name);
    let inventory = match clouds {
        Some(clouds) => clouds.observe().await.map_err(ObserveError::from)?,
        None => Inventory::empty(jiff::Timestamp::now()),
    };
    let ours = inventory.instance(&name).filter(|instance| instance.tags.is_plan(&stack.plan.name));
    let address = ours.and_then(|instance| instance.public_ip.clone().or(instance.private_ip.clone()));
    let address =
        address.ok_or_else(|| CommandError::usage(format!("the plan has no instance {name} with an address")))?;
    let offered = offered_keys(&address).await.map_err(CommandError::failed)?;
    let Some(key) = offered.iter().find(|key| fingerprint(key).as_deref() == Some(expected)) else {
        let shown: Vec<_> = offered.iter().filter_map(in_words).collect();
        let text = format!("{address} shows other keys than {expected}: {}", shown.join(", "));
        return Err(CommandError::failed(text).hint("something else may answer in its place: nothing was pinned"));
    };
    let key = HostKey { algorithm: key.algorithm.clone(), key: key.public_key.clone() };
    stack.local.pin(&name, &address, &[key]).map(drop).map_err(CommandError::failed)
}

/// What the host shows, beside the error that nobody knows its keys.
pub async fn shown(clouds: Option<&Clouds>, error: &StepError) -> Option<String> {
    let StepError::NoHostKeys { instance, at, .. } = error else { return None };
    let access = clouds?.at(*at).ok()?.access(instance, false).await.ok()?;
    let offered = offered_keys(&access.address).await.ok()?;
    let shown: Vec<_> = offered.iter().filter_map(in_words).collect();
    (!shown.is_empty()).then(|| format!("{} shows {}", access.address, shown.join(", ")))
}

fn in_words(key: &host::HostKey) -> Option<String> {
    Some(format!("{} {}", key.algorithm, fingerprint(key)?))
}
