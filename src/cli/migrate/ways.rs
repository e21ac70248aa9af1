//! The ways between the bundle's host and the new database's server: the clients' to that, and its way to the old one, a port of
//! the bundle's host. Where a firewall is for private addresses too, as EC2's, it is opened before the migration needs it.

use crate::cli::args::Global;
use crate::cli::common::{OnHost, cloud, load};
use crate::cli::up::{Run, holder};
use crate::error::{CommandError, Exit};
use crate::executor::Policy;
use crate::graph::NodeId;
use crate::journal::Lock;
use crate::plan::NodeName;
use crate::stack;
use crate::steps;

/// The rules of one host, and nothing else of the plan.
pub async fn open(global: &Global, at: &OnHost, host: &NodeName) -> Result<(), CommandError> {
    let mut stack = load(global, &at.stack.path)?;
    let cloud = cloud(&mut stack).await?;
    let _lock = Lock::take(stack.local.dir(), &holder("migrate"))?;
    let situation = stack::assess(&stack, cloud.as_ref()).await?;
    let ports = NodeId::host(host).child("ports");
    let steps = steps::of_node(&situation.steps, &ports);
    if !steps.iter().all(|step| step.node == ports) {
        return Err(CommandError::failed(format!(
            "the firewall of {} cannot be opened as long as the host itself is to change",
            host
        ))
        .hint(format!("infra up {}, then infra migrate resume", stack.path.display())));
    }
    let inventory = &situation.inventory;
    let run = Run { global, stack: &stack, cloud, inventory, policy: Policy::default(), verb: "migrate" };
    match run.steps(&steps).await? {
        Exit::Done => Ok(()),
        exit => Err(CommandError::new(exit, format!("the firewall of {} is not open for the new database", host))
            .hint("infra migrate resume goes on")),
    }
}
