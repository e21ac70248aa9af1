//! An account and its hosts in memory: for tests of what steps do to them, in any order and with any fault. It refuses
//! what a cloud refuses, and what infra must never do: stop an instance whose services run, delete one that holds a
//! disk, format a disk that should hold data.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Access, Cloud, CloudError, CloudErrorKind, Operation, OperationState, Probe};
use crate::executor::{Hosts, Reporter, StepError};
use crate::graph::NodeId;
use crate::inventory::host_facts::{DiskFacts, HostFacts, ReleaseFacts, ReleaseState, ServiceFacts};
use crate::inventory::{
    Address, Alarm, Contact, ContactStatus, Disk, Gap, HostView, Instance, InstanceState, Inventory, KeyPair, OpenPort,
    ResourceName, Snapshot, TAG_NODE,
};
use crate::plan::{NodeName, Port, PortRange, Protocol};
use crate::steps::{Action, CloudAction, HostAction, HostRef, LocalAction};

/// What becomes of the nth change that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// An error, and nothing has happened.
    Before(CloudErrorKind),
    /// An error, and all of it has happened.
    After(CloudErrorKind),
    /// An operation that ends Failed, and nothing has happened.
    Fails,
}

pub struct FakeCloud {
    pub world: Mutex<World>,
    fault: Box<dyn Fn(usize) -> Fault + Send + Sync>,
}

/// All that is there.
#[derive(Debug, Clone)]
pub struct World {
    inventory: Inventory,
    /// By the name of the disk, or of the snapshot.
    file_systems: BTreeMap<ResourceName, FileSystem>,
    /// The instance where services run.
    services: Option<ResourceName>,
    clock: i64,
    asked: usize,
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

type Done = Result<(), (CloudErrorKind, String)>;

fn refused(why: impl Into<String>) -> Done {
    Err((CloudErrorKind::Refused, why.into()))
}

fn ensure(holds: bool, why: &str) -> Done {
    if holds { Ok(()) } else { refused(why) }
}

impl FakeCloud {
    pub fn new(world: World, fault: impl Fn(usize) -> Fault + Send + Sync + 'static) -> Self {
        Self { world: Mutex::new(world), fault: Box::new(fault) }
    }

    pub fn world(&self) -> World {
        self.world.lock().expect("no test panics while it holds the lock").clone()
    }
}

impl World {
    pub fn new() -> Self {
        let inventory = Inventory { sizes: crate::cost::fallback_sizes(), ..Inventory::empty(Timestamp::UNIX_EPOCH) };
        Self { inventory, file_systems: BTreeMap::new(), services: None, clock: 0, asked: 0, blind: false }
    }

    pub fn file_system(&self, disk: &str) -> Option<&FileSystem> {
        self.file_systems.get(&ResourceName::new(disk))
    }

    /// What observing shows: the account, and the hosts that run.
    pub fn observe(&self) -> Inventory {
        let mut inventory = self.inventory.clone();
        let serving: Vec<_> = self.inventory.instances.iter().filter(|i| self.serves(i)).collect();
        for instance in serving {
            let Some(host) = node_name(instance, "hosts.") else { continue };
            let view = if self.blind { HostView::Unseen(Gap("no route".into())) } else { HostView::Seen(self.facts(instance)) };
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
            Action::Cloud(action) => self.submit(action),
            Action::Host(action) => self.on_host(action),
            Action::Local(_) => Ok(()),
        }
    }

    fn now(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.clock).ok()
    }

    fn serves(&self, instance: &Instance) -> bool {
        let holder = self.inventory.addresses.iter().find_map(|a| a.attached_to.as_ref());
        let alone = self.inventory.instances.iter().filter(|i| i.tags.get(TAG_NODE) == instance.tags.get(TAG_NODE)).count() == 1;
        instance.state == InstanceState::Running && (alone || holder == Some(&instance.name))
    }

