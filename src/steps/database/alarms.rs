//! What a difference of alarms is to the provider. Addresses come last: whoever is told has alarms that tell.

use super::action::DatabaseAction;
use crate::diff::{AlarmsDiff, Refusal, alarms, topic_name};
use crate::graph::DatabaseNode;
use crate::inventory::{DatabaseInventory, ResourceName, Tags};

/// What is missing until the database is watched as the plan says. Nothing while there is no database.
pub fn watch(node: &DatabaseNode, found: &DatabaseInventory) -> Result<Vec<DatabaseAction>, Refusal> {
    let Some(database) = &found.database else { return Ok(vec![]) };
    Ok(put_alarms(node, database.instance(), &alarms(node, found)?))
}

pub(super) fn put_alarms(node: &DatabaseNode, instance: &ResourceName, diff: &AlarmsDiff) -> Vec<DatabaseAction> {
    let topic = || topic_name(&node.name);
    let made = diff.topic.then(|| DatabaseAction::PutTopic { name: topic(), tags: node.tags() });
    let put = diff.put.iter().map(|alarm| DatabaseAction::PutAlarm {
        alarm: alarm.clone(),
        instance: instance.clone(),
        topic: (!node.emails.is_empty()).then(topic),
        tags: node.tags(),
    });
    let told = diff.subscribe.iter().map(|email| DatabaseAction::Subscribe { topic: topic(), email: email.clone() });
    made.into_iter().chain(put).chain(forget(diff.delete.clone())).chain(told).collect()
}

/// The alarms and, if it is ours, their topic with its addresses.
pub fn unwatch(name: &ResourceName, found: &DatabaseInventory, mine: impl Fn(&Tags) -> bool) -> Vec<DatabaseAction> {
    let topic = found.topic.as_ref().filter(|topic| mine(&topic.tags));
    let topic = topic.map(|_| DatabaseAction::DeleteTopic { name: topic_name(name) });
    forget(found.alarms.iter().map(|alarm| alarm.name.clone()).collect()).into_iter().chain(topic).collect()
}

fn forget(names: Vec<ResourceName>) -> Option<DatabaseAction> {
    (!names.is_empty()).then_some(DatabaseAction::DeleteAlarms { names })
}
