//! What all labs of this machine share, the network and the registry: made when missing, removed with the last host.

use std::fs::{self, File};

use tokio::task::spawn_blocking;

use crate::paths::cache;

use super::docker::docker;
use super::{LABEL, network, registry};

/// While it is held, nobody removes what is shared. Whoever makes a host holds it until the host counts as a user.
pub(crate) struct InUse {
    _lock: File,
}

pub(crate) async fn ensure() -> anyhow::Result<InUse> {
    let lock = lock().await?;
    network::ensure().await?;
    registry::ensure().await?;
    Ok(lock)
}

/// Removes the network and stops the registry unless a host of any lab is left.
pub(super) async fn remove_unused() -> anyhow::Result<()> {
    let _lock = lock().await?;
    if docker(["ps", "--all", "--quiet", "--filter", &format!("label={LABEL}")]).await?.is_empty() {
        registry::stop().await?;
        network::remove().await?;
    }
    Ok(())
}

async fn lock() -> anyhow::Result<InUse> {
    let folder = cache();
    fs::create_dir_all(&folder)?;
    let file = File::create(folder.join("shared.lock"))?;
    let locked = spawn_blocking(move || file.lock().map(|()| file)).await??;
    Ok(InUse { _lock: locked })
}
