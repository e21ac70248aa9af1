//! Lists what is published, as the manifests show it. Read from the folders each time: there is no index to go stale.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde::Serialize;

use super::{Entry, Store, read_entry};
use crate::name::Name;

/// An adapter with all its versions, sorted by name.
#[derive(Debug, Serialize)]
pub struct Adapter {
    pub name: String,
    pub versions: Vec<Version>,
}

/// A version with all its files, sorted by name.
#[derive(Debug, Serialize)]
pub struct Version {
    pub version: String,
    pub files: Vec<PublishedFile>,
}

/// A published file.
#[derive(Debug, Serialize)]
pub struct PublishedFile {
    pub file: String,
    #[serde(flatten)]
    pub entry: Entry,
}

impl Store {
    /// All adapters that have a file.
    pub fn adapters(&self) -> io::Result<Vec<Adapter>> {
        let mut adapters = Vec::new();
        for name in folders(&self.root)? {
            adapters.extend(self.adapter(&name)?);
        }
        Ok(adapters)
    }

    /// One adapter, if it has a file.
    pub fn adapter(&self, name: &Name) -> io::Result<Option<Adapter>> {
        let folder = self.root.join(name.as_str());
        let mut versions = Vec::new();
        for version in folders(&folder)? {
            let files = files(&folder.join(version.as_str()))?;
            if !files.is_empty() {
                versions.push(Version { version: version.to_string(), files });
            }
        }
        let adapter = Adapter { name: name.to_string(), versions };
        Ok(Some(adapter).filter(|adapter| !adapter.versions.is_empty()))
    }
}

fn files(folder: &Path) -> io::Result<Vec<PublishedFile>> {
    let mut files = Vec::new();
    for name in names(folder, |kind| kind.is_file())? {
        if let Some(entry) = read_entry(&folder.join(name.as_str()))? {
            files.push(PublishedFile { file: name.to_string(), entry });
        }
    }
    Ok(files)
}

fn folders(path: &Path) -> io::Result<Vec<Name>> {
    // A link instead of a folder is no part of the store.
    match fs::symlink_metadata(path) {
        Ok(data) if data.is_dir() => names(path, |kind| kind.is_dir()),
        Ok(_) => Ok(Vec::new()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn names(path: &Path, wanted: impl Fn(&fs::FileType) -> bool) -> io::Result<Vec<Name>> {
    let mut names = Vec::new();
    for found in fs::read_dir(path)? {
        let found = found?;
        if wanted(&found.file_type()?) {
            names.extend(found.file_name().to_str().and_then(|name| Name::parse(name).ok()));
        }
    }
    names.sort();
    Ok(names)
}
