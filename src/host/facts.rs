//! Observing a host: one script, one round trip, and the parser of what it prints.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::HostError;
use super::script::Script;
use super::session::Session;
use super::site::Site;
use crate::inventory::host_facts::{
    DiskFacts, HOST_FACTS_VERSION, HostFacts, LockFacts, MigrationFacts, ReleaseFacts, ReleaseState, RootData,
    RootDataKind, ServiceFacts,
};

impl Session {
    /// What the host is and runs, in one round trip.
    pub async fn facts(&self, site: &Site) -> Result<HostFacts, HostError> {
        let text = self.run(&script(site)).await?;
        Ok(parse(site, &text))
    }
}

fn script(site: &Site) -> Script {
    let script = concat!(include_str!("scripts/state.sh"), include_str!("scripts/facts.sh"));
    super::deploy::site_script("observing the host", script, site)
        .set("BIN", super::agent::BIN)
        .list("DISKS", site.disks.iter().map(|disk| format!("{} {}", disk.disk, disk.mount)))
}

/// Lines that are not understood are left out: an unknown fact stays unknown.
fn parse(site: &Site, text: &str) -> HostFacts {
    let mut facts = HostFacts {
        version: HOST_FACTS_VERSION,
        host: site.host.to_string(),
        state_dir: site.state_dir(),
        disks: site
            .disks
            .iter()
            .map(|disk| DiskFacts { disk: disk.disk.to_string(), mount: disk.mount.clone(), ..DiskFacts::default() })
            .collect(),
        ..HostFacts::default()
    };
    let mut rest = Rest::default();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            [key, value] => scalar(&mut facts, &mut rest, key, value),
            ["disk", name, key, value] => disk(site, &mut facts, name, key, value),
            ["release", state, value] => facts.releases.extend(release(state, value)),
            ["queue", name, value] => rest.queue.entry(name.to_owned()).or_default().extend(pair(value)),
            ["memory", id, value] => drop(value.parse().map(|bytes| rest.memory.insert(id.to_owned(), bytes))),
            _ => {}
        }
    }
    facts.releases.sort_by_key(|release| release.number);
    facts.services = rest.containers.iter().map(|container| container.service(&rest.memory)).collect();
    facts.services.sort_by(|a, b| (&a.service, &a.container).cmp(&(&b.service, &b.container)));
    for disk in &mut facts.disks {
        disk.queue_depth = rest.queue.get(&disk.disk).and_then(|samples| queue_depth(samples));
    }
    facts
}

/// What needs more than one line to be understood.
#[derive(Default)]
struct Rest {
    containers: Vec<Container>,
    memory: BTreeMap<String, u64>,
    queue: BTreeMap<String, Vec<(f64, f64)>>,
}

fn scalar(facts: &mut HostFacts, rest: &mut Rest, key: &str, value: &str) {
    let text = || Some(value.to_owned()).filter(|value| !value.is_empty());
    match key {
        "memory_kb" => facts.memory_mb = value.parse::<u64>().ok().map(|kb| kb / 1024),
        "available_kb" => facts.memory_available_mb = value.parse::<u64>().ok().map(|kb| kb / 1024),
        "cpus" => facts.cpus = value.parse().ok(),
        "load1" => facts.load1 = value.parse().ok(),
        "uptime" => facts.uptime_seconds = value.parse().ok(),
        "prepared" => facts.prepared = true,
        "operator" => facts.operator_address = value.parse().ok(),
        "architecture" => facts.architecture = text().map(|machine| docker_name(&machine).to_owned()),
        "network" => facts.networks.get_or_insert_default().push(value.to_owned()),
        "volume" => facts.volumes.get_or_insert_default().push(value.to_owned()),
        "docker" => facts.docker = text(),
        "compose" => facts.compose = text(),
        "state_mounted" => facts.state_mounted = true,
        "state_home" => facts.state_home = text(),
        "root_data" => facts.root_data.get_or_insert_default().extend(root_data(value)),
        "looked_for_data" => drop(facts.root_data.get_or_insert_default()),
        "database_elsewhere" => facts.database_elsewhere = true,
        "holds_database" => facts.holds_database = text(),
        "current" => facts.current_release = value.parse().ok(),
        "lock" => facts.lock = lock(value),
        "migration" => facts.migration = migration(value),
        "container" => rest.containers.extend(serde_json::from_str::<Container>(value).ok()),
        _ => {}
    }
}

