//! What is there, what a look at it shows, and what work on a host does.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Done, ensure, refused};
use crate::graph::NodeId;
use crate::inventory::host_facts::{DiskFacts, HostFacts, ReleaseFacts, ReleaseState, ServiceFacts};
use crate::inventory::{
    DatabaseInventory, DatabaseView, Disk, Gap, HostView, Instance, InstanceState, Inventory, ResourceName, RootData,
    TAG_NODE,
};
use crate::plan::NodeName;
use crate::steps::{Action, HostAction, HostRef};

/// All that is there.
#[derive(Debug, Clone)]
pub struct World {
    pub(super) inventory: Inventory,
    /// By the name of the disk, or of the snapshot.
    pub(super) file_systems: BTreeMap<ResourceName, FileSystem>,
    /// The instance where services run.
    pub(super) services: Option<ResourceName>,
    /// What lies on root disks, by instance.
    pub root_data: BTreeMap<ResourceName, Vec<RootData>>,
    /// Instances that cannot be deleted.
    pub(super) protected: BTreeSet<ResourceName>,
    pub(super) clock: i64,
    pub(super) asked: usize,
    /// Nobody gets to the hosts to look at them.
    pub blind: bool,
}

/// What a disk holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSystem {
    /// When it was formatted: all copies of it have the same.
    pub born: i64,
    pub written: i64,
    extent_gb: u32,
    mounted_by: Option<ResourceName>,
    release: Option<String>,
}

impl World {
    pub fn new() -> Self {
        let (sizes, ec2) = (crate::cost::fallback_sizes(), super::ec2::view());
        let inventory = Inventory { sizes, ec2, ..Inventory::empty(Timestamp::UNIX_EPOCH) };
        Self {
            inventory,
            file_systems: BTreeMap::new(),
            services: None,
            root_data: BTreeMap::new(),
            protected: BTreeSet::new(),
            clock: 0,
            asked: 0,
            blind: false,
        }
    }

    pub fn put_database(&mut self, found: DatabaseInventory) {
        self.inventory.database = DatabaseView::Seen(Box::new(found));
    }

    /// As somebody's `docker compose stop` does.
    pub fn end_services(&mut self) {
        self.services = None;
    }

    /// The one instance of EC2, for who changes it outside of infra.
    pub fn instance_by_hand(&mut self) -> &mut crate::inventory::Ec2Instance {
        self.inventory.instances.iter_mut().find_map(|i| i.ec2.as_mut()).expect("there is one")
    }

    pub fn file_system(&self, disk: &str) -> Option<&FileSystem> {
        self.file_systems.get(&ResourceName::new(disk))
    }

    /// What observing shows: the account, and the hosts that run.
    pub fn observe(&self) -> Inventory {
        let mut inventory = self.inventory.clone();
        for instance in &mut inventory.instances {
            if let Some(ec2) = &instance.ec2 {
                instance.ports = self.rules_of(ec2);
            }
        }
        let serving: Vec<_> = self.inventory.instances.iter().filter(|i| self.serves(i)).collect();
        for instance in serving {
            let Some(host) = node_name(instance, "hosts.") else { continue };
            let view = if self.blind {
                HostView::Unseen(Gap("no route".into()))
            } else {
                HostView::Seen(self.facts(instance))
            };
            inventory.hosts.insert(host, view);
        }
        inventory
    }

    /// The same for any two runs that ended well, whatever happened on the way.
    pub fn comparable(&self) -> Inventory {
        let mut inventory = Self { blind: false, ..self.clone() }.observe();
        for instance in &mut inventory.instances {
            instance.created_at = None;
        }
        for snapshot in &mut inventory.snapshots {
            snapshot.created_at = None;
        }
        inventory.instances.sort_by(|a, b| a.name.cmp(&b.name));
        inventory.disks.sort_by(|a, b| a.name.cmp(&b.name));
        inventory.snapshots.sort_by(|a, b| a.name.cmp(&b.name));
        inventory.alarms.sort_by(|a, b| a.name.cmp(&b.name));
        inventory
    }

    pub fn perform(&mut self, action: &Action) -> Done {
        self.clock += 1;
        match action {
            Action::Cloud { at, action } => self.submit(*at, action),
            Action::Host(action) => self.on_host(action),
            Action::Database(action) => self.on_database(action),
            Action::Local(_) => Ok(()),
        }
    }

