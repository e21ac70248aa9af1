//! A host that holds the database for clients on another one: what would take it away from them, or start it without its data, is
//! refused. Its address is what they know it by, and no release brings it back.

use super::{DiskDiff, HostDiff, InstanceDiff, Refusal};
use crate::inventory::Inventory;

pub(super) fn refusals(hosts: &[HostDiff], inventory: &Inventory) -> Vec<Refusal> {
    hosts.iter().filter_map(|host| refusal(host, inventory)).collect()
}

fn refusal(host: &HostDiff, inventory: &Inventory) -> Option<Refusal> {
    let service = inventory.facts(&host.host)?.holds_database.as_ref()?;
    let what = match &host.instance {
        InstanceDiff::Replace(replacement) => format!("replaced ({})", replacement.reasons.join(", ")),
        _ => {
            let away = host.disks.iter().find(|disk| matches!(disk, DiskDiff::Grow { .. } | DiskDiff::Move { .. }))?;
            format!("stopped for {}", away.id())
        }
    };
    Some(Refusal {
        node: host.id.clone(),
        message: format!(
            "it holds the database (service {service}) for clients on another host, and would be {what}: they would lose it"
        ),
        remedy:
            "take the change back; before infra migrate finish, infra migrate rollback --include-data frees the host, \
                 and another migration follows"
                .into(),
    })
}
