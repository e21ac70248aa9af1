//! `infra plan`

use super::args::{Global, PlanArgs};
use super::common::{cloud, load_whole, plan_path};
use super::out;
use crate::error::{CommandError, Exit};
use crate::stack::{self, Saved, Situation, Stack};
use crate::steps::Question;
use crate::ui::{PlanView, plan_text};

pub async fn run(global: &Global, args: PlanArgs) -> Result<Exit, CommandError> {
    let mut stack = load_whole(global, &plan_path(global, args.plan)?)?;
    let cloud = cloud(&mut stack).await?;
    let situation = stack::assess(&stack, cloud.as_ref()).await?;
    let view = view(&stack, &situation);
    if global.json {
        out::line(serde_json::to_string_pretty(&view).expect("a view is plain data"));
    } else {
        out::text(plan_text(&view));
    }
    if let Some(file) = &args.out {
        let saved = serde_json::to_vec_pretty(&Saved::of(&stack, &situation)).expect("a saved plan is plain data");
        stack.local.write(file, &saved)?;
        eprintln!("saved: infra up {}", file.display());
    }
    Ok(if args.exit_code && !view.nothing_to_do { Exit::ChangesPending } else { Exit::Done })
}

pub fn view(stack: &Stack, situation: &Situation) -> PlanView {
    PlanView {
        plan: stack.plan.name.to_string(),
        region: stack.plan.region.as_ref().map(ToString::to_string),
        nothing_to_do: situation.diff.is_empty(),
        changes: situation.diff.changes(),
        steps: situation.steps.iter().map(Into::into).collect(),
        cost: situation.cost.clone(),
        left_over: situation.diff.left_over.clone(),
        questions: situation.questions.iter().map(Question::sentence).collect(),
        notes: situation.notes.clone(),
        warnings: super::common::json(stack.unbuilt.iter().chain(&stack.warnings)),
    }
}