    pub(super) fn now(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.clock).ok()
    }

    fn serves(&self, instance: &Instance) -> bool {
        let holder = self.inventory.addresses.iter().find_map(|a| a.attached_to.as_ref());
        let alone =
            self.inventory.instances.iter().filter(|i| i.tags.get(TAG_NODE) == instance.tags.get(TAG_NODE)).count()
                == 1;
        instance.state == InstanceState::Running && (alone || holder == Some(&instance.name))
    }

    fn facts(&self, instance: &Instance) -> HostFacts {
        let attached = self.inventory.disks.iter().filter(|d| d.attached_to.as_ref() == Some(&instance.name));
        let mounted =
            |d: &Disk| self.file_systems.get(&d.name).filter(|f| f.mounted_by.as_ref() == Some(&instance.name));
        let gigabytes = |gb: u32| u64::from(gb) << 30;
        let disks = attached.clone().map(|d| DiskFacts {
            disk: d.tags.get(TAG_NODE).and_then(|n| n.rsplit('.').next()).unwrap_or_default().into(),
            device: mounted(d).map(|_| "/dev/nvme1n1".into()),
            extent_bytes: mounted(d).map(|f| gigabytes(f.extent_gb)),
            device_bytes: Some(gigabytes(d.size_gb)),
            ..DiskFacts::default()
        });
        let release = attached.clone().find_map(|d| mounted(d)?.release.clone());
        let releases = release.map(|bundle_hash| ReleaseFacts {
            number: 1,
            plan: "vault".into(),
            bundle_hash,
            created_at: String::new(),
            by: String::new(),
            images: vec![],
            state: ReleaseState::Healthy,
        });
        let running = self.services.as_ref() == Some(&instance.name);
        let service = ServiceFacts { service: "db".into(), state: "running".into(), ..ServiceFacts::default() };
        HostFacts {
            prepared: true,
            database_elsewhere: self.inventory.database.seen().is_some(),
            instance: Some(instance.name.to_string()),
            root_data: Some(self.root_data.get(&instance.name).cloned().unwrap_or_default()),
            disks: disks.collect(),
            current_release: releases.is_some().then_some(1),
            releases: releases.into_iter().collect(),
            services: running.then_some(service).into_iter().collect(),
            operator_address: "203.0.113.1".parse().ok(),
            ..HostFacts::default()
        }
    }

    fn on_host(&mut self, action: &HostAction) -> Done {
        let HostRef::Instance { name, .. } = action.on() else { return refused("not an instance") };
        let name = name.clone();
        let running = self.inventory.instance(&name).is_some_and(|i| i.state == InstanceState::Running);
        ensure(running, "nobody answers")?;
        match action {
            HostAction::Wait { .. } | HostAction::Prepare { .. } | HostAction::PushImages { .. } => Ok(()),
            HostAction::StopServices { .. } => {
                self.services = self.services.take().filter(|on| on != &name);
                Ok(())
            }
            HostAction::PrepareDisk { disk, .. } => self.mount(&name, &disk.resource, disk.size_gb, disk.expects_data),
            // What a disk is called there, a file system in memory does not know.
            HostAction::RenameDisk { .. } => Ok(()),
            HostAction::Carry { from, data, .. } => {
                let HostRef::Instance { name: old, .. } = from else { return refused("not an instance") };
                ensure(self.services.as_ref() != Some(old), "its services run")?;
                let holds = self.inventory.instance(old).is_some_and(|i| i.state == InstanceState::Running);
                ensure(holds, "nobody answers")?;
                self.root_data.insert(name, data.clone());
                Ok(())
            }
            HostAction::Release { release, .. } => self.release(name, &release.hash),
        }
    }

    fn mount(&mut self, on: &ResourceName, disk: &ResourceName, size_gb: u32, expects_data: bool) -> Done {
        let attached = self.inventory.disks.iter().any(|d| &d.name == disk && d.attached_to.as_ref() == Some(on));
        ensure(attached, "no such device")?;
        ensure(!expects_data || self.file_systems.contains_key(disk), "blank, and data was expected")?;
        let clock = self.clock;
        let file_system = self.file_systems.entry(disk.clone()).or_insert(FileSystem {
            born: clock,
            written: clock,
            extent_gb: size_gb,
            mounted_by: None,
            release: None,
        });
        file_system.extent_gb = size_gb;
        file_system.mounted_by = Some(on.clone());
        Ok(())
    }

    fn release(&mut self, on: ResourceName, hash: &str) -> Done {
        ensure(self.reaches_its_database(&on), "its clients do not reach their database")?;
        let attached: Vec<_> = self
            .inventory
            .disks
            .iter()
            .filter(|d| d.attached_to.as_ref() == Some(&on))
            .map(|d| d.name.clone())
            .collect();
        for disk in attached {
            let mounted = self.file_systems.get_mut(&disk).filter(|f| f.mounted_by.as_ref() == Some(&on));
            let Some(file_system) = mounted else { return refused("a release without its disk") };
            file_system.written = self.clock;
            file_system.release = Some(hash.to_owned());
        }
        self.services = Some(on);
        Ok(())
    }
}

fn node_name(instance: &Instance, prefix: &str) -> Option<NodeName> {
    let node = NodeId::new(instance.tags.get(TAG_NODE)?);
    serde_json::from_value(node.as_str().strip_prefix(prefix)?.into()).ok()
}
