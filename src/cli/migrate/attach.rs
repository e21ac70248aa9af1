//! Looking at the migration under way, from any terminal.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{current, provider};
use crate::agent::Report;
use crate::cli::args::Global;
use crate::cli::common::OnHost;
use crate::cli::out;
use crate::error::{CommandError, Exit};
use crate::host::Session;
use crate::migrate::saga::{Direction, Next, Stage};
use crate::ui::stage_line;

const POLL: Duration = Duration::from_millis(700);
/// A connection that broke is made anew; the migration goes on meanwhile.
const RECONNECTS: u32 = 20;

/// Shows how the migration goes on, until it needs somebody or is over. Ctrl-C only stops looking.
pub async fn attach(global: &Global, at: &OnHost, once: bool) -> Result<Exit, CommandError> {
    let mut shown: BTreeMap<Stage, String> = BTreeMap::new();
    let mut failures = 0;
    loop {
        let report = match look(at).await {
            Ok(report) => report,
            Err(_) if failures < RECONNECTS => {
                failures += 1;
                tokio::time::sleep(POLL).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        failures = 0;
        if global.json {
            out::line(serde_json::json!(report));
        } else {
            for (stage, progress) in &report.status.stages {
                let line = stage_line(*stage, progress, report.progress.as_ref());
                if shown.get(stage) != Some(&line) {
                    eprintln!("{line}");
                    shown.insert(*stage, line);
                }
            }
        }
        if !once && let Some(work) = provider::needed(&report) {
            provider::perform(work, global, at, &report).await?;
            continue;
        }
        if let Some(exit) = ended(global, &report, once) {
            return exit;
        }
        tokio::time::sleep(POLL).await;
    }
}

pub async fn look(at: &OnHost) -> Result<Report, CommandError> {
    let connected = at.session().await?;
    let session: &Session = &connected.session;
    let text = session.agent(&["status", &current(at)], &[]).await?;
    serde_json::from_str(&text).map_err(CommandError::failed)
}

fn ended(global: &Global, report: &Report, once: bool) -> Option<Result<Exit, CommandError>> {
    let say = |text: &str| {
        if !global.json {
            out::line(text);
        }
    };
    if !report.running
        && let Some((stage, error)) = report.status.failure()
    {
        let next = if report.status.is_cut_over() { "rollback" } else { "abort" };
        return Some(Err(CommandError::failed(format!("{stage}: {error}"))
            .hint(format!("infra migrate resume goes on where it stopped; infra migrate {next} goes back"))));
    }
    match report.next {
        Next::Nothing if report.status.direction == Direction::Forward => say("the migration is finished"),
        Next::Nothing => say("everything is undone: the old database serves"),
        Next::AwaitFinish => {
            if let Some(pause) = report.pause {
                say(&format!("the new database serves; writers waited {} ms", pause.total_ms));
            }
            say("infra migrate finish gives up the way back; infra migrate rollback takes it, with every row");
        }
        Next::AwaitCutover => say("ready: infra migrate cutover switches the clients"),
        Next::Run(_) | Next::Undo(_) if once => {}
        Next::Run(_) | Next::Undo(_) => return None,
    }
    Some(Ok(Exit::Done))
}