/// The kernel's name of a machine as Docker's platforms call it.
fn docker_name(machine: &str) -> &str {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "armv7l" => "arm/v7",
        other => other,
    }
}

fn disk(site: &Site, facts: &mut HostFacts, name: &str, key: &str, value: &str) {
    let Some(disk) = facts.disks.iter_mut().find(|disk| disk.disk == name) else { return };
    let text = || Some(value.to_owned()).filter(|value| !value.is_empty());
    match key {
        "device" => disk.device = text(),
        "uuid" => disk.fs_uuid = text(),
        "type" => disk.fs_type = text(),
        "extent" => disk.extent_bytes = value.parse().ok(),
        "device_bytes" => disk.device_bytes = value.parse().ok(),
        "marker" => {
            let ours = super::disk::marker(site, "");
            disk.marked = value.trim() == super::disk::marker(site, name).trim_end();
            disk.holder = value.trim().strip_prefix(ours.trim_end()).map(str::to_owned);
        }
        "covers" => disk.covers = value.parse().ok(),
        "fs" => {
            let mut numbers = value.split_whitespace().map(|number| number.parse().ok());
            disk.fs_bytes = numbers.next().flatten();
            disk.used_bytes = numbers.next().flatten();
        }
        _ => {}
    }
}

/// `KIND NAME`.
fn root_data(value: &str) -> Option<RootData> {
    let (kind, name) = value.split_once(' ')?;
    let kind = match kind {
        "volume" => RootDataKind::Volume,
        "folder" => RootDataKind::Folder,
        "anonymous" => RootDataKind::AnonymousVolume,
        _ => RootDataKind::Opaque,
    };
    Some(RootData { kind, name: name.to_owned() })
}

fn release(state: &str, json: &str) -> Option<ReleaseFacts> {
    let mut release: ReleaseFacts = serde_json::from_str(json).ok()?;
    release.state = match state {
        "healthy" => ReleaseState::Healthy,
        "failed" => ReleaseState::Failed,
        _ => ReleaseState::Pending,
    };
    Some(release)
}

/// A lock whose text is not there yet is held all the same.
pub(super) fn lock(json: &str) -> Option<LockFacts> {
    let unknown = || LockFacts { who: "unknown".to_owned(), verb: "unknown".to_owned(), since: "unknown".to_owned() };
    Some(serde_json::from_str(json).unwrap_or_else(|_| unknown()))
}

/// One that a lost or older program does not tell of is shown, and keeps nobody from working.
fn migration(json: &str) -> Option<MigrationFacts> {
    let unknown = MigrationFacts {
        id: "unknown".into(),
        what: "cannot be told: infra migrate status".into(),
        holds: false,
        end: "infra migrate status".into(),
    };
    serde_json::from_str(json).unwrap_or(Some(unknown))
}

fn pair(value: &str) -> Option<(f64, f64)> {
    let (seconds, weighted) = value.split_once(' ')?;
    Some((seconds.parse().ok()?, weighted.parse().ok()?))
}

/// Weighted milliseconds over elapsed milliseconds, between the first and the last sample.
fn queue_depth(samples: &[(f64, f64)]) -> Option<f64> {
    let ((from, before), (to, after)) = (samples.first()?, samples.last()?);
    let elapsed = (to - from) * 1000.0;
    (elapsed > 0.0).then(|| ((after - before) / elapsed * 100.0).round() / 100.0)
}

