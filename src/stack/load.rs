//! From a plan's path to everything that the pure part needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::local::{Local, LocalError};
use crate::executor::ReleaseSource;
use crate::graph::{self, Graph, GraphError, Inputs};
use crate::host::{
    self, Bundle, BundleError, DISK_VARIABLE, DiskSpec, LocalImage, ReleaseEnv, ReleaseSpec, Site, bundle_hash,
    disk_variable, image_tag, overlaid_hash,
};
use crate::inventory::host_facts::PushedImage;
use crate::inventory::{InstanceType, Inventory};
use crate::plan::{self, Bundled, Checked, ComposeError, External, Findings, NodeName, Plan, VarValue};

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    /// In the plan, and in the compose file.
    #[error("the plan is not valid")]
    Invalid(Vec<Findings>),
    #[error("{}: bundle.source", plan.display())]
    Bundle { plan: PathBuf, source: BundleError },
    #[error("{}: bundle.source", plan.display())]
    Compose { plan: PathBuf, source: ComposeError },
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error(transparent)]
    Local(#[from] LocalError),
}

/// A plan and what it refers to.
pub struct Stack {
    pub path: PathBuf,
    /// Of the plan file.
    pub source_hash: String,
    pub plan: Plan,
    /// Findings that do not forbid going on, by file.
    pub warnings: Vec<Findings>,
    /// What it says and nobody acts on yet.
    pub unbuilt: Vec<Findings>,
    pub local: Local,
    pub release: Option<Release>,
    inputs: Inputs,
}

/// What a release is made of.
#[derive(Debug, Clone)]
pub struct Release {
    pub host: NodeName,
    bundle: Bundle,
    vars: BTreeMap<String, String>,
    secrets: Vec<String>,
    images: Vec<LocalImage>,
    profiles: Vec<String>,
    /// What Compose expects on the host.
    externals: Vec<External>,
    tag: String,
    memory_mb: u64,
    health_timeout: Duration,
    by: String,
}

/// Reads the plan, its scripts and its bundle. `root` is where `.infra` is.
pub fn load(path: &Path, root: &Path) -> Result<Stack, LoadError> {
    let read = |path: &Path| fs::read(path).map_err(|source| LoadError::Read { path: path.to_owned(), source });
    let bytes = read(path)?;
    let checked =
        plan::parse(&path.display().to_string(), &bytes).map_err(|findings| LoadError::Invalid(vec![findings]))?;
    let base = path.parent().unwrap_or(Path::new("."));
    let built = plan::check_built(&checked);
    if built.has_errors() {
        return Err(LoadError::Invalid(vec![built]));
    }
    let (release, doubtful) = release(&checked, path, base)?;
    let unbuilt = if built.is_empty() { vec![] } else { vec![built] };
    let warnings = std::iter::once(checked.warnings().clone()).chain(doubtful);
    let warnings = warnings.filter(|findings| !findings.is_empty()).collect();
    let plan = checked.plan().clone();
    let local = Local::open(root, &plan.name)?;
    let mut user_scripts = BTreeMap::new();
    for (name, host) in &plan.hosts {
        if let Some(script) = &host.user_data {
            let script = base.join(script);
            let text = String::from_utf8_lossy(&read(&script)?).into_owned();
            user_scripts.insert(name.clone(), text);
        }
    }
    let inputs = Inputs {
        public_key: String::new(),
        host_script: host::PREPARE_SCRIPT.into(),
        user_scripts,
        ..Inputs::default()
    };
    let source_hash = sha256(&bytes);
    Ok(Stack { path: path.to_owned(), source_hash, warnings, unbuilt, plan, local, release, inputs })
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}

