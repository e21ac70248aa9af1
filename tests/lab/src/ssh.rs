//! SSH keys and certificates, made by OpenSSH's own `ssh-keygen`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tokio::process::Command;

/// A key pair as text: OpenSSH's private key format and one line of a `.pub` file.
#[derive(Debug, Clone)]
pub struct Key {
    pub private: String,
    pub public: String,
}

/// The authority whose user certificates every machine of the lab accepts.
#[derive(Debug, Clone)]
pub struct Authority {
    key: PathBuf,
    public: String,
}

/// A key that is accepted for some minutes.
#[derive(Debug, Clone)]
pub struct TemporaryKey {
    pub private: String,
    pub certificate: String,
}

impl Authority {
    /// The authority kept in `dir`, made at the first use.
    pub async fn open(dir: &Path) -> anyhow::Result<Self> {
        tokio::fs::create_dir_all(dir).await.with_context(|| format!("cannot make {}", dir.display()))?;
        let key = dir.join("ca");
        if !key.exists() {
            generate(&key, &["-t", "ed25519", "-C", "lab-user-ca"]).await?;
        }
        let public = read(&key.with_extension("pub")).await?.trim().to_owned();
        Ok(Self { key, public })
    }

    /// The line for `TrustedUserCAKeys`.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// A new key with a certificate for `user`, valid from five minutes ago (clocks differ) to an hour from now.
    pub async fn issue(&self, user: &str) -> anyhow::Result<TemporaryKey> {
        let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
        let key = dir.path().join("key");
        let made = generate_in(&key, &["-t", "ed25519", "-C", "lightsail"]).await?;
        let authority = self.key.display().to_string();
        let public = key.with_extension("pub").display().to_string();
        run(&["-q", "-s", &authority, "-I", "lab", "-n", user, "-V", "-5m:+1h", &public]).await?;
        let certificate = read(&dir.path().join("key-cert.pub")).await?;
        Ok(TemporaryKey { private: made.private, certificate })
    }
}

/// A new RSA key, the kind that CreateKeyPair answers with.
pub async fn rsa() -> anyhow::Result<Key> {
    let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
    generate_in(&dir.path().join("key"), &["-t", "rsa", "-b", "2048", "-m", "PEM", "-C", ""]).await
}

/// The other kind that EC2's CreateKeyPair makes.
pub async fn ed25519() -> anyhow::Result<Key> {
    let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
    generate_in(&dir.path().join("key"), &["-t", "ed25519", "-C", ""]).await
}

async fn generate_in(path: &Path, options: &[&str]) -> anyhow::Result<Key> {
    generate(path, options).await?;
    let public = read(&path.with_extension("pub")).await?.trim().to_owned();
    Ok(Key { private: read(path).await?, public })
}

async fn generate(path: &Path, options: &[&str]) -> anyhow::Result<()> {
    let path = path.display().to_string();
    run(&[&["-q", "-N", "", "-f", &path], options].concat()).await
}

async fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("ssh-keygen").args(arguments).output().await.context("cannot run ssh-keygen")?;
    if !output.status.success() {
        bail!("ssh-keygen failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

async fn read(path: &Path) -> anyhow::Result<String> {
    tokio::fs::read_to_string(path).await.with_context(|| format!("cannot read {}", path.display()))
}
