//! Where a stack stands: observed, compared, and what is to be done, checked.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::load::{LoadError, Stack};
use super::observe::{ObserveError, observe};
use crate::cloud::Clouds;
use crate::cost::{self, Estimate};
use crate::diff::{self, ContactDiff, DatabaseDiff, Diff, HostDiff, InstanceDiff, Refusal};
use crate::graph::Graph;
use crate::inventory::{ContactStatus, DatabaseView, HostView, InstanceState, Inventory, ResourceName};
use crate::plan::NodeName;
use crate::steps::{self, Consent, Question, Step, Violation};

pub struct Situation {
    pub inventory: Inventory,
    pub graph: Graph,
    pub diff: Diff,
    pub steps: Vec<Step>,
    pub cost: Estimate,
    pub questions: Vec<Question>,
    pub notes: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum SituationError {
    #[error(transparent)]
    Observe(#[from] ObserveError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("{}", said(.0))]
    Refused(Vec<Refusal>),
    #[error("these steps must not run, which is a defect of infra: {}", said(.0))]
    Unsafe(Vec<Violation>),
}

fn said<E: std::fmt::Display>(all: &[E]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

pub async fn assess(stack: &Stack, cloud: Option<&Clouds>) -> Result<Situation, SituationError> {
    let inventory = observe(stack, cloud).await?;
    let graph = stack.graph(&inventory)?;
    let diff = diff::diff(&graph, &inventory).map_err(SituationError::Refused)?;
    let missing = stack
        .release
        .as_ref()
        .map(|release| release.missing_externals(stack, &inventory, is_new(&diff, &release.host)));
    if let Some(missing) = missing.filter(|findings| findings.has_errors()) {
        return Err(LoadError::Invalid(vec![missing]).into());
    }
    let steps = steps::build(&graph, &inventory, &diff);
    // Each of them is asked for by name, and `up` checks once more with what was agreed to.
    let losses = steps::losses(&steps, &inventory);
    let consent = Consent { lost: losses.iter().map(|loss| loss.instance.clone()).collect(), ..Consent::default() };
    let violations = steps::check(&steps, &inventory, &consent);
    if !violations.is_empty() {
        return Err(SituationError::Unsafe(violations));
    }
    let cost = cost::estimate(&graph, &inventory, &diff);
    let mut questions = steps::questions(&diff);
    questions.extend(losses.into_iter().map(Question::Loss));
    let mut notes = notes(&inventory, &diff);
    notes.extend(hosted_notes(stack, &inventory));
    Ok(Situation { inventory, graph, diff, steps, cost, questions, notes })
}

/// The host is not there yet, or is to be another.
fn is_new(diff: &Diff, host: &NodeName) -> bool {
    let instance = diff.hosts.iter().find(|h| &h.host == host).map(|h| &h.instance);
    matches!(instance, Some(InstanceDiff::Create { .. } | InstanceDiff::Replace(_)))
}

/// What is there, without comparing: for verbs that only look, or that remove.
pub struct Survey {
    pub inventory: Inventory,
    pub graph: Graph,
}

pub async fn survey(stack: &Stack, cloud: Option<&Clouds>) -> Result<Survey, SituationError> {
    let inventory = observe(stack, cloud).await?;
    let graph = stack.graph(&inventory)?;
    Ok(Survey { inventory, graph })
}

/// The burst capacity of each of the plan's running instances, in percent; those that cannot be told are left out.
pub async fn bursts(survey: &Survey, cloud: Option<&Clouds>) -> BTreeMap<ResourceName, f64> {
    let Some(cloud) = cloud else { return BTreeMap::new() };
    let plan = &survey.graph.plan;
    let running =
        survey.inventory.instances.iter().filter(|i| i.tags.is_plan(plan) && i.state == InstanceState::Running);
    let asked =
        running.map(|i| async { Some((i.name.clone(), cloud.at(i.cloud).ok()?.burst_percent(&i.name).await.ok()??)) });
    join_all(asked).await.into_iter().flatten().collect()
}

fn notes(inventory: &Inventory, diff: &Diff) -> Vec<String> {
    let mut notes: Vec<_> = inventory
        .hosts
        .iter()
        .filter_map(|(host, view)| match view {
            HostView::Unseen(gap) => Some(format!("host {host} could not be observed: {}", gap.0)),
            // Refused by `diff`, with the remedy.
            HostView::Seen(_) | HostView::Mistaken(_) => None,
        })
        .collect();
    if let ContactDiff::Keep { email, status } = &diff.contact
        && *status != ContactStatus::Valid
    {
        notes.push(format!(
            "{email} is not verified: its alarms reach nobody until the link in Amazon's mail is followed"
        ));
    }
    notes.extend(diff.hosts.iter().filter_map(newer_image));
    notes.extend(database_notes(inventory, diff));
    notes
}

/// Of a database that a migration took to another host: nothing but a word is done about it.
fn hosted_notes(stack: &Stack, inventory: &Inventory) -> Vec<String> {
    let mut notes = vec![];
    for facts in inventory.hosts.values().filter_map(HostView::facts) {
        let Some(service) = &facts.holds_database else { continue };
        let host = &facts.host;
        let found = facts.services.iter().find(|found| found.service == *service);
        match found {
            Some(found) if found.is_serving() => {}
            Some(found) => {
                let health = found.health.as_deref().unwrap_or(&found.state);
                notes.push(format!(
                    "the database on host {host} is {health}: infra exec --host {host} -- sudo docker logs {}",
                    found.container
                ));
            }
            None => notes.push(format!("the database on host {host} does not run: nothing starts it but a hand")),
        }
        let wanted = stack.release.as_ref().and_then(|release| release.image_of(service, &stack.site(&release.host)?));
        if let (Some(found), Some(wanted)) = (found, wanted)
            && found.image != wanted
        {
            notes.push(format!(
                "the database on host {host} runs {}, the bundle says {wanted}: infra deploy leaves it as it is",
                found.image
            ));
        }
    }
    notes
}

/// AWS publishes another every few weeks. What is installed on the host is updated on the host.
fn newer_image(host: &HostDiff) -> Option<String> {
    let newer = host.ec2.as_ref()?.newer_image.as_ref()?;
    let instance = host.target()?;
    Some(format!("{newer} is newer than the image of {instance}, which stays: only a new instance would have it"))
}

fn database_notes(inventory: &Inventory, diff: &Diff) -> Vec<String> {
    let unseen = match &inventory.database {
        DatabaseView::Unseen(gap) => Some(format!("the database could not be observed: {}", gap.0)),
        DatabaseView::Absent | DatabaseView::Seen(_) => None,
    };
    let left = match &diff.database {
        DatabaseDiff::Left { name, why } => Some(format!("the database {name} is left as it is: {why}")),
        DatabaseDiff::Compared(changes) if !changes.by_hand.is_empty() => {
            let set: Vec<_> = changes.by_hand.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            Some(format!(
                "parameters of the database {} that others have set are left: {}",
                changes.name,
                set.join(", ")
            ))
        }
        DatabaseDiff::None | DatabaseDiff::Compared(_) => None,
    };
    unseen.into_iter().chain(left).collect()
}
