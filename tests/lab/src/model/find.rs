//! Where the models lie.

use std::path::{Path, PathBuf};

/// A service of which the lab has the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Lightsail,
    Ec2,
}

impl Service {
    /// Overrides the search; set by whoever keeps another botocore.
    fn variable(self) -> &'static str {
        match self {
            Self::Lightsail => "LAB_LIGHTSAIL_MODEL",
            Self::Ec2 => "LAB_EC2_MODEL",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Lightsail => "lightsail/2016-11-28",
            Self::Ec2 => "ec2/2016-11-15",
        }
    }
}

/// The model of the lab's Python environment, or the file that the service's variable names.
pub fn find(service: Service) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(service.variable()) {
        return Some(path.into());
    }
    let libraries = crate::paths::venv().join("lib");
    let python = |entry: std::fs::DirEntry| in_site_packages(&entry.path(), service);
    std::fs::read_dir(libraries).ok()?.flatten().find_map(python)
}

fn in_site_packages(python: &Path, service: Service) -> Option<PathBuf> {
    let folder = python.join("site-packages/botocore/data").join(service.folder());
    ["service-2.json.gz", "service-2.json"].iter().map(|name| folder.join(name)).find(|path| path.exists())
}
