//! `infra down`

use super::args::{DownArgs, Global};
use super::ask;
use super::common::{cloud, load, plan_path};
use super::out;
use super::up::{Run, holder};
use crate::error::{CommandError, Exit};
use crate::executor::Policy;
use crate::journal::Lock;
use crate::stack::{self, SituationError};
use crate::steps::{self, Scope, Services};
use crate::ui::removal_text;

pub async fn run(global: &Global, args: DownArgs) -> Result<Exit, CommandError> {
    let stack = load(global, &plan_path(global, args.plan.clone())?)?;
    let name = stack.plan.name.to_string();
    let scope = scope(&args)?;
    let _lock = Lock::take(stack.local.dir(), &holder("down"))?;
    let cloud = cloud(&stack).await;
    let survey = stack::survey(&stack, cloud.as_ref()).await?;
    let services = if args.skip_services { Services::EndWithHost } else { Services::Stop };
    let removal = steps::remove(&survey.graph, &survey.inventory, scope, services);
    let violations = steps::check(&removal.steps, &survey.inventory, args.include_data);
    if !violations.is_empty() {
        return Err(SituationError::Unsafe(violations).into());
    }
    if global.json {
        let steps: Vec<crate::ui::StepView> = removal.steps.iter().map(Into::into).collect();
        out::line(serde_json::json!({ "event": "plan", "plan": name, "steps": steps, "stays": removal.stays }));
    } else {
        out::text(removal_text(&name, &removal));
    }
    if removal.steps.is_empty() {
        return Ok(Exit::Done);
    }
    if !agreed(global, &args, &name)? {
        eprintln!("nothing was removed");
        return Ok(Exit::Failed);
    }
    let run =
        Run { global, stack: &stack, cloud, inventory: &survey.inventory, policy: Policy::default(), verb: "down" };
    let exit = run.steps(&removal.steps).await?;
    if exit == Exit::Done && scope != Scope::LeftOver {
        stack.local.forget_plan();
    }
    Ok(exit)
}

fn scope(args: &DownArgs) -> Result<Scope, CommandError> {
    match (args.left_over, args.include_data) {
        (true, true) => Ok(Scope::LeftOver),
        (true, false) => Err(CommandError::usage("--left-over removes hosts, disks and snapshots")
            .hint("say so: infra down --left-over --include-data")),
        (false, true) => Ok(Scope::IncludeData),
        (false, false) => Ok(Scope::KeepData),
    }
}

fn agreed(global: &Global, args: &DownArgs, name: &str) -> Result<bool, CommandError> {
    if !args.include_data {
        return ask::confirm(global, "Remove this?", "--yes goes on without asking");
    }
    ask::destroy("Data is destroyed by this.", name, args.confirm.as_deref())
}
