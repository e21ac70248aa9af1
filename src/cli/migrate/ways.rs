//! The ways between the bundle's host and the new database's server: the clients' to that, and its way to the old one, a port of
//! the bundle's host. Where a firewall is for private addresses too, as EC2's, it is opened before the migration needs it.

use crate::cli::args::Global;
use crate::cli::common::{OnHost, cloud, load};
use crate::cli::up::{Run, holder};
use crate::error::{CommandError, Exit};
use crate::graph::{NodeId, POSTGRES, RELAY, is_way};
use crate::inventory::{CloudKind, OpenPort};
use crate::journal::Lock;
use crate::plan::NodeName;
use crate::stack;
use crate::steps::{self, Action, CloudAction, Step, StepId};

/// The rules of one host as they are to be by now, and nothing else of the plan.
pub async fn settle(global: &Global, at: &OnHost, host: &NodeName) -> Result<(), CommandError> {
    let mut stack = load(global, &at.stack.path)?;
    let cloud = cloud(&mut stack).await?;
    let _lock = Lock::take(stack.local.dir(), &holder("migrate"))?;
    let situation = stack::assess(&stack, cloud.as_ref()).await?;
    let ports = NodeId::host(host).child("ports");
    let steps = ways_alone(steps::of_node(&situation.steps, &ports));
    if !steps.iter().all(|step| step.node == ports) {
        return Err(CommandError::failed(format!(
            "the firewall of {} cannot be opened as long as the host itself is to change",
            host
        ))
        .hint(format!("infra up {}, then infra migrate resume", stack.path.display())));
    }
    let inventory = &situation.inventory;
    let run = Run::of_migration(global, &stack, cloud, inventory);
    match run.steps(&steps).await? {
        Exit::Done => Ok(()),
        exit => Err(CommandError::new(exit, format!("the firewall of {} is not open for the new database", host))
            .hint("infra migrate resume goes on")),
    }
}

/// What else the plan closes by now is not closed in the midst of a migration, where nobody is asked about it.
fn ways_alone(mut steps: Vec<Step>) -> Vec<Step> {
    for step in &mut steps {
        if let Action::Cloud { action: CloudAction::ClosePorts { ports, .. }, .. } = &mut step.action {
            ports.retain(|open| is_way(open, POSTGRES) || is_way(open, RELAY));
        }
    }
    let closes_nothing = |step: &Step| matches!(&step.action, Action::Cloud { action: CloudAction::ClosePorts { ports, .. }, .. } if ports.is_empty());
    let idle: Vec<StepId> = steps.iter().filter(|step| closes_nothing(step)).map(|step| step.id.clone()).collect();
    steps.retain(|step| !idle.contains(&step.id));
    steps.iter_mut().for_each(|step| step.needs.retain(|need| !idle.contains(need)));
    steps
}

/// A managed database's server comes no more. AWS keeps its security group as long as a rule of another one names it.
pub async fn close(global: &Global, at: &OnHost) -> Result<(), CommandError> {
    let mut stack = load(global, &at.stack.path)?;
    let cloud = cloud(&mut stack).await?;
    let survey = stack::survey(&stack, cloud.as_ref()).await?;
    let (node, inventory) = (NodeId::host(&at.host).child("ports"), &survey.inventory);
    let firewall = inventory.ec2.firewalls.iter().find(|f| f.tags.is_node(&stack.plan.name, node.as_str()));
    let lets_a_group_in = |open: &&OpenPort| is_way(open, RELAY) && !open.aliases.is_empty();
    let Some((name, ports)) =
        firewall.map(|f| (f.name.clone(), f.ports.iter().filter(lets_a_group_in).cloned().collect::<Vec<_>>()))
    else {
        return Ok(());
    };
    if ports.is_empty() {
        return Ok(());
    }
    let _lock = Lock::take(stack.local.dir(), &holder("migrate"))?;
    let action = Action::Cloud { at: CloudKind::Ec2, action: CloudAction::ClosePorts { firewall: name, ports } };
    let step = Step { id: StepId(format!("{node}/close")), node, action, needs: vec![] };
    let run = Run::of_migration(global, &stack, cloud, inventory);
    match run.steps(&[step]).await? {
        Exit::Done => Ok(()),
        exit => Err(CommandError::new(exit, format!("the firewall of {} still lets the new database in", at.host))
            .hint("the same command again goes on")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::ResourceName;

    #[test]
    fn a_migration_closes_its_own_ways_and_nothing_else() {
        let open = |port: u16| -> OpenPort {
            let net = "10.0.0.7/32".parse().expect("it is a network");
            let range = crate::plan::PortRange::single(crate::plan::Port::new(port).expect("it is no zero"));
            OpenPort {
                range: range.into(),
                protocol: crate::plan::Protocol::Tcp.into(),
                from: [net].into(),
                aliases: [].into(),
            }
        };
        let step = |verb: &str, ports: &[u16], needs: &[&str]| {
            let ports = ports.iter().copied().map(open).collect();
            let action = CloudAction::ClosePorts { firewall: ResourceName::new("demo-web"), ports };
            let id = |verb: &str| StepId(format!("hosts.web.ports/{verb}"));
            let action = Action::Cloud { at: CloudKind::Ec2, action };
            Step {
                id: id(verb),
                node: NodeId::new("hosts.web.ports"),
                action,
                needs: needs.iter().map(|need| id(need)).collect(),
            }
        };
        let left = ways_alone(vec![
            step("close", &[443, RELAY], &[]),
            step("other", &[22], &[]),
            step("last", &[POSTGRES], &["other"]),
        ]);
        assert_eq!(left, [step("close", &[RELAY], &[]), step("last", &[POSTGRES], &[])]);
    }
}