    fn facts(&self, instance: &Instance) -> HostFacts {
        let attached = self.inventory.disks.iter().filter(|d| d.attached_to.as_ref() == Some(&instance.name));
        let mounted = |d: &Disk| self.file_systems.get(&d.name).filter(|f| f.mounted_by.as_ref() == Some(&instance.name));
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
        let attached: Vec<_> =
            self.inventory.disks.iter().filter(|d| d.attached_to.as_ref() == Some(&on)).map(|d| d.name.clone()).collect();
        for disk in attached {
            let mounted = self.file_systems.get_mut(&disk).filter(|f| f.mounted_by.as_ref() == Some(&on));
            let Some(file_system) = mounted else { return refused("a release without its disk") };
            file_system.written = self.clock;
            file_system.release = Some(hash.to_owned());
        }
        self.services = Some(on);
        Ok(())
    }

    fn name_is_free(&self, name: &ResourceName) -> Done {
        let taken = self.inventory.names().contains(name);
        if taken { Err((CloudErrorKind::NameTaken, format!("{name} is already in use"))) } else { Ok(()) }
    }

    fn instance(&mut self, name: &ResourceName) -> Result<&mut Instance, (CloudErrorKind, String)> {
        let found = self.inventory.instances.iter_mut().find(|i| &i.name == name);
        found.ok_or_else(|| (CloudErrorKind::NotFound, format!("instance {name}")))
    }

    fn disk(&mut self, name: &ResourceName) -> Result<&mut Disk, (CloudErrorKind, String)> {
        let found = self.inventory.disks.iter_mut().find(|d| &d.name == name);
        found.ok_or_else(|| (CloudErrorKind::NotFound, format!("disk {name}")))
    }

    fn address(&mut self, name: &ResourceName) -> Result<&mut Address, (CloudErrorKind, String)> {
        let found = self.inventory.addresses.iter_mut().find(|a| &a.name == name);
        found.ok_or_else(|| (CloudErrorKind::NotFound, format!("static IP {name}")))
    }

    fn submit(&mut self, action: &CloudAction) -> Done {
        match action {
            CloudAction::ImportKeyPair { name, .. } => {
                self.name_is_free(name)?;
                self.inventory.key_pairs.push(KeyPair { name: name.clone(), fingerprint: String::new() });
                Ok(())
            }
            CloudAction::DeleteKeyPair { name } => {
                self.inventory.key_pairs.retain(|k| &k.name != name);
                Ok(())
            }
            CloudAction::CreateInstance(_)
            | CloudAction::StartInstance { .. }
            | CloudAction::StopInstance { .. }
            | CloudAction::DeleteInstance { .. }
            | CloudAction::PutPorts { .. } => self.submit_instance(action),
            CloudAction::AllocateAddress { .. }
            | CloudAction::AttachAddress { .. }
            | CloudAction::DetachAddress { .. }
            | CloudAction::ReleaseAddress { .. } => self.submit_address(action),
            CloudAction::CreateContact { .. }
            | CloudAction::DeleteContact
            | CloudAction::PutAlarm(_)
            | CloudAction::DeleteAlarm { .. } => self.submit_alarm(action),
            _ => self.submit_disk(action),
        }
    }

