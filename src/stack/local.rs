//! `.infra/<plan>/` beside where infra is run: SSH key, pinned host keys, journal, lock. No state of the stack: if it is
//! lost, a new key is all that is missed.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::inventory::{CloudKind, ResourceName};
use crate::plan::PlanName;

#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error("cannot use {}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("ssh-keygen failed: {message}")]
    Keygen { message: String },
}

#[derive(Debug, Clone)]
pub struct Local {
    dir: PathBuf,
}

impl Local {
    /// Makes `ROOT/.infra/<plan>` with mode 0700 if it is not there.
    pub fn open(root: &Path, plan: &PlanName) -> Result<Self, LocalError> {
        let dir = root.join(".infra").join(plan.as_str());
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir);
        made.map_err(|source| LocalError::Io { path: dir.clone(), source })?;
        Ok(Self { dir })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn private_key(&self) -> PathBuf {
        self.dir.join("id_ed25519")
    }

    pub fn has_private_key(&self) -> bool {
        self.private_key().exists()
    }

    /// The operator's public key; the pair is made at the first call. A crash leaves no half of it: the private key
    /// comes last to its place.
    pub fn public_key(&self) -> Result<String, LocalError> {
        let (private, public) = (self.private_key(), self.dir.join("id_ed25519.pub"));
        if !private.exists() {
            self.make_key(&private, &public)?;
        }
        let text = fs::read_to_string(&public).map_err(|source| LocalError::Io { path: public, source })?;
        Ok(text.trim().to_owned())
    }

    fn make_key(&self, private: &Path, public: &Path) -> Result<(), LocalError> {
        let draft = self.dir.join(format!("id_ed25519.{}", std::process::id()));
        let comment = format!("infra-{}", self.dir.file_name().unwrap_or_default().to_string_lossy());
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", &comment, "-f"])
            .arg(&draft)
            .stdin(Stdio::null())
            .output();
        let made = made.map_err(|source| LocalError::Io { path: PathBuf::from("ssh-keygen"), source })?;
        if !made.status.success() {
            return Err(LocalError::Keygen { message: String::from_utf8_lossy(&made.stderr).trim().to_owned() });
        }
        let draft_public = PathBuf::from(format!("{}.pub", draft.display()));
        for (from, to) in [(&draft_public, public), (&draft, private)] {
            fs::rename(from, to).map_err(|source| LocalError::Io { path: to.to_owned(), source })?;
        }
        Ok(())
    }

    /// The pinned keys of an instance, in known_hosts form.
    pub fn known_hosts(&self, instance: &ResourceName) -> PathBuf {
        self.dir.join("known_hosts").join(instance.as_str())
    }

    /// Durable and whole, or not there; mode 0600.
    pub fn write(&self, path: &Path, content: &[u8]) -> Result<(), LocalError> {
        let io = |source| LocalError::Io { path: path.to_owned(), source };
        let parent = path.parent().unwrap_or(&self.dir);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(io)?;
        let draft =
            parent.join(format!(".{}.{}", path.file_name().unwrap_or_default().to_string_lossy(), std::process::id()));
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&draft).map_err(io)?;
        file.write_all(content).and_then(|()| file.sync_all()).map_err(io)?;
        fs::rename(&draft, path).map_err(io)
    }

    /// Remembers which plan file was brought up, for verbs that are given none.
    pub fn remember_plan(&self, path: &Path) -> Result<(), LocalError> {
        self.write(&self.dir.join("plan"), path.to_string_lossy().as_bytes())
    }

    /// The plan files that were brought up from this folder.
    pub fn remembered(root: &Path) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(root.join(".infra")) else { return vec![] };
        let mut plans: Vec<_> = entries
            .flatten()
            .filter_map(|e| fs::read_to_string(e.path().join("plan")).ok())
            .map(|text| PathBuf::from(text.trim()))
            .collect();
        plans.sort();
        plans
    }

    /// The brought-down plan is not the folder's any more.
    pub fn forget_plan(&self) {
        drop(fs::remove_file(self.dir.join("plan")));
        for cloud in [CloudKind::Lightsail, CloudKind::Ec2] {
            drop(fs::remove_file(self.used(cloud)));
        }
    }

    /// Something was made there: it is looked at also when the plan names it no more.
    pub fn remember_cloud(&self, cloud: CloudKind) -> Result<(), LocalError> {
        self.write(&self.used(cloud), b"")
    }

    pub fn has_used(&self, cloud: CloudKind) -> bool {
        self.used(cloud).exists()
    }

    fn used(&self, cloud: CloudKind) -> PathBuf {
        self.dir.join(format!("used-{cloud}").to_lowercase())
    }
}
