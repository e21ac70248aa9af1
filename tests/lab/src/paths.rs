//! Where the lab keeps things: XDG's folders, as the scripts beside it use them.

use std::path::PathBuf;

/// `${XDG_CACHE_HOME:-~/.cache}/infra-lab`: what can be made again.
pub fn cache() -> PathBuf {
    base("XDG_CACHE_HOME", ".cache").join("infra-lab")
}

/// `${XDG_STATE_HOME:-~/.local/state}/infra-lab`: the account, disks, logs, the process id.
pub fn state() -> PathBuf {
    base("XDG_STATE_HOME", ".local/state").join("infra-lab")
}

/// The Python environment with MiniStack, botocore and the `aws` command.
pub fn venv() -> PathBuf {
    cache().join("venv")
}

fn base(variable: &str, beneath_home: &str) -> PathBuf {
    let given = std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    given.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/".into())).join(beneath_home))
}