    fn submit_instance(&mut self, action: &CloudAction) -> Done {
        match action {
            CloudAction::CreateInstance(spec) => {
                self.name_is_free(&spec.name)?;
                ensure(self.inventory.key_pairs.iter().any(|k| k.name == spec.key_pair), "no such key pair")?;
                let instance = Instance {
                    name: spec.name.clone(),
                    tags: spec.tags.clone(),
                    zone: spec.zone.clone(),
                    state: InstanceState::Running,
                    size: spec.size.clone(),
                    image: spec.image.clone(),
                    user: "ubuntu".into(),
                    key_pair: Some(spec.key_pair.clone()),
                    public_ip: None,
                    ports: ports_of_new(),
                    created_at: self.now(),
                };
                self.inventory.instances.push(instance);
            }
            CloudAction::StartInstance { name } => {
                let instance = self.instance(name)?;
                ensure(instance.state == InstanceState::Stopped, "not stopped")?;
                instance.state = InstanceState::Running;
            }
            CloudAction::StopInstance { name } => {
                ensure(self.services.as_ref() != Some(name), "its services run")?;
                let instance = self.instance(name)?;
                ensure(instance.state == InstanceState::Running, "not running")?;
                instance.state = InstanceState::Stopped;
            }
            CloudAction::DeleteInstance { name } => {
                self.instance(name)?;
                let holds = self.inventory.disks.iter().any(|d| d.attached_to.as_ref() == Some(name));
                ensure(!holds, "it holds a disk")?;
                ensure(self.services.as_ref() != Some(name), "its services run")?;
                self.inventory.instances.retain(|i| &i.name != name);
                self.inventory.alarms.retain(|a| &a.monitored != name);
                for address in self.inventory.addresses.iter_mut().filter(|a| a.attached_to.as_ref() == Some(name)) {
                    address.attached_to = None;
                }
            }
            CloudAction::PutPorts { instance, ports } => self.instance(instance)?.ports.clone_from(ports),
            _ => unreachable!("submit sends instances here"),
        }
        Ok(())
    }

    fn submit_address(&mut self, action: &CloudAction) -> Done {
        match action {
            CloudAction::AllocateAddress { name } => {
                self.name_is_free(name)?;
                let ip = format!("203.0.113.{}", 200 + self.inventory.addresses.len());
                self.inventory.addresses.push(Address { name: name.clone(), ip, attached_to: None });
            }
            CloudAction::AttachAddress { name, instance } => {
                self.instance(instance)?;
                let address = self.address(name)?;
                ensure(address.attached_to.is_none(), "already attached")?;
                address.attached_to = Some(instance.clone());
            }
            CloudAction::DetachAddress { name } => self.address(name)?.attached_to = None,
            CloudAction::ReleaseAddress { name } => {
                ensure(self.address(name)?.attached_to.is_none(), "attached")?;
                self.inventory.addresses.retain(|a| &a.name != name);
            }
            _ => unreachable!("submit sends addresses here"),
        }
        Ok(())
    }

    fn submit_alarm(&mut self, action: &CloudAction) -> Done {
        match action {
            CloudAction::CreateContact { email, tags } => {
                ensure(self.inventory.contacts.is_empty(), "one contact a region")?;
                let status = ContactStatus::Valid;
                self.inventory.contacts.push(Contact { email: email.clone(), status, tags: tags.clone() });
            }
            CloudAction::DeleteContact => self.inventory.contacts.clear(),
            CloudAction::PutAlarm(spec) => {
                self.instance(&spec.monitored)?;
                self.inventory.alarms.retain(|a| a.name != spec.name);
                self.inventory.alarms.push(Alarm {
                    name: spec.name.clone(),
                    monitored: spec.monitored.clone(),
                    metric: spec.metric.clone(),
                    comparison: spec.comparison,
                    threshold: spec.threshold,
                    evaluation_periods: spec.evaluation_periods,
                    notifies_email: spec.notify_email,
                    state: "OK".into(),
                    tags: spec.tags.clone(),
                });
            }
            CloudAction::DeleteAlarm { name } => self.inventory.alarms.retain(|a| &a.name != name),
            _ => unreachable!("submit sends alarms here"),
        }
        Ok(())
    }

