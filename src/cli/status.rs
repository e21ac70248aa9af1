//! `infra status`

use super::args::{Global, StatusArgs};
use super::common::{cloud, load, plan_path};
use super::out;
use crate::error::{CommandError, Exit};
use crate::stack;
use crate::ui::{StatusView, status_text};

pub async fn run(global: &Global, args: StatusArgs) -> Result<Exit, CommandError> {
    let mut stack = load(global, &plan_path(global, args.plan)?)?;
    let cloud = cloud(&mut stack).await?;
    let survey = stack::survey(&stack, cloud.as_ref()).await?;
    let bursts = stack::bursts(&survey, cloud.as_ref()).await;
    let view = StatusView::of(&survey.graph, &survey.inventory, &bursts);
    if global.json {
        out::line(serde_json::to_string_pretty(&view).expect("a view is plain data"));
    } else {
        out::text(status_text(&view));
    }
    Ok(Exit::Done)
}
