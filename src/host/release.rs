//! A release: the bundle's files, its variables and its fingerprint, as data. How it gets onto a host is `deploy`.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::bundle::{Bundle, FileKind, field};
use super::dotenv;
use super::site::Site;
use crate::inventory::host_facts::{PushedImage, ReleaseFacts};

/// In a release's folder.
const OVERLAY_NAME: &str = "infra-database.yaml";

/// Everything that `deploy` needs; nothing is chosen afterwards but the number.
#[derive(Debug, Clone)]
pub struct ReleaseSpec {
    pub site: Site,
    pub bundle: Bundle,
    /// Without the release's number.
    pub env: ReleaseEnv,
    /// Names of secrets to make where they are absent.
    pub secrets: Vec<String>,
    pub images: Vec<PushedImage>,
    /// What Compose reads after the bundle's own file, if not all of its services run here.
    pub overlay: Option<String>,
    pub bundle_hash: String,
    /// `user@machine`.
    pub by: String,
    pub health_timeout: Duration,
}

/// The variables of `.env`: the plan's and infra's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseEnv {
    pub variables: BTreeMap<String, String>,
}

impl ReleaseEnv {
    /// infra's own variables win over the plan's, which may not use their names anyway.
    pub fn new(site: &Site, vars: BTreeMap<String, String>, address: &str, memory_mb: u64, tag: &str) -> Self {
        let mut variables = vars;
        let mut set = |name: &str, value: &str| variables.insert(name.to_owned(), value.to_owned());
        set("INFRA_PLAN", site.plan.as_str());
        set("INFRA_HOST", site.host.as_str());
        set("INFRA_ADDRESS", address);
        set("INFRA_SECRETS", &site.secrets_dir());
        set("INFRA_DATABASE", &site.database_dir());
        set("INFRA_HOST_MEMORY_MB", &memory_mb.to_string());
        set("INFRA_TAG", tag);
        for disk in &site.disks {
            set(&disk_variable(disk.disk.as_str()), &disk.mount);
        }
        Self { variables }
    }

    /// Which services are started, beside those without a profile: Compose reads it from the release's `.env`.
    pub fn with_profiles(mut self, profiles: &[String]) -> Self {
        if !profiles.is_empty() {
            self.variables.insert("COMPOSE_PROFILES".to_owned(), profiles.join(","));
        }
        self
    }

    /// Compose reads the overlay too, after the bundle's own file.
    pub fn with_overlay(mut self, compose_name: &str) -> Self {
        self.variables.insert("COMPOSE_FILE".to_owned(), format!("{compose_name}:{OVERLAY_NAME}"));
        self
    }

    /// Lookup for names in the compose file, as the host will see them.
    pub fn get(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }
}

/// Before the name of a disk, in the variable that says where it is mounted.
pub const DISK_VARIABLE: &str = "INFRA_DISK_";

pub fn disk_variable(disk: &str) -> String {
    format!("{DISK_VARIABLE}{}", disk.to_uppercase().replace('-', "_"))
}

/// The tag of a release's pushed images: made of what they are built from, so it is known before anything is built.
pub fn image_tag(build_hashes: &BTreeMap<String, String>) -> String {
    let mut hasher = Sha256::new();
    for (service, hash) in build_hashes {
        field(&mut hasher, service);
        field(&mut hasher, hash);
    }
    format!("r{}", &hex::encode(hasher.finalize())[..12])
}

/// The fingerprint that says whether a new release is needed: files, variables (which hold the images' tag) and the
/// names of secrets.
pub fn bundle_hash(bundle: &Bundle, env: &ReleaseEnv, secrets: &[String]) -> String {
    let mut hasher = Sha256::new();
    field(&mut hasher, &bundle.files_hash());
    for (name, value) in &env.variables {
        field(&mut hasher, name);
        field(&mut hasher, value);
    }
    let mut names: Vec<&String> = secrets.iter().collect();
    names.sort();
    for name in names {
        field(&mut hasher, &format!("secret {name}"));
    }
    hex::encode(hasher.finalize())
}

/// The same with what is laid over the bundle's own file.
pub fn overlaid_hash(bundle_hash: &str, overlay: &str) -> String {
    let mut hasher = Sha256::new();
    field(&mut hasher, bundle_hash);
    field(&mut hasher, overlay);
    hex::encode(hasher.finalize())
}

impl ReleaseSpec {
    /// `release.json`.
    pub(super) fn facts(&self, number: u32, created_at: String) -> ReleaseFacts {
        ReleaseFacts {
            number,
            plan: self.site.plan.to_string(),
            bundle_hash: self.bundle_hash.clone(),
            created_at,
            by: self.by.clone(),
            images: self.images.clone(),
            state: crate::inventory::host_facts::ReleaseState::Pending,
        }
    }

