//! The bundle's folder on the operator's machine: which files travel, and their fingerprints. Content and mode count;
//! times, owners and order do not.

use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::context;
use crate::plan::{Build, ComposeFile, Findings, Presence};

#[derive(Debug, Error)]
pub enum BundleError {
    #[error("there is no folder {}", folder.display())]
    NoFolder { folder: PathBuf },
    #[error("bundle folder {} has no compose.yaml", folder.display())]
    NoCompose { folder: PathBuf },
    #[error("{} leads out of the bundle, to {}", link.display(), to.display())]
    LinkLeadsOut { link: PathBuf, to: PathBuf },
    #[error("{} is neither file, folder nor link", path.display())]
    SpecialFile { path: PathBuf },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot list {}", folder.display())]
    Walk { folder: PathBuf, source: ignore::Error },
    #[error("{0}")]
    Compose(Findings),
}

/// The names that Compose looks for, in its order.
const COMPOSE_NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    File {
        executable: bool,
        sha256: String,
        size: u64,
    },
    /// Stays a link; its target is inside the bundle.
    Link {
        to: PathBuf,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFile {
    /// Relative to the folder.
    pub path: PathBuf,
    pub kind: FileKind,
}

#[derive(Debug, Clone)]
pub struct Bundle {
    pub root: PathBuf,
    pub compose: ComposeFile,
    /// Name of the compose file.
    pub compose_name: &'static str,
    /// Sorted by path.
    pub files: Vec<BundleFile>,
}

impl Bundle {
    /// Lists the folder, leaving out what .gitignore and .infraignore name, `.git` and `.env`.
    /// .dockerignore does not count: it says what goes into an image, not what goes to the host.
    pub fn read(folder: &Path) -> Result<Self, BundleError> {
        if !folder.is_dir() {
            return Err(BundleError::NoFolder { folder: folder.to_owned() });
        }
        let root = folder.canonicalize().map_err(read_error(folder))?;
        let name = COMPOSE_NAMES.into_iter().find(|name| root.join(name).is_file());
        let compose_name = name.ok_or_else(|| BundleError::NoCompose { folder: folder.to_owned() })?;
        let path = root.join(compose_name);
        let text = std::fs::read_to_string(&path).map_err(read_error(&path))?;
        let compose = ComposeFile::parse(&folder.join(compose_name).display().to_string(), &text)
            .map_err(BundleError::Compose)?;
        let files = list(&root)?;
        Ok(Self { root, compose, compose_name, files })
    }

    /// Whether a path of the folder, without `.` and `..`, gets to the host.
    pub fn presence(&self, path: &str) -> Presence {
        if self.files.iter().any(|file| file.path.starts_with(path)) {
            Presence::Sent
        } else if self.root.join(path).exists() {
            Presence::Ignored
        } else {
            Presence::Absent
        }
    }

    /// Fingerprint of what is uploaded.
    pub fn files_hash(&self) -> String {
        hash_files(&self.files)
    }

    /// Fingerprint of what an image is built from: the context without what .dockerignore names, and the arguments.
    /// A file that is not uploaded (a compiled program under .gitignore) counts here.
    pub fn build_hash(&self, build: &Build) -> Result<String, BundleError> {
        let files = context::list(&self.root.join(&build.context))?;
        let mut hasher = Sha256::new();
        field(&mut hasher, &hash_files(&files));
        field(&mut hasher, build.dockerfile.as_deref().unwrap_or("Dockerfile"));
        field(&mut hasher, build.target.as_deref().unwrap_or_default());
        for (name, value) in &build.args {
            field(&mut hasher, name);
            field(&mut hasher, value);
        }
        if let Some(platform) = &build.platform {
            field(&mut hasher, &format!("platform {platform}"));
        }
        Ok(hex::encode(hasher.finalize()))
    }
}

fn list(root: &Path) -> Result<Vec<BundleFile>, BundleError> {
    let walk = ignore::WalkBuilder::new(root)
        .standard_filters(false)
        .git_ignore(true)
        .require_git(false)
        .add_custom_ignore_filename(".infraignore")
        .filter_entry(|entry| entry.file_name() != ".git" && entry.file_name() != ".env")
        .build();
    let mut files = Vec::new();
    for entry in walk {
        let entry = entry.map_err(|source| BundleError::Walk { folder: root.to_owned(), source })?;
        files.extend(read_entry(root, entry.path())?);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// One entry of a walk; folders are implied by what they hold.
pub(super) fn read_entry(root: &Path, path: &Path) -> Result<Option<BundleFile>, BundleError> {
    let metadata = path.symlink_metadata().map_err(read_error(path))?;
    let relative = path.strip_prefix(root).expect("a walk yields paths below its root").to_owned();
    let kind = if metadata.is_dir() {
        return Ok(None);
    } else if metadata.is_symlink() {
        link(root, path, &relative)?
    } else if metadata.is_file() {
        file(path, &metadata)?
    } else {
        return Err(BundleError::SpecialFile { path: path.to_owned() });
    };
    Ok(Some(BundleFile { path: relative, kind }))
}

fn file(path: &Path, metadata: &std::fs::Metadata) -> Result<FileKind, BundleError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut hasher = Sha256::new();
    let mut reader = std::fs::File::open(path).map_err(read_error(path))?;
    let size = std::io::copy(&mut reader, &mut hasher).map_err(read_error(path))?;
    let executable = metadata.permissions().mode() & 0o111 != 0;
    Ok(FileKind::File { executable, sha256: hex::encode(hasher.finalize()), size })
}

/// A link may point anywhere inside the bundle, and nowhere else: neither by `..` nor absolutely.
fn link(root: &Path, path: &Path, relative: &Path) -> Result<FileKind, BundleError> {
    let to = std::fs::read_link(path).map_err(read_error(path))?;
    let leads_out = || BundleError::LinkLeadsOut { link: relative.to_owned(), to: to.clone() };
    let mut depth = relative.components().count() - 1;
    for component in to.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir => depth = depth.checked_sub(1).ok_or_else(leads_out)?,
            Component::RootDir | Component::Prefix(_) => return Err(leads_out()),
        }
    }
    // A chain of links could still leave.
    match path.canonicalize() {
        Ok(real) if !real.starts_with(root) => Err(leads_out()),
        _ => Ok(FileKind::Link { to }),
    }
}