#[derive(Deserialize)]
struct Container {
    id: String,
    name: String,
    image: String,
    restarts: Option<u32>,
    service: Option<String>,
    #[serde(default)]
    policy: Option<String>,
    state: ContainerState,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerState {
    status: String,
    exit_code: Option<i32>,
    started_at: Option<String>,
    health: Option<Health>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Health {
    status: String,
}

impl Container {
    fn service(&self, memory: &BTreeMap<String, u64>) -> ServiceFacts {
        ServiceFacts {
            service: self.service.clone().unwrap_or_default(),
            container: self.name.trim_start_matches('/').to_owned(),
            state: self.state.status.clone(),
            health: self.state.health.as_ref().map(|health| health.status.clone()),
            restarts: self.restarts,
            exit_code: self.state.exit_code,
            // Docker says nothing where nothing was said.
            restart_policy: self
                .policy
                .as_ref()
                .map(|said| if said.is_empty() { "no".to_owned() } else { said.clone() }),
            image: self.image.clone(),
            started_at: self.state.started_at.clone(),
            memory_bytes: memory.get(&self.id).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::site::DiskSpec;

    fn site() -> Site {
        let disk = DiskSpec {
            disk: "pgdata".parse().unwrap(),
            size_gb: 8,
            mount: "/srv/pgdata".to_owned(),
            cloud_path: None,
            serial: None,
        };
        Site::new("phase1".parse().unwrap(), "vault".parse().unwrap(), vec![disk])
    }

    #[test]
    fn a_bare_host_has_unknowns_not_guesses() {
        let facts = parse(&site(), "memory_kb\t4046848\ncpus\t2\ngarbage\n");
        assert_eq!((facts.memory_mb, facts.cpus, facts.docker), (Some(3952), Some(2), None));
        assert!(!facts.state_mounted && facts.releases.is_empty() && facts.disks[0].device.is_none());
    }

    #[test]
    fn a_working_host_is_read() {
        let text = "architecture\taarch64\nnetwork\tbridge\nnetwork\tshared\nvolume\tkept\n\
            root_data\tvolume kept\nroot_data\tfolder /srv/a b\nstate_home\t/srv/pgdata/.infra\n\
            queue\tpgdata\t100.00 5000\nstate_mounted\tyes\n\
            disk\tpgdata\tdevice\t/dev/loop3\ndisk\tpgdata\tfs\t 8350298112  1024000\n\
            disk\tpgdata\tmarker\tplan=phase1 host=vault disk=pgdata \n\
            lock\t{\"who\":\"me@here\",\"verb\":\"up\",\"since\":\"2026-11-21T00:00:00Z\"}\n\
            release\thealthy\t{\"number\":2,\"plan\":\"phase1\",\"bundle_hash\":\"b\",\"created_at\":\"t\",\"by\":\"me\"}\n\
            release\tpending\t{\"number\":1,\"plan\":\"phase1\",\"bundle_hash\":\"a\",\"created_at\":\"t\",\"by\":\"me\"}\n\
            current\t2\nmemory\tabc\t1048576\n\
            migration\t{\"id\":\"1\",\"what\":\"copy the rows\",\"holds\":true}\n\
            container\t{\"id\":\"abc\",\"name\":\"/phase1-db-1\",\"image\":\"pg\",\"restarts\":1,\"service\":\"db\",\
            \"state\":{\"Status\":\"running\",\"ExitCode\":0,\"StartedAt\":\"t\",\"Health\":{\"Status\":\"healthy\"}}}\n\
            queue\tpgdata\t100.50 6000\n";
        let facts = parse(&site(), text);
        let disk = &facts.disks[0];
        assert_eq!(
            (disk.device.as_deref(), disk.fs_bytes, disk.used_bytes),
            (Some("/dev/loop3"), Some(8350298112), Some(1024000))
        );
        assert!(disk.marked && disk.queue_depth == Some(2.0));
        assert_eq!(facts.architecture.as_deref(), Some("arm64"));
        assert_eq!(facts.networks.as_deref().unwrap(), ["bridge", "shared"]);
        assert_eq!(facts.volumes.as_deref().unwrap(), ["kept"]);
        let data = facts.root_data.as_deref().unwrap();
        assert_eq!((data[0].kind, data[1].name.as_str()), (RootDataKind::Volume, "/srv/a b"));
        assert_eq!(facts.state_home.as_deref(), Some("/srv/pgdata/.infra"));
        assert_eq!(facts.disks[0].holder.as_deref(), Some("pgdata"));
        assert_eq!(facts.current().unwrap().bundle_hash, "b");
        assert_eq!(
            facts.releases.iter().map(|r| (r.number, r.state)).collect::<Vec<_>>(),
            [(1, ReleaseState::Pending), (2, ReleaseState::Healthy)]
        );
        assert_eq!(facts.lock.unwrap().who, "me@here");
        let migration = facts.migration.unwrap();
        assert!(migration.what == "copy the rows" && migration.holds);
        assert_eq!(parse(&site(), "migration\tnull\n").migration, None, "it is over");
        assert!(!parse(&site(), "migration\t\n").migration.unwrap().holds, "its program is not there");
        let service = &facts.services[0];
        assert_eq!(
            (service.service.as_str(), service.health.as_deref(), service.memory_bytes),
            ("db", Some("healthy"), Some(1048576))
        );
    }
}
