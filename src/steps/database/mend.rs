//! A database that differs from the plan, as steps: whom it lets in before the release that needs it, whom it no longer
//! lets in after; its settings one after the other, since it takes one change at a time.

use super::action::{DatabaseAction, DatabaseChange, describe};
use super::alarms::put_alarms;
use crate::diff::DatabaseChanges;
use crate::graph::DatabaseNode;
use crate::inventory::{Parameters, ResourceName};
use crate::plan::{Engine, ManagedSize};
use crate::steps::build::Steps;
use crate::steps::{Action, StepId};

/// RDS refuses more in one call.
const PARAMETERS_A_CALL: usize = 20;

/// The clients' host reaches the database after these. `created`: the step that makes it, if it is new.
pub(in crate::steps) fn let_in(
    steps: &mut Steps,
    node: &DatabaseNode,
    changes: &DatabaseChanges,
    created: Option<&StepId>,
) -> Vec<StepId> {
    let group = || node.name.clone();
    let join = changes.join.then_some(("join".to_owned(), DatabaseAction::PeerNetworks));
    let known = changes.let_in.iter().map(|ingress| {
        (format!("let_in_{}", ingress.from.addr()), DatabaseAction::Allow { group: group(), ingress: *ingress })
    });
    let new = changes.let_in_new.iter().map(|instance| {
        let action = DatabaseAction::AllowInstance {
            group: group(),
            at: changes.at,
            instance: instance.clone(),
            port: node.port,
        };
        (format!("let_in_{instance}"), action)
    });
    let all: Vec<_> = join.into_iter().chain(known).chain(new).collect();
    all.into_iter()
        .map(|(verb, action)| {
            let needs = matches!(action, DatabaseAction::AllowInstance { .. }).then(|| created.cloned()).flatten();
            steps.add(&node.id, &verb, Action::Database(action), needs)
        })
        .collect()
}

/// Nobody else reaches it: last, since an old host serves until then.
pub(in crate::steps) fn shut_out(steps: &mut Steps, node: &DatabaseNode, changes: &DatabaseChanges, after: &[StepId]) {
    for ingress in &changes.shut_out {
        let action = DatabaseAction::Forbid { group: node.name.clone(), ingress: *ingress };
        steps.add(&node.id, &format!("shut_out_{}", ingress.from.addr()), Action::Database(action), after.to_vec());
    }
}

/// Parameters, then what one call changes, then the restart, then the alarms.
pub(in crate::steps) fn mend(steps: &mut Steps, node: &DatabaseNode, changes: &DatabaseChanges) {
    let (name, engine) = (|| node.name.clone(), changes.engine);
    let mut actions: Vec<DatabaseAction> = set_parameters(&node.name, engine, &changes.set).collect();
    if !changes.reset.is_empty() {
        actions.push(DatabaseAction::ResetParameters { group: name(), engine, names: changes.reset.clone() });
    }
    if changes.modifies() {
        actions.push(DatabaseAction::ChangeDatabase { name: name(), engine, change: change(changes) });
    }
    if changes.restart {
        actions.push(DatabaseAction::RebootDatabase { name: name(), engine });
    }
    actions.extend(put_alarms(node, &changes.instance, &changes.alarms));
    let mut before = None;
    for action in actions {
        let verb = describe(&action).replace(' ', "_");
        before = Some(steps.add(&node.id, &verb, Action::Database(action), before));
    }
}

pub(super) fn set_parameters<'a>(
    group: &'a ResourceName,
    engine: Engine,
    wanted: &Parameters,
) -> impl Iterator<Item = DatabaseAction> + use<'a> {
    let pairs: Vec<_> = wanted.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let calls: Vec<Parameters> = pairs.chunks(PARAMETERS_A_CALL).map(|some| some.iter().cloned().collect()).collect();
    calls.into_iter().map(move |parameters| DatabaseAction::SetParameters { group: group.clone(), engine, parameters })
}

/// Only what differs: storage, for one, may be changed again after hours only.
fn change(changes: &DatabaseChanges) -> DatabaseChange {
    let mut change = DatabaseChange {
        backup_days: changes.backups.map(|(_, to)| to),
        deletion_protection: changes.protect.then_some(true),
        public: changes.hide.then_some(false),
        ..DatabaseChange::default()
    };
    match &changes.size {
        Some((ManagedSize::Rds(from), ManagedSize::Rds(to))) => {
            change.class = (from.class != to.class).then(|| to.class.clone());
            change.storage_gb = (from.storage_gb != to.storage_gb).then_some(to.storage_gb);
        }
        Some((_, ManagedSize::Aurora(to))) => change.capacity = Some(to.clone()),
        Some((ManagedSize::Aurora(_), ManagedSize::Rds(_))) | None => {}
    }
    change
}
