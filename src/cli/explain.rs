//! `infra explain`

use super::args::{ExplainArgs, Global};
use super::out;
use crate::error::{CommandError, Exit};
use crate::ui::{explain_text, metrics_text};
use crate::watch::explain::{UnknownMetric, entries, entry};

pub fn run(global: &Global, args: &ExplainArgs) -> Result<Exit, CommandError> {
    match &args.metric {
        None if global.json => json(&entries()),
        None => out::text(metrics_text(entries())),
        Some(name) if global.json => json(entry(name).map_err(unknown)?),
        Some(name) => out::text(explain_text(entry(name).map_err(unknown)?)),
    }
    Ok(Exit::Done)
}

fn json(data: &impl serde::Serialize) {
    out::line(serde_json::to_string_pretty(data).expect("an entry is plain data"));
}

fn unknown(error: UnknownMetric) -> CommandError {
    let nearest = error.nearest.map(|nearest| format!("did you mean `{nearest}`?"));
    let all: Vec<_> = entries().iter().map(|entry| entry.name).collect();
    CommandError::usage(error).hints(nearest).hint(format!("there are {}", all.join(", ")))
}
