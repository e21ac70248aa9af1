//! Where the model lies.

use std::path::{Path, PathBuf};

/// Overrides the search; set by whoever keeps another botocore.
const VARIABLE: &str = "LAB_LIGHTSAIL_MODEL";

/// The model of the lab's Python environment, or the file that `LAB_LIGHTSAIL_MODEL` names.
pub fn find() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(VARIABLE) {
        return Some(path.into());
    }
    let libraries = crate::paths::venv().join("lib");
    let python = |entry: std::fs::DirEntry| in_site_packages(&entry.path());
    std::fs::read_dir(libraries).ok()?.flatten().find_map(python)
}

fn in_site_packages(python: &Path) -> Option<PathBuf> {
    let folder = python.join("site-packages/botocore/data/lightsail/2016-11-28");
    ["service-2.json.gz", "service-2.json"].iter().map(|name| folder.join(name)).find(|path| path.exists())
}
