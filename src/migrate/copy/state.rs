//! Small files in the migration's folder: written whole or not at all, readable by root alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::CopyError;

/// Durable when it returns.
pub fn write<T: Serialize>(folder: &Path, name: &str, value: &T) -> Result<(), CopyError> {
    let content = serde_json::to_vec(value).expect("plain data");
    replace(folder, name, &content).map_err(|source| CopyError::File { path: folder.join(name), source })
}

pub fn replace(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let draft = folder.join(format!(".{name}.{}", std::process::id()));
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, folder.join(name))?;
    File::open(folder)?.sync_all()
}

/// None: there is no such file.
pub fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Option<T>, CopyError> {
    let path = folder.join(name);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|source| CopyError::Content { path, source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CopyError::File { path, source }),
    }
}