    /// Writes the release's folder as a tar: the bundle's files, `.env` and `release.json`.
    pub(super) fn write_tar(&self, facts: &ReleaseFacts, out: impl Write) -> std::io::Result<()> {
        let mut tar = tar::Builder::new(out);
        for file in &self.bundle.files {
            match &file.kind {
                FileKind::File { executable, size, .. } => {
                    let reader = std::fs::File::open(self.bundle.root.join(&file.path))?;
                    // 0644: containers that do not run as root read mounted configuration.
                    let mut header = header(*size, if *executable { 0o755 } else { 0o644 });
                    tar.append_data(&mut header, &file.path, std::io::Read::take(reader, *size))?;
                }
                FileKind::Link { to } => {
                    let mut header = header(0, 0o777);
                    header.set_entry_type(tar::EntryType::Symlink);
                    tar.append_link(&mut header, &file.path, to)?;
                }
            }
        }
        let mut variables = self.env.variables.clone();
        variables.insert("INFRA_RELEASE".to_owned(), facts.number.to_string());
        if let Some(overlay) = &self.overlay {
            append(&mut tar, OVERLAY_NAME, 0o644, overlay.as_bytes())?;
        }
        append(&mut tar, ".env", 0o600, dotenv::render(&variables).as_bytes())?;
        append(&mut tar, "release.json", 0o644, &serde_json::to_vec(facts)?)?;
        tar.finish()
    }
}

pub(super) fn append(tar: &mut tar::Builder<impl Write>, path: &str, mode: u32, bytes: &[u8]) -> std::io::Result<()> {
    tar.append_data(&mut header(bytes.len() as u64, mode), path, bytes)
}

fn header(size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::site::DiskSpec;

    fn site() -> Site {
        let disk = DiskSpec {
            disk: "pg-data".parse().unwrap(),
            size_gb: 8,
            mount: "/srv/pgdata".to_owned(),
            cloud_path: None,
            serial: None,
        };
        Site::new("phase1".parse().unwrap(), "vault".parse().unwrap(), vec![disk])
    }

    fn env() -> ReleaseEnv {
        let vars = BTreeMap::from([("RETENTION_DAYS".to_owned(), "30".to_owned())]);
        ReleaseEnv::new(&site(), vars, "203.0.113.200", 4096, "rabc")
    }

    #[test]
    fn the_environment_tells_where_things_are() {
        let text = dotenv::render(&env().variables);
        assert_eq!(
            text,
            "INFRA_ADDRESS=203.0.113.200\nINFRA_DATABASE=/var/lib/infra/state/database\nINFRA_DISK_PG_DATA=/srv/pgdata\n\
             INFRA_HOST=vault\nINFRA_HOST_MEMORY_MB=4096\nINFRA_PLAN=phase1\nINFRA_SECRETS=/var/lib/infra/state/secrets\nINFRA_TAG=rabc\nRETENTION_DAYS=30\n"
        );
    }

    #[test]
    fn chosen_profiles_are_compose_s_own_variable() {
        let profiles = ["tools".to_owned(), "debug".to_owned()];
        assert_eq!(env().with_profiles(&profiles).get("COMPOSE_PROFILES").as_deref(), Some("tools,debug"));
        assert_eq!(env().with_profiles(&[]), env(), "no other release where none is chosen");
    }

    #[test]
    fn a_variable_or_a_secret_makes_another_release() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("compose.yaml"), "services: {}").unwrap();
        let bundle = Bundle::read(folder.path()).unwrap();
        let hash = |env: &ReleaseEnv, secrets: &[&str]| {
            bundle_hash(&bundle, env, &secrets.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())
        };
        let base = hash(&env(), &["A", "B"]);
        assert_eq!(hash(&env(), &["B", "A"]), base);
        assert_ne!(hash(&env(), &["A"]), base);
        let mut changed = env();
        changed.variables.insert("RETENTION_DAYS".to_owned(), "31".to_owned());
        assert_ne!(hash(&changed, &["A", "B"]), base);
    }

    #[test]
    fn the_tar_holds_files_environment_and_release_json() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("compose.yaml"), "services: {}").unwrap();
        let bundle = Bundle::read(folder.path()).unwrap();
        let spec = ReleaseSpec {
            site: site(),
            bundle,
            env: env(),
            secrets: vec![],
            images: vec![],
            overlay: Some("services: {}".to_owned()),
            bundle_hash: "h".to_owned(),
            by: "me@here".to_owned(),
            health_timeout: Duration::from_secs(60),
        };
        let mut bytes = Vec::new();
        spec.write_tar(&spec.facts(7, "2026-11-21T00:00:00Z".to_owned()), &mut bytes).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                format!("{} {:o}", entry.path().unwrap().display(), entry.header().mode().unwrap())
            })
            .collect();
        assert_eq!(entries, ["compose.yaml 644", "infra-database.yaml 644", ".env 600", "release.json 644"]);
    }
}