    fn submit_disk(&mut self, action: &CloudAction) -> Done {
        match action {
            CloudAction::CreateDisk { name, zone, size_gb, tags } => self.new_disk(name, zone, *size_gb, tags),
            CloudAction::CreateDiskFromSnapshot { name, snapshot, zone, size_gb, tags } => {
                self.new_disk(name, zone, *size_gb, tags)?;
                let copy = self.file_systems.get(snapshot).cloned();
                self.file_systems.extend(copy.map(|copy| (name.clone(), copy)));
                Ok(())
            }
            CloudAction::AttachDisk { name, instance, path } => {
                let zone = self.instance(instance)?.zone.clone();
                let disk = self.disk(name)?;
                ensure(disk.zone == zone, "another zone")?;
                ensure(disk.attached_to.is_none(), "already attached")?;
                disk.attached_to = Some(instance.clone());
                disk.path = Some(path.clone());
                Ok(())
            }
            CloudAction::DetachDisk { name } => {
                let Some(holder) = self.disk(name)?.attached_to.clone() else { return refused("not attached") };
                let stopped = self.instance(&holder)?.state == InstanceState::Stopped;
                ensure(stopped, "its instance runs")?;
                let disk = self.disk(name)?;
                disk.attached_to = None;
                disk.path = None;
                Ok(())
            }
            CloudAction::DeleteDisk { name } => {
                ensure(self.disk(name)?.attached_to.is_none(), "attached")?;
                self.inventory.disks.retain(|d| &d.name != name);
                self.file_systems.remove(name);
                Ok(())
            }
            CloudAction::SnapshotDisk { disk, snapshot, tags } => {
                self.name_is_free(snapshot)?;
                let size_gb = self.disk(disk)?.size_gb;
                let copy = self.file_systems.get(disk).cloned();
                self.file_systems.extend(copy.map(|copy| (snapshot.clone(), copy)));
                self.inventory.snapshots.push(Snapshot {
                    name: snapshot.clone(),
                    tags: tags.clone(),
                    from_disk: Some(disk.clone()),
                    size_gb,
                    complete: true,
                    created_at: self.now(),
                });
                Ok(())
            }
            CloudAction::DeleteSnapshot { name } => {
                self.inventory.snapshots.retain(|s| &s.name != name);
                self.file_systems.remove(name);
                Ok(())
            }
            _ => unreachable!("submit sends disks here"),
        }
    }

    fn new_disk(&mut self, name: &ResourceName, zone: &str, size_gb: u32, tags: &crate::inventory::Tags) -> Done {
        self.name_is_free(name)?;
        self.inventory.disks.push(Disk {
            name: name.clone(),
            tags: tags.clone(),
            zone: zone.to_owned(),
            size_gb,
            attached_to: None,
            path: None,
            ready: true,
        });
        Ok(())
    }

    /// Would the change change nothing? Then its effect is there.
    fn has(&self, action: &CloudAction) -> bool {
        let named = |name: &ResourceName| self.inventory.names().contains(name);
        match action {
            CloudAction::ImportKeyPair { name, .. }
            | CloudAction::AllocateAddress { name }
            | CloudAction::CreateDisk { name, .. }
            | CloudAction::CreateDiskFromSnapshot { name, .. }
            | CloudAction::SnapshotDisk { snapshot: name, .. } => named(name),
            CloudAction::CreateInstance(spec) => named(&spec.name),
            CloudAction::DeleteKeyPair { name }
            | CloudAction::ReleaseAddress { name }
            | CloudAction::DeleteDisk { name }
            | CloudAction::DeleteSnapshot { name }
            | CloudAction::DeleteInstance { name } => !named(name),
            CloudAction::DeleteContact => self.inventory.contacts.is_empty(),
            CloudAction::CreateContact { email, .. } => self.inventory.contacts.iter().any(|c| &c.email == email),
            other => {
                let mut after = self.clone();
                after.submit(other).is_err() && self.attached_or_off(other)
                    || after.inventory == self.inventory && after.file_systems == self.file_systems
            }
        }
    }

