//! `infra down`

use jiff::Timestamp;
use tokio::sync::mpsc::unbounded_channel;

use super::args::{DownArgs, Global};
use super::ask;
use super::common::{cloud, load, plan_path, refuse_during_migration, seen};
use super::out;
use super::provider::Provider;
use super::up::{Run, holder};
use crate::error::{CommandError, Exit, chain};
use crate::executor::Policy;
use crate::inventory::ResourceName;
use crate::journal::Lock;
use crate::plan::Engine;
use crate::stack::{self, ManagedDatabase, SituationError, Stack};
use crate::steps::{self, Consent, Scope, Services};
use crate::ui::removal_text;

pub async fn run(global: &Global, args: DownArgs) -> Result<Exit, CommandError> {
    let mut stack = load(global, &plan_path(global, args.plan.clone())?)?;
    let name = stack.plan.name.to_string();
    let scope = scope(&args)?;
    let _lock = Lock::take(stack.local.dir(), &holder("down"))?;
    let cloud = cloud(&mut stack).await?;
    let survey = stack::survey(&stack, cloud.as_ref()).await?;
    let services = if args.skip_services { Services::EndWithHost } else { Services::Stop };
    let mut removal = steps::remove(&survey.graph, &survey.inventory, scope, services);
    let database = database(&stack, scope, &mut removal.stays).await;
    let losses = if args.include_data { vec![] } else { steps::losses(&removal.steps, &survey.inventory) };
    let lost = losses.iter().map(|loss| loss.instance.clone()).collect();
    let consent = Consent { include_data: args.include_data, lost };
    let violations = steps::check(&removal.steps, &survey.inventory, &consent);
    if !violations.is_empty() {
        return Err(SituationError::Unsafe(violations).into());
    }
    if global.json {
        let steps: Vec<crate::ui::StepView> = removal.steps.iter().map(Into::into).collect();
        out::line(serde_json::json!({ "event": "plan", "plan": name, "steps": steps, "stays": removal.stays }));
    } else {
        out::text(removal_text(&name, &removal));
        if let Some(snapshot) = &database {
            out::line(format_args!("  - the database of infra migrate, after a final snapshot {snapshot}"));
        }
    }
    if removal.steps.is_empty() && database.is_none() {
        return Ok(Exit::Done);
    }
    // Whoever destroys the data wants no migration of them either.
    if scope == Scope::KeepData && !args.skip_services {
        refuse_during_migration(seen(&survey.inventory))?;
    }
    let mut willing = true;
    for loss in &losses {
        willing = willing && ask::lose(&loss.sentence(), loss, &args.lose)?;
    }
    if !willing || !agreed(global, &args, &name)? {
        eprintln!("nothing was removed");
        return Ok(Exit::Failed);
    }
    let run =
        Run { global, stack: &stack, cloud, inventory: &survey.inventory, policy: Policy::default(), verb: "down" };
    let exit = run.steps(&removal.steps).await?;
    if let (Exit::Done, Some(snapshot)) = (exit, database) {
        let provider = Provider::connect(global, &stack).await?;
        provider.database.remove(Some(snapshot)).await?;
        provider.end().await;
    }
    if exit == Exit::Done && scope != Scope::LeftOver {
        stack.local.forget_plan();
    }
    Ok(exit)
}

/// The name of the final snapshot of the database that `infra migrate` made, if it is to go; else what is said of it.
async fn database(stack: &Stack, scope: Scope, stays: &mut Vec<String>) -> Option<ResourceName> {
    Engine::ALL.into_iter().find_map(|engine| stack.plan.migrate.managed(engine))?;
    let managed = ManagedDatabase::connect(stack, unbounded_channel().0).await?;
    match (managed.observe().await, scope) {
        (Err(error), _) => stays.push(format!("a database of infra migrate, if there is one: {}", chain(&error))),
        (Ok(found), Scope::IncludeData) => {
            found.database?;
            return Some(stack::last_snapshot(&stack.plan.name, Timestamp::now()));
        }
        (Ok(found), _) => stays.push(format!("database {}, and what it costs", found.database?.name)),
    }
    None
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