/// The release, and what is doubtful in its bundle.
fn release(checked: &Checked, path: &Path, base: &Path) -> Result<(Option<Release>, Vec<Findings>), LoadError> {
    let plan = checked.plan();
    let Some(bundle) = &plan.bundle else { return Ok((None, vec![])) };
    let folder = base.join(&bundle.source);
    let in_bundle = |source| LoadError::Bundle { plan: path.to_owned(), source };
    let files = match Bundle::read(&folder) {
        Ok(files) => files,
        Err(error @ (BundleError::NoFolder { .. } | BundleError::NoCompose { .. })) => {
            return Err(LoadError::Invalid(vec![checked.wrong_source(&error.to_string())]));
        }
        Err(BundleError::Compose(findings)) => return Err(LoadError::Invalid(vec![findings])),
        Err(error) => return Err(in_bundle(error)),
    };
    let vars: BTreeMap<_, _> = bundle.vars.iter().map(|(k, v)| (k.to_string(), var_text(v))).collect();
    let profiles: Vec<String> = bundle.profiles.iter().map(ToString::to_string).collect();
    let on_host = expected(plan, &bundle.host, &vars, &profiles);
    let findings = vec![
        plan::check_bundle(checked, &files.compose, &|path| files.presence(path)),
        files.compose.check(&Bundled { bundle, lookup: &on_host, presence: &|path| files.presence(path) }),
    ];
    if findings.iter().any(Findings::has_errors) {
        return Err(LoadError::Invalid(findings));
    }
    let compose = |source| LoadError::Compose { plan: path.to_owned(), source };
    let build_env = |name: &str| std::env::var(name).ok().or_else(|| vars.get(name).cloned());
    let mut builds = BTreeMap::new();
    for service in &bundle.push {
        builds.insert(service.to_string(), files.compose.build(service.as_str(), &build_env).map_err(compose)?);
    }
    let mut hashes = BTreeMap::new();
    for (service, build) in &builds {
        hashes.insert(service.clone(), files.build_hash(build).map_err(in_bundle)?);
    }
    let tag = image_tag(&hashes);
    let lookup = |name: &str| if name == "INFRA_TAG" { Some(tag.clone()) } else { vars.get(name).cloned() };
    let mut images = vec![];
    for (service, build) in builds {
        images.push(LocalImage {
            reference: files.compose.image(&service, &lookup).map_err(compose)?,
            context: files.root.join(&build.context),
            dockerfile: build.dockerfile,
            target: build.target,
            args: build.args,
            platform: build.platform,
            service,
        });
    }
    let externals = files.compose.externals(&on_host);
    let release = Release {
        host: bundle.host.clone(),
        bundle: files,
        vars,
        profiles,
        secrets: bundle.secrets.iter().map(ToString::to_string).collect(),
        images,
        externals,
        tag,
        memory_mb: 0,
        health_timeout: bundle.health_timeout.duration(),
        by: host::operator(),
    };
    Ok((Some(release), findings))
}