    fn attached_or_off(&self, action: &CloudAction) -> bool {
        let state = |name: &ResourceName| self.inventory.instance(name).map(|i| i.state);
        let disk = |name: &ResourceName| self.inventory.disks.iter().find(|d| &d.name == name);
        match action {
            CloudAction::StartInstance { name } => state(name) == Some(InstanceState::Running),
            CloudAction::StopInstance { name } => state(name) == Some(InstanceState::Stopped),
            CloudAction::AttachDisk { name, instance, .. } => {
                disk(name).is_some_and(|d| d.attached_to.as_ref() == Some(instance))
            }
            CloudAction::DetachDisk { name } => disk(name).is_some_and(|d| d.attached_to.is_none()),
            CloudAction::AttachAddress { name, instance } => {
                self.inventory.address(name).is_some_and(|a| a.attached_to.as_ref() == Some(instance))
            }
            _ => false,
        }
    }
}

fn node_name(instance: &Instance, prefix: &str) -> Option<NodeName> {
    let node = NodeId::new(instance.tags.get(TAG_NODE)?);
    serde_json::from_value(node.as_str().strip_prefix(prefix)?.into()).ok()
}

/// Open to everyone, as Lightsail makes them.
pub fn ports_of_new() -> Vec<OpenPort> {
    let open = |port: u16| OpenPort {
        range: PortRange::single(Port::new(port).expect("not 0")),
        protocol: Protocol::Tcp,
        from: ["0.0.0.0/0", "::/0"].iter().filter_map(|net| net.parse().ok()).collect(),
        aliases: BTreeSet::new(),
    };
    [22, 80].map(open).to_vec()
}

fn error(kind: CloudErrorKind, message: impl Into<String>) -> CloudError {
    CloudError { kind, operation: "Fake".into(), code: format!("{kind:?}"), message: message.into() }
}

#[async_trait]
impl Cloud for FakeCloud {
    async fn observe(&self) -> Result<Inventory, CloudError> {
        Ok(self.world().observe())
    }

    async fn submit(&self, action: &CloudAction) -> Result<Vec<Operation>, CloudError> {
        let mut world = self.world.lock().expect("no test panics while it holds the lock");
        let fault = (self.fault)(world.asked);
        world.asked += 1;
        match fault {
            Fault::Before(kind) => return Err(error(kind, "before")),
            Fault::Fails => return Ok(vec![Operation("failed".into())]),
            Fault::None | Fault::After(_) => {}
        }
        world.perform(&Action::Cloud(action.clone())).map_err(|(kind, why)| error(kind, why))?;
        match fault {
            Fault::After(kind) => Err(error(kind, "after")),
            _ => Ok(vec![Operation("done".into())]),
        }
    }

    async fn operation(&self, operation: &Operation) -> Result<OperationState, CloudError> {
        Ok(match operation.0.as_str() {
            "failed" => OperationState::Failed { code: "Broken".into(), details: "a part is missing".into() },
            _ => OperationState::Done,
        })
    }

    async fn probe(&self, action: &CloudAction) -> Result<Probe, CloudError> {
        Ok(if self.world().has(action) { Probe::Done } else { Probe::Absent })
    }

    async fn access(&self, _: &ResourceName) -> Result<Access, CloudError> {
        Err(error(CloudErrorKind::Refused, "there is no machine"))
    }

    async fn burst_percent(&self, _: &ResourceName) -> Result<Option<f64>, CloudError> {
        Ok(None)
    }
}

#[async_trait]
impl Hosts for FakeCloud {
    async fn perform(&self, action: &HostAction, _: Duration, _: &Reporter) -> Result<(), StepError> {
        let mut world = self.world.lock().expect("no test panics while it holds the lock");
        world.perform(&Action::Host(action.clone())).map_err(|(_, why)| StepError::Setup(why))
    }

    async fn local(&self, _: &LocalAction, _: &Reporter) -> Result<(), StepError> {
        Ok(())
    }

    async fn forget(&self, _: &ResourceName) {}

    async fn unpin(&self, _: &ResourceName) -> Result<(), StepError> {
        Ok(())
    }
}
