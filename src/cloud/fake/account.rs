//! What changes of the account do, and whether their effect is there.

use std::collections::BTreeSet;

use super::ec2::is_of_ec2;
use super::world::World;
use super::{Done, ensure, refused};
use crate::cloud::CloudErrorKind;
use crate::inventory::{
    Address, Alarm, CloudKind, Contact, ContactStatus, Disk, Instance, InstanceState, KeyPair, OpenPort, ResourceName,
    RuleProtocol, RuleRange, Snapshot, Tags, VolumeSpec,
};
use crate::steps::CloudAction;

impl World {
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

    pub(super) fn submit(&mut self, at: CloudKind, action: &CloudAction) -> Done {
        match action {
            action if is_of_ec2(action) => self.submit_ec2(action),
            CloudAction::ImportKeyPair { name, .. } => {
                self.name_is_free(name)?;
                self.inventory.key_pairs.push(KeyPair { cloud: at, name: name.clone(), fingerprint: String::new() });
                Ok(())
            }
            CloudAction::Tag { name, tags } => {
                let is_instance = self.inventory.instance(name).is_some();
                let of = if is_instance { &mut self.instance(name)?.tags } else { &mut self.disk(name)?.tags };
                of.0.extend(tags.0.clone());
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
            | CloudAction::ReleaseAddress { .. } => self.submit_address(at, action),
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
                let ec2 = super::ec2::made(self, spec)?;
                if ec2.is_some() {
                    self.protected.insert(spec.name.clone());
                }
                let instance = Instance {
                    cloud: if ec2.is_some() { CloudKind::Ec2 } else { CloudKind::Lightsail },
                    name: spec.name.clone(),
                    tags: spec.tags.clone(),
                    zone: spec.zone.clone(),
                    state: InstanceState::Running,
                    size: spec.size.clone(),
                    image: spec.image.clone(),
                    user: "ubuntu".into(),
                    key_pair: Some(spec.key_pair.clone()),
                    public_ip: None,
                    private_ip: Some(super::database::private_ip(&spec.name)),
                    ports: if ec2.is_some() { vec![] } else { ports_of_new() },
                    created_at: self.now(),
                    ec2,
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
                ensure(!self.protected.contains(name), "it is protected from that")?;
                let holds = self.inventory.disks.iter().any(|d| d.attached_to.as_ref() == Some(name));
                ensure(!holds, "it holds a disk")?;
                ensure(self.services.as_ref() != Some(name), "its services run")?;
                self.inventory.instances.retain(|i| &i.name != name);
                self.root_data.remove(name);
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

    fn submit_address(&mut self, cloud: CloudKind, action: &CloudAction) -> Done {
        match action {
            CloudAction::AllocateAddress { name, .. } => {
                self.name_is_free(name)?;
                let ip = format!("203.0.113.{}", 200 + self.inventory.addresses.len());
                self.inventory.addresses.push(Address { cloud, name: name.clone(), ip, attached_to: None });
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
            CloudAction::CreateDisk { name, zone, size_gb, volume, tags } => {
                self.new_disk(name, zone, *size_gb, *volume, tags)
            }
            CloudAction::CreateDiskFromSnapshot { name, snapshot, zone, size_gb, tags } => {
                self.new_disk(name, zone, *size_gb, None, tags)?;
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
                let (size_gb, cloud) = self.disk(disk).map(|disk| (disk.size_gb, disk.cloud))?;
                let copy = self.file_systems.get(disk).cloned();
                self.file_systems.extend(copy.map(|copy| (snapshot.clone(), copy)));
                self.inventory.snapshots.push(Snapshot {
                    cloud,
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

    fn new_disk(
        &mut self,
        name: &ResourceName,
        zone: &str,
        size_gb: u32,
        volume: Option<VolumeSpec>,
        tags: &Tags,
    ) -> Done {
        self.name_is_free(name)?;
        self.inventory.disks.push(Disk {
            cloud: if volume.is_some() { CloudKind::Ec2 } else { CloudKind::Lightsail },
            volume,
            modification: None,
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
    pub(super) fn has(&self, action: &CloudAction) -> bool {
        let named = |name: &ResourceName| self.inventory.names().contains(name);
        match action {
            action if is_of_ec2(action) => self.has_of_ec2(action),
            CloudAction::ImportKeyPair { name, .. }
            | CloudAction::AllocateAddress { name, .. }
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
                // Those that make something that only one cloud has are above.
                after.submit(CloudKind::Lightsail, other).is_err() && self.attached_or_off(other)
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

/// Open to everyone, as Lightsail makes them.
pub fn ports_of_new() -> Vec<OpenPort> {
    let open = |port: u16| OpenPort {
        range: RuleRange { from: port.into(), to: port.into() },
        protocol: RuleProtocol::Tcp,
        from: ["0.0.0.0/0", "::/0"].iter().filter_map(|net| net.parse().ok()).collect(),
        aliases: BTreeSet::new(),
    };
    [22, 80].map(open).to_vec()
}
