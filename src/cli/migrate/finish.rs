//! `infra migrate finish`: the way back is given up, and the old data are kept for a time; said again afterwards, they are
//! kept for another, or go.

use std::path::PathBuf;

use clap::Args;

use super::attach::{Attached, attach, look};
use super::{agreed, current, loss_agreed, none, provider, say};
use crate::agent::{self, Report};
use crate::cli::args::Global;
use crate::cli::common::{OnHost, on_host};
use crate::cli::{ask, out};
use crate::error::{CommandError, Exit};
use crate::plan::{Migrate, Span};

#[derive(Debug, Args)]
pub struct FinishArgs {
    plan: Option<PathBuf>,
    /// How long the old data stay, read-only; after the end, counted from now [default: the plan's, or 14d]
    #[arg(long, value_name = "TIME")]
    keep: Option<Span>,
    /// After the end, and once their time is over: remove the old data
    #[arg(long)]
    include_data: bool,
    /// Finish although the old server does not answer: nothing leads back any more, and what is there stays; the plan's name
    /// is typed
    #[arg(long)]
    give_up_way_back: bool,
    /// The plan's name: removes them, or gives the way back up, without asking
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

pub async fn finish(global: &Global, args: FinishArgs) -> Result<Exit, CommandError> {
    let at = on_host(global, args.plan.clone(), None, "migrate").await?;
    let report = look(&at).await?.ok_or_else(|| none(&at))?;
    if report.is_finished() && (args.keep.is_some() || args.include_data) {
        return afterwards(global, &at, &args).await;
    }
    if args.include_data {
        return Err(CommandError::usage("the old data are the way back until the migration is finished")
            .hint("infra migrate finish ends it; they are kept for a while even then"));
    }
    let word = agent::UserCommand::Finish;
    let consent = agent::Consent { loss: args.give_up_way_back, ..agent::Consent::default() };
    if !agreed(global, word, consent, &report)? || consent.loss && !loss_agreed(&at, word, args.confirm.as_deref())? {
        return Ok(Exit::Failed);
    }
    provider::secure(global, &at, &report).await?;
    let keep = args.keep.or(at.stack.plan.migrate.keep).unwrap_or(Migrate::KEEP);
    keep_for(&at, keep).await?;
    say(&at, word, consent, &[]).await?;
    attach(global, &at, Attached::Serves).await
}

/// The migration is finished.
async fn afterwards(global: &Global, at: &OnHost, args: &FinishArgs) -> Result<Exit, CommandError> {
    let name = at.stack.plan.name.as_str();
    if args.include_data && !ask::destroy("The old data are removed by this.", name, args.confirm.as_deref())? {
        return Ok(Exit::Failed);
    }
    if let Some(keep) = args.keep {
        keep_for(at, keep).await?;
    }
    if args.include_data {
        let connected = at.session().await?;
        connected.session.install_agent().await?;
        connected.session.agent(&["remove-old", &current(at)], &[]).await?;
    }
    told(global, look(at).await?.ok_or_else(|| none(at))?);
    Ok(Exit::Done)
}

fn told(global: &Global, report: Report) {
    match (global.json, report.kept) {
        (true, _) => out::line(serde_json::json!(report)),
        (false, Some(kept)) => out::line(format_args!("the old data: {}", kept.told(jiff::Timestamp::now()))),
        (false, None) => {}
    }
}

async fn keep_for(at: &OnHost, keep: Span) -> Result<(), CommandError> {
    let connected = at.session().await?;
    connected.session.install_agent().await?;
    connected.session.agent(&["keep", &current(at), &keep.as_secs().to_string()], &[]).await.map(drop)?;
    Ok(())
}
