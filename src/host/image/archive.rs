//! What `docker save` writes, without the layers that the host has. `docker load` looks a layer's chain up before it
//! opens the layer's file (moby, image/tarexport/load.go), so such an archive loads. Reads both the classic layout and
//! the OCI one: `manifest.json` names the files of the layers in the order of the configuration's diff_ids.

use std::collections::{BTreeSet, HashMap};
use std::io::{Read, Seek, Write};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::chain::chain_ids;
use crate::host::error::HostError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ManifestEntry {
    config: PathBuf,
    layers: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Debug, Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

/// Which layer files stay at home.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selection {
    dropped: BTreeSet<PathBuf>,
    pub layers: usize,
}

impl Selection {
    pub fn sent(&self) -> usize {
        self.layers - self.dropped.len()
    }
}

/// Reads the archive once and decides.
pub(super) fn select(archive: &mut (impl Read + Seek), known: &BTreeSet<String>) -> Result<Selection, HostError> {
    let index = Index::read(archive).map_err(unreadable)?;
    let manifest = index.text("manifest.json")?;
    let entries: Vec<ManifestEntry> =
        serde_json::from_slice(manifest).map_err(|error| unexpected(error.to_string()))?;
    let (mut all, mut needed) = (BTreeSet::new(), BTreeSet::new());
    for entry in entries {
        let config: Config =
            serde_json::from_slice(index.text(&entry.config)?).map_err(|error| unexpected(error.to_string()))?;
        if config.rootfs.diff_ids.len() != entry.layers.len() {
            return Err(unexpected(format!("{} does not fit its manifest", entry.config.display())));
        }
        for (chain, file) in chain_ids(&config.rootfs.diff_ids).iter().zip(&entry.layers) {
            let file = index.resolve(file);
            if !known.contains(chain) {
                needed.insert(file.clone());
            }
            all.insert(file);
        }
    }
    let dropped: BTreeSet<PathBuf> = all.difference(&needed).cloned().collect();
    Ok(Selection { dropped, layers: all.len() })
}

/// Copies the archive without the dropped layers.
pub(super) fn copy(archive: &mut (impl Read + Seek), selection: &Selection, out: impl Write) -> std::io::Result<()> {
    archive.rewind()?;
    let mut reader = tar::Archive::new(archive);
    let mut writer = tar::Builder::new(out);
    for entry in reader.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        if selection.dropped.contains(&path) {
            continue;
        }
        let mut header = entry.header().clone();
        match entry.link_name()? {
            Some(link) if !header.entry_type().is_file() => writer.append_link(&mut header, &path, link)?,
            _ => writer.append_data(&mut header, &path, &mut entry)?,
        }
    }
    writer.into_inner()?.flush()
}

/// Small files of the archive and the links between layers.
struct Index {
    texts: HashMap<PathBuf, Vec<u8>>,
    links: HashMap<PathBuf, PathBuf>,
}

/// Configurations and manifests are a few kB; layers are not read.
const TEXT_LIMIT: u64 = 4 << 20;

impl Index {
    fn read(archive: &mut (impl Read + Seek)) -> std::io::Result<Self> {
        archive.rewind()?;
        let (mut texts, mut links) = (HashMap::new(), HashMap::new());
        let mut reader = tar::Archive::new(archive);
        for entry in reader.entries_with_seek()? {
            let mut entry = entry?;
            let path = entry.path()?.into_owned();
            if let (true, Some(link)) = (entry.header().entry_type().is_symlink(), entry.link_name()?) {
                let folder = path.parent().unwrap_or(Path::new(""));
                links.insert(path.clone(), normal(&folder.join(link)));
            } else if entry.size() <= TEXT_LIMIT && path.file_name().is_none_or(|name| name != "layer.tar") {
                let mut text = Vec::new();
                entry.read_to_end(&mut text)?;
                texts.insert(path, text);
            }
        }
        Ok(Self { texts, links })
    }

    fn text(&self, path: impl AsRef<Path>) -> Result<&[u8], HostError> {
        let path = path.as_ref();
        let text = self.texts.get(path).ok_or_else(|| unexpected(format!("it has no {}", path.display())))?;
        Ok(text)
    }

    /// The classic layout stores a repeated layer as a link to its first copy.
    fn resolve(&self, path: &Path) -> PathBuf {
        self.links.get(path).cloned().unwrap_or_else(|| path.to_owned())
    }
}

fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(out.pop()),
            Component::Normal(name) => out.push(name),
            _ => {}
        }
    }
    out
}

fn unexpected(detail: String) -> HostError {
    HostError::ImageArchive { detail }
}

fn unreadable(error: std::io::Error) -> HostError {
    unexpected(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// An archive in the classic layout with layers a and b, and b once more as a link.
    fn archive() -> Cursor<Vec<u8>> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut add = |path: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, bytes).unwrap();
        };
        add("1/layer.tar", b"layer a");
        add("2/layer.tar", b"layer b");
        add("cfg.json", br#"{"rootfs":{"diff_ids":["sha256:a","sha256:b","sha256:b"]}}"#);
        add("manifest.json", br#"[{"Config":"cfg.json","Layers":["1/layer.tar","2/layer.tar","3/layer.tar"]}]"#);
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        tar.append_link(&mut link, "3/layer.tar", "../2/layer.tar").unwrap();
        Cursor::new(tar.into_inner().unwrap())
    }

    fn names(known: &[&str]) -> Vec<String> {
        let chains = chain_ids(&["sha256:a".to_owned(), "sha256:b".to_owned(), "sha256:b".to_owned()]);
        let known = known.iter().map(|index| chains[index.parse::<usize>().unwrap()].clone()).collect();
        let mut archive = archive();
        let selection = select(&mut archive, &known).unwrap();
        let mut out = Vec::new();
        copy(&mut archive, &selection, &mut out).unwrap();
        let mut copied = tar::Archive::new(out.as_slice());
        copied.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect()
    }

    #[test]
    fn only_layers_with_a_known_chain_stay_at_home() {
        let rest = ["cfg.json", "manifest.json", "3/layer.tar"];
        assert_eq!(names(&[]), [&["1/layer.tar", "2/layer.tar"], rest.as_slice()].concat());
        assert_eq!(names(&["0"]), [&["2/layer.tar"], rest.as_slice()].concat());
        assert_eq!(names(&["0", "1", "2"]), rest);
    }

    #[test]
    fn a_file_that_one_chain_still_needs_travels() {
        assert_eq!(names(&["0", "1"]), ["2/layer.tar", "cfg.json", "manifest.json", "3/layer.tar"]);
    }

    #[test]
    fn an_archive_without_manifest_is_refused() {
        let empty = tar::Builder::new(Vec::new()).into_inner().unwrap();
        assert!(matches!(select(&mut Cursor::new(empty), &BTreeSet::new()), Err(HostError::ImageArchive { .. })));
    }
}