pub(super) fn hash_files(files: &[BundleFile]) -> String {
    let mut hasher = Sha256::new();
    for file in files {
        field(&mut hasher, &file.path.to_string_lossy());
        match &file.kind {
            FileKind::File { executable, sha256, .. } => field(&mut hasher, &format!("file {executable} {sha256}")),
            FileKind::Link { to } => field(&mut hasher, &format!("link {}", to.display())),
        }
    }
    hex::encode(hasher.finalize())
}

/// Adds a field with its length, so that no two different lists of fields hash alike.
pub(super) fn field(hasher: &mut Sha256, value: &str) {
    hasher.update((value.len() as u64).to_le_bytes());
    hasher.update(value.as_bytes());
}

pub(super) fn read_error(path: &Path) -> impl FnOnce(std::io::Error) -> BundleError + use<> {
    let path = path.to_owned();
    move |source| BundleError::Read { path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn names(bundle: &Bundle) -> Vec<String> {
        bundle.files.iter().map(|file| file.path.display().to_string()).collect()
    }

    const COMPOSE: (&str, &str) = ("compose.yaml", "services: {}");

    #[test]
    fn ignored_files_stay_at_home() {
        let folder = folder(&[
            COMPOSE,
            (".env", "SECRET=1"),
            (".git/config", ""),
            (".gitignore", "dist/\ntarget\n"),
            (".dockerignore", "*\n"),
            (".infraignore", "ingest/src\n"),
            ("dist/ingest", "binary"),
            ("target/debug/x", ""),
            ("ingest/src/main.rs", ""),
            ("ingest/README", ""),
            ("db/tune.sh", ""),
            ("db/.env", ""),
        ]);
        let bundle = Bundle::read(folder.path()).unwrap();
        assert_eq!(
            names(&bundle),
            [".dockerignore", ".gitignore", ".infraignore", "compose.yaml", "db/tune.sh", "ingest/README"]
        );
    }

    #[test]
    fn what_is_sent_is_told_from_what_stays() {
        let folder = folder(&[COMPOSE, (".gitignore", "private\n"), ("private/key", ""), ("conf/app.ini", "")]);
        std::fs::create_dir(folder.path().join("empty")).unwrap();
        let bundle = Bundle::read(folder.path()).unwrap();
        let presences =
            ["conf", "conf/app.ini", "", "private/key", "empty", "con", "gone"].map(|path| bundle.presence(path));
        use Presence::{Absent, Ignored, Sent};
        assert_eq!(presences, [Sent, Sent, Sent, Ignored, Ignored, Absent, Absent]);
    }

    #[test]
    fn content_and_mode_make_the_hash_and_time_does_not() {
        let folder = folder(&[COMPOSE, ("run.sh", "#!/bin/sh")]);
        let hash = || Bundle::read(folder.path()).unwrap().files_hash();
        let before = hash();
        let path = folder.path().join("run.sh");
        std::fs::File::open(&path).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(hash(), before);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let executable = hash();
        assert_ne!(executable, before);
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        assert_ne!(hash(), executable);
    }

    #[test]
    fn a_build_depends_on_files_that_are_not_uploaded() {
        let folder = folder(&[
            COMPOSE,
            (".gitignore", "dist\ntarget\n"),
            (".dockerignore", "target\n"),
            ("dist/ingest", "1"),
            ("target/x", "1"),
        ]);
        let build = Build { context: ".".to_owned(), ..Build::default() };
        let hashes = || {
            let bundle = Bundle::read(folder.path()).unwrap();
            (bundle.files_hash(), bundle.build_hash(&build).unwrap())
        };
        let before = hashes();
        std::fs::write(folder.path().join("target/x"), "2").unwrap();
        assert_eq!(hashes(), before);
        std::fs::write(folder.path().join("dist/ingest"), "2").unwrap();
        let after = hashes();
        assert_eq!(after.0, before.0);
        assert_ne!(after.1, before.1);
    }

    #[test]
    fn links_that_lead_out_are_refused() {
        for (to, allowed) in [
            ("db/x", true),
            ("./db/../db/x", true),
            ("../outside", false),
            ("/etc/passwd", false),
            ("db/../../x", false),
        ] {
            let folder = folder(&[COMPOSE, ("db/x", "")]);
            symlink(to, folder.path().join("link")).unwrap();
            assert_eq!(Bundle::read(folder.path()).is_ok(), allowed, "{to}");
        }
    }

    #[test]
    fn a_folder_without_compose_file_is_refused() {
        let empty = folder(&[]);
        assert!(matches!(Bundle::read(empty.path()), Err(BundleError::NoCompose { .. })));
        assert!(matches!(Bundle::read(&empty.path().join("gone")), Err(BundleError::NoFolder { .. })));
    }
}