/// Variables as the host will have them. What only a host can tell has a value that stands for it.
fn expected(
    plan: &Plan,
    host: &NodeName,
    vars: &BTreeMap<String, String>,
    profiles: &[String],
) -> impl Fn(&str) -> Option<String> + use<> {
    let mut known = match site(plan, host) {
        Some(site) => ReleaseEnv::new(&site, vars.clone(), "0.0.0.0", 1, "latest").with_profiles(profiles).variables,
        None => vars.clone(),
    };
    let fixed = [
        ("INFRA_RELEASE", "1"),
        ("COMPOSE_PROJECT_NAME", plan.name.as_str()),
        ("HOME", "/root"),
        ("USER", "root"),
        // The folder of the release.
        ("PWD", "."),
    ];
    known.extend(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
    move |name| known.get(name).cloned()
}

fn var_text(value: &VarValue) -> String {
    match value {
        VarValue::Bool(yes) => yes.to_string(),
        VarValue::Integer(number) => number.to_string(),
        VarValue::Text(text) => text.clone(),
    }
}

fn site(plan: &Plan, host: &NodeName) -> Option<Site> {
    let spec = plan.hosts.get(host)?;
    let disks = spec.disks.iter().map(|(name, disk)| DiskSpec {
        disk: name.clone(),
        size_gb: disk.size_gb.0,
        mount: disk.mount.as_str().to_owned(),
        cloud_path: None,
        serial: None,
    });
    Some(Site::new(plan.name.clone(), host.clone(), disks.collect()))
}

impl Stack {
    /// The clients follow the database where `infra migrate` takes it.
    pub fn points_clients(&self) -> bool {
        self.release.as_ref().is_some_and(|release| release.bundle.compose.leads_clients())
    }

    /// A migration asks, or has asked, for the host that `[migrate.ec2]` describes: from now on it is one of the plan's.
    pub fn take_in_database_host(&mut self) {
        self.plan.hosts.extend(self.plan.database_host());
    }

    pub fn site(&self, host: &NodeName) -> Option<Site> {
        site(&self.plan, host)
    }

    pub fn sites(&self) -> BTreeMap<NodeName, Site> {
        self.plan.hosts.keys().filter_map(|name| Some((name.clone(), self.site(name)?))).collect()
    }

    /// The graph, with the release that the observed host would get.
    pub fn graph(&self, inventory: &Inventory) -> Result<Graph, LoadError> {
        let release_hash = self.release.as_ref().map(|r| r.hash_on(self, inventory));
        let public_key = if self.has_cloud() { self.local.public_key()? } else { String::new() };
        let mut graph = graph::build(&self.plan, &Inputs { public_key, release_hash, ..self.inputs.clone() })?;
        graph::open_ways(&mut graph, &self.plan, inventory);
        Ok(graph)
    }

    pub fn has_cloud(&self) -> bool {
        self.plan.hosts.values().any(|h| h.provider != plan::Provider::Ssh)
    }
}

impl Release {
    /// With the memory of the host's size, which the tuning of services goes by.
    pub fn for_host(&self, stack: &Stack, inventory: &Inventory) -> Self {
        let host = &self.host;
        Self {
            memory_mb: memory_mb(stack, host, inventory),
            images: self.images_for(stack, host, inventory),
            ..self.clone()
        }
    }

    fn images_for(&self, stack: &Stack, host: &NodeName, inventory: &Inventory) -> Vec<LocalImage> {
        let platform = platform(stack, host, inventory);
        let for_host =
            |image: LocalImage| LocalImage { platform: image.platform.or_else(|| platform.clone()), ..image };
        self.images.iter().cloned().map(for_host).collect()
    }

    /// `service` and what it needs, for another host than the bundle's, published at `address` of it; and the images of it that are
    /// built here. None: the bundle has no such service, or the plan no such host.
    pub(super) fn alone(
        &self,
        stack: &Stack,
        (service, host): (&str, &NodeName),
        address: IpAddr,
        inventory: &Inventory,
    ) -> Option<(ReleaseSpec, Vec<LocalImage>)> {
        let (alone, site) = (self.bundle.compose.alone(service)?, stack.site(host)?);
        let images = self.images_for(stack, host, inventory);
        let images = images.into_iter().filter(|image| alone.keeps(&image.service)).collect();
        let elsewhere = elsewhere(&site, stack.site(&self.host)?);
        let vars = self.vars.clone().into_iter().chain(elsewhere).collect();
        let memory_mb = memory_mb(stack, host, inventory);
        let env = ReleaseEnv::new(&site, vars, &address.to_string(), memory_mb, &self.tag)
            .with_profiles(&alone.profiles())
            .with_overlay(self.bundle.compose_name);
        let overlay = alone.overlay(address);
        let spec = ReleaseSpec {
            bundle_hash: overlaid_hash(&bundle_hash(&self.bundle, &env, &self.secrets), &overlay),
            site,
            bundle: self.bundle.clone(),
            env,
            // Those of the services that rest too: Compose looks for the files of all.
            secrets: self.secrets.clone(),
            images: vec![],
            overlay: Some(overlay),
            by: self.by.clone(),
            health_timeout: self.health_timeout,
        };
        Some((spec, images))
    }

    /// Variables that `service` and what it needs take from the host: names of disks, as `INFRA_DISK_PGDATA`.
    pub(super) fn disks_of(&self, service: &str) -> BTreeSet<String> {
        let variables = self.bundle.compose.alone(service).map(|alone| alone.variables()).unwrap_or_default();
        variables.into_iter().filter(|name| name.starts_with(DISK_VARIABLE)).collect()
    }

    /// The image that `service` runs, as the bundle's host gets it.
    pub(super) fn image_of(&self, service: &str, site: &Site) -> Option<String> {
        let env = ReleaseEnv::new(site, self.vars.clone(), "0.0.0.0", 0, &self.tag);
        self.bundle.compose.image(service, &|name| env.get(name)).ok()
    }

    /// Networks and volumes that Compose expects on the host and that are not there: not on one that was looked at, nor
    /// on one that is yet to be made, unless its own first-boot script may make them.
    pub fn missing_externals(&self, stack: &Stack, inventory: &Inventory, is_new: bool) -> Findings {
        let facts = inventory.facts(&self.host);
        let scripted = stack.plan.hosts.get(&self.host).is_some_and(|host| host.user_data.is_some());
        let gone = |external: &&External| {
            let seen = facts.and_then(|facts| match external.kind {
                "network" => facts.networks.as_ref().filter(|_| !is_new),
                // Carried, if another instance takes the host's place.
                _ => facts.volumes.as_ref(),
            });
            seen.map_or(is_new && !scripted, |names| !names.contains(&external.name))
        };
        let missing: Vec<External> = self.externals.iter().filter(gone).cloned().collect();
        self.bundle.compose.missing(&missing, self.host.as_str())
    }

    /// As it would be on the host at its present address. A host without one has no release to compare with.
    pub(super) fn hash_on(&self, stack: &Stack, inventory: &Inventory) -> String {
        let release = self.for_host(stack, inventory);
        let address = address_of(stack, &self.host, inventory).unwrap_or_default();
        let site = stack.site(&self.host);
        site.map(|site| release.spec(&site, &address, vec![]).bundle_hash).unwrap_or_default()
    }
}

/// Disks of the bundle's host that another has not, for services that rest there: Compose wants a value.
fn elsewhere(site: &Site, of_bundle: Site) -> impl Iterator<Item = (String, String)> {
    let missing = of_bundle.disks.into_iter().filter(|disk| !site.disks.iter().any(|own| own.disk == disk.disk));
    missing.map(|disk| (disk_variable(disk.disk.as_str()), "/nonexistent".to_owned()))
}

/// Of its size where that is sold by name, otherwise as seen.
fn memory_mb(stack: &Stack, host: &NodeName, inventory: &Inventory) -> u64 {
    let size = stack.plan.hosts.get(host).and_then(|h| h.size.as_ref());
    let of_bundle = |size: &str| inventory.size(size).map(|s| s.memory_gb);
    let of_type = ec2_type(stack, host, inventory).map(|t| t.memory_gb);
    let sold = size.and_then(|s| of_bundle(s.as_ref())).or(of_type).map(|gb| gb * 1024.0);
    let seen = inventory.facts(host).and_then(|f| f.memory_mb);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "megabytes of memory are small and positive"
    )]
    sold.map(|mb| mb as u64).or(seen).unwrap_or(0)
}

