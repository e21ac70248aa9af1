//! A managed database in memory: what changes of a plan do to it. It refuses what would interrupt its clients for nothing.

use std::net::{IpAddr, Ipv4Addr};

use super::world::World;
use super::{Done, ensure, refused};
use crate::inventory::{Database, DatabaseInventory, DatabaseView, Ingress, ResourceName};
use crate::plan::ManagedSize;
use crate::steps::{DatabaseAction, DatabaseChange};

/// The same for an instance of the same name, whenever it is made.
pub(super) fn private_ip(instance: &ResourceName) -> String {
    let sum: u32 = instance.as_str().bytes().map(u32::from).sum();
    Ipv4Addr::from(u32::from(Ipv4Addr::new(172, 26, 0, 0)) + sum).to_string()
}

impl World {
    /// Also when there is none.
    pub(super) fn reaches_its_database(&self, instance: &ResourceName) -> bool {
        let found = self.inventory.database.seen().and_then(|found| found.security_group.as_ref());
        let ip: Option<IpAddr> = self.inventory.instance(instance).and_then(|i| i.private_ip.as_ref()?.parse().ok());
        found.is_none_or(|group| group.ingress.iter().any(|ingress| ip.is_some_and(|ip| ingress.from.contains(&ip))))
    }

    pub(super) fn on_database(&mut self, action: &DatabaseAction) -> Done {
        use DatabaseAction as A;
        if let A::AllowInstance { instance, port, .. } = action {
            ensure(self.inventory.instance(instance).is_some(), "no such instance")?;
            let from: IpAddr = private_ip(instance).parse().expect("an address");
            return allow(self.found()?, Ingress { port: *port, from: from.into() });
        }
        let found = self.found()?;
        match action {
            A::PeerNetworks => found.peered = true,
            A::Allow { ingress, .. } => allow(found, *ingress)?,
            A::Forbid { ingress, .. } => {
                let group = found.security_group.as_mut();
                ensure(group.is_some_and(|group| group.ingress.remove(ingress)), "no such rule")?;
            }
            A::SetParameters { engine, parameters, .. } => {
                let group = found.parameter_groups.get_mut(engine).ok_or_else(gone)?;
                group.parameters.extend(parameters.clone());
            }
            A::ResetParameters { engine, names, .. } => {
                let group = found.parameter_groups.get_mut(engine).ok_or_else(gone)?;
                group.parameters.retain(|name, _| !names.contains(name));
            }
            A::ChangeDatabase { change, .. } => modify(found.database.as_mut().ok_or_else(gone)?, change),
            A::RebootDatabase { .. } => {
                let database = found.database.as_mut().ok_or_else(gone)?;
                ensure(!database.parameters_in_effect, "a restart for nothing")?;
                database.parameters_in_effect = true;
            }
            A::PutAlarm { alarm, .. } => {
                found.alarms.retain(|other| other.name != alarm.name);
                found.alarms.push(alarm.clone());
                found.alarms.sort_by(|a, b| a.name.cmp(&b.name));
            }
            A::DeleteAlarms { names } => found.alarms.retain(|alarm| !names.contains(&alarm.name)),
            other => return refused(format!("a plan's change does not ask for {other:?}")),
        }
        Ok(())
    }

    fn found(&mut self) -> Result<&mut DatabaseInventory, (super::CloudErrorKind, String)> {
        match &mut self.inventory.database {
            DatabaseView::Seen(found) => Ok(found),
            DatabaseView::Absent | DatabaseView::Unseen(_) => Err(gone()),
        }
    }
}

fn allow(found: &mut DatabaseInventory, ingress: Ingress) -> Done {
    let group = found.security_group.as_mut().ok_or_else(gone)?;
    ensure(group.ingress.insert(ingress), "there is such a rule")
}

fn modify(database: &mut Database, change: &DatabaseChange) {
    match &mut database.size {
        ManagedSize::Rds(size) => {
            size.class = change.class.clone().unwrap_or_else(|| size.class.clone());
            size.storage_gb = change.storage_gb.unwrap_or(size.storage_gb);
        }
        ManagedSize::Aurora(size) => *size = change.capacity.clone().unwrap_or_else(|| size.clone()),
    }
    database.backup_days = change.backup_days.unwrap_or(database.backup_days);
    database.deletion_protection = change.deletion_protection.unwrap_or(database.deletion_protection);
    database.public = change.public.unwrap_or(database.public);
}

fn gone() -> (super::CloudErrorKind, String) {
    (super::CloudErrorKind::NotFound, "there is no database".into())
}
