//! The new database's server comes to the old one by a port of the bundle's host: where that one's firewall is for its private
//! address too, as EC2's, it is opened before the migration needs it.

use crate::cli::args::Global;
use crate::cli::common::{OnHost, cloud, load};
use crate::cli::up::{Run, holder};
use crate::error::{CommandError, Exit};
use crate::executor::Policy;
use crate::graph::NodeId;
use crate::journal::Lock;
use crate::stack;
use crate::steps;

/// The rules of the bundle's host, and nothing else of the plan.
pub async fn open(global: &Global, at: &OnHost) -> Result<(), CommandError> {
    let mut stack = load(global, &at.stack.path)?;
    let cloud = cloud(&mut stack).await?;
    let _lock = Lock::take(stack.local.dir(), &holder("migrate"))?;
    let situation = stack::assess(&stack, cloud.as_ref()).await?;
    let ports = NodeId::host(&at.host).child("ports");
    let steps = steps::of_node(&situation.steps, &ports);
    if !steps.iter().all(|step| step.node == ports) {
        return Err(CommandError::failed(format!(
            "the firewall of {} cannot be opened as long as the host itself is to change",
            at.host
        ))
        .hint(format!("infra up {}, then infra migrate resume", stack.path.display())));
    }
    let inventory = &situation.inventory;
    let run = Run { global, stack: &stack, cloud, inventory, policy: Policy::default(), verb: "migrate" };
    match run.steps(&steps).await? {
        Exit::Done => Ok(()),
        exit => Err(CommandError::new(exit, format!("the firewall of {} is not open for the new database", at.host))
            .hint("infra migrate resume goes on")),
    }
}