fn ec2_type<'a>(stack: &Stack, host: &NodeName, inventory: &'a Inventory) -> Option<&'a InstanceType> {
    let size = stack.plan.hosts.get(host)?.size.as_ref()?;
    inventory.ec2.types.iter().find(|known| known.id == size.as_str())
}

/// What the host runs: Lightsail sells x86 alone, others say it themselves. None: not known yet.
fn platform(stack: &Stack, host: &NodeName, inventory: &Inventory) -> Option<String> {
    let architecture = match stack.plan.hosts.get(host)?.provider {
        plan::Provider::Lightsail => "amd64".to_owned(),
        plan::Provider::Ec2 if inventory.facts(host).is_none() => {
            match ec2_type(stack, host, inventory)?.architectures.contains("arm64") {
                true => "arm64".to_owned(),
                false => "amd64".to_owned(),
            }
        }
        plan::Provider::Ec2 | plan::Provider::Ssh => inventory.facts(host)?.architecture.clone()?,
    };
    Some(format!("linux/{architecture}"))
}

/// The public address of a host: its static one, or that of its instance.
pub fn address_of(stack: &Stack, host: &NodeName, inventory: &Inventory) -> Option<String> {
    let node = crate::graph::NodeId::host(host);
    let names = crate::graph::Names(&stack.plan.name);
    let fixed = inventory.address(&names.address(host)).filter(|a| a.attached_to.is_some()).map(|a| a.ip.clone());
    let instance = inventory.instances_of(&stack.plan.name, node.as_str()).find_map(|i| i.public_ip.clone());
    let existing = stack.plan.hosts.get(host).and_then(|h| h.address.as_ref());
    let existing = existing.map(|a| a.as_str().split_once('@').map_or(a.as_str(), |(_, host)| host).to_owned());
    fixed.or(instance).or(existing)
}

impl ReleaseSource for Release {
    fn images(&self) -> Vec<LocalImage> {
        self.images.clone()
    }

    fn spec(&self, site: &Site, address: &str, images: Vec<PushedImage>) -> ReleaseSpec {
        let env =
            ReleaseEnv::new(site, self.vars.clone(), address, self.memory_mb, &self.tag).with_profiles(&self.profiles);
        ReleaseSpec {
            site: site.clone(),
            bundle_hash: bundle_hash(&self.bundle, &env, &self.secrets),
            bundle: self.bundle.clone(),
            env,
            secrets: self.secrets.clone(),
            images,
            overlay: None,
            by: self.by.clone(),
            health_timeout: self.health_timeout,
        }
    }
}
