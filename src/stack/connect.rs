//! The way out: clouds and hosts of a stack.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::load::Stack;
use super::local::{Local, LocalError};
use crate::cloud::ec2::{Ec2, Ec2Scope};
use crate::cloud::lightsail::Lightsail;
use crate::cloud::rds::AmazonRds;
use crate::cloud::{Access, Cloud, Clouds, Databases, HostKey};
use crate::executor::{HostKeys, ReleaseSource, SshHosts};
use crate::graph::Names;
use crate::host;
use crate::inventory::{CloudKind, Inventory, ResourceName};
use crate::plan::{Host, Provider, Region};

/// None for a plan of existing servers only.
pub async fn clouds(stack: &Stack) -> Option<Clouds> {
    let region = stack.plan.region.as_ref()?;
    let has = |cloud| uses(stack, cloud) || stack.local.has_used(cloud);
    let mut clouds: Vec<(CloudKind, Arc<dyn Cloud>)> = vec![];
    if has(CloudKind::Lightsail) {
        clouds.push((CloudKind::Lightsail, Arc::new(Lightsail::connect(region.as_ref()).await)));
    }
    if has(CloudKind::Ec2) {
        clouds.push((CloudKind::Ec2, Arc::new(Ec2::connect(region.as_ref(), ec2_scope(stack, region)).await)));
    }
    Clouds::new(clouds)
}

/// The plan names it. The host of a migration is looked for where the plan names one.
pub fn uses(stack: &Stack, cloud: CloudKind) -> bool {
    every_host(stack).any(|host| match cloud {
        CloudKind::Lightsail => host.provider == Provider::Lightsail,
        CloudKind::Ec2 => host.provider == Provider::Ec2,
    })
}

fn every_host(stack: &Stack) -> impl Iterator<Item = Host> {
    stack.plan.hosts.values().cloned().chain(stack.plan.database_host().map(|(_, host)| host))
}

/// What EC2 is asked about, beside what carries the plan's tag.
fn ec2_scope(stack: &Stack, region: &Region) -> Ec2Scope {
    let hosts = || every_host(stack).filter(|h| h.provider == Provider::Ec2);
    Ec2Scope {
        plan: stack.plan.name.clone(),
        images: hosts().filter_map(|h| h.image.as_ref().map(ToString::to_string)).collect(),
        sizes: hosts().filter_map(|h| h.size.as_ref().map(ToString::to_string)).collect(),
        profile: Names(&stack.plan.name).profile(region),
    }
}

/// None for a plan that names no managed database.
pub async fn databases(stack: &Stack) -> Option<Arc<dyn Databases>> {
    crate::graph::database(&stack.plan)?;
    let region = stack.plan.region.as_ref()?;
    Some(Arc::new(AmazonRds::connect(region.as_ref()).await))
}

/// Hosts as the executor reaches them.
pub fn hosts(stack: &Stack, cloud: Option<Clouds>, inventory: &Inventory, verb: &str) -> SshHosts {
    let release = stack.release.as_ref().map(|r| Arc::new(r.for_host(stack, inventory)) as Arc<dyn ReleaseSource>);
    SshHosts {
        cloud,
        keys: Arc::new(stack.local.clone()),
        sites: stack.sites(),
        release,
        by: host::operator(),
        verb: verb.to_owned(),
        state: Default::default(),
    }
}

impl HostKeys for Local {
    fn private_key(&self) -> Option<PathBuf> {
        self.has_private_key().then(|| Local::private_key(self))
    }

    fn is_pinned(&self, instance: &ResourceName) -> bool {
        std::fs::metadata(self.known_hosts(instance)).is_ok_and(|file| file.len() > 0)
    }

    /// The keys stay what they were; only the address before them follows the instance.
    fn pinned(&self, instance: &ResourceName, address: &str) -> io::Result<Option<PathBuf>> {
        let path = self.known_hosts(instance);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if text.is_empty() {
            return Ok(None);
        }
        let moved: String =
            text.lines().filter_map(|line| line.split_once(' ')).map(|(_, key)| format!("{address} {key}\n")).collect();
        if moved != text {
            self.write(&path, moved.as_bytes()).map_err(into_io)?;
        }
        Ok(Some(path))
    }

    fn pin(&self, instance: &ResourceName, address: &str, keys: &[HostKey]) -> io::Result<PathBuf> {
        let path = self.known_hosts(instance);
        let lines: String = keys.iter().map(|k| format!("{address} {} {}\n", k.algorithm, k.key)).collect();
        self.write(&path, lines.as_bytes()).map_err(into_io)?;
        Ok(path)
    }

    fn unpin(&self, instance: &ResourceName) -> io::Result<()> {
        match std::fs::remove_file(self.known_hosts(instance)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn borrow(&self, instance: &ResourceName, access: &Access) -> io::Result<Option<(PathBuf, PathBuf)>> {
        let Some(identity) = &access.identity else { return Ok(None) };
        let key = self.dir().join("borrowed").join(instance.as_str());
        let certificate = self.dir().join("borrowed").join(format!("{instance}-cert.pub"));
        self.write(&key, identity.private_key.as_bytes()).map_err(into_io)?;
        self.write(&certificate, identity.certificate.as_bytes()).map_err(into_io)?;
        Ok(Some((key, certificate)))
    }
}

fn into_io(error: LocalError) -> io::Error {
    match error {
        LocalError::Io { source, .. } => source,
        other => io::Error::other(other.to_string()),
    }
}
