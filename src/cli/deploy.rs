//! `infra deploy`: a new release, on hosts that are as planned already.

use super::args::{DeployArgs, Global};
use super::common::{cloud, load, plan_path, refuse_during_migration, seen};
use super::up::{Run, holder};
use crate::diff::InstanceDiff;
use crate::error::{CommandError, Exit};
use crate::executor::Policy;
use crate::journal::Lock;
use crate::stack;
use crate::steps;

pub async fn run(global: &Global, args: DeployArgs) -> Result<Exit, CommandError> {
    let mut stack = load(global, &plan_path(global, args.plan)?)?;
    if stack.release.is_none() {
        return Err(CommandError::usage("the plan has no bundle to deploy"));
    }
    let _lock = Lock::take(stack.local.dir(), &holder("deploy"))?;
    let cloud = cloud(&mut stack).await?;
    let Some(release) = &stack.release else {
        return Err(CommandError::usage("the plan has no bundle to deploy"));
    };
    let situation = stack::assess(&stack, cloud.as_ref()).await?;
    let host = situation.diff.hosts.iter().find(|h| h.host == release.host);
    let there = host.is_some_and(|h| {
        matches!(h.instance, InstanceDiff::Existing | InstanceDiff::Keep { start: false, .. })
            && h.disks.iter().all(crate::diff::DiskDiff::is_kept)
    });
    if !there {
        return Err(CommandError::failed(format!("host {} is not as planned", release.host))
            .hint(format!("infra up {}", stack.path.display())));
    }
    refuse_during_migration(seen(&situation.inventory))?;
    let steps = steps::deploy(&situation.graph, &situation.diff);
    let run = Run {
        global,
        stack: &stack,
        cloud,
        inventory: &situation.inventory,
        policy: Policy::default(),
        verb: "deploy",
    };
    run.steps(&steps).await
}
