//! Looking at the migration under way, from any terminal.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{current, provider};
use crate::agent::Report;
use crate::cli::args::Global;
use crate::cli::common::OnHost;
use crate::cli::out;
use crate::error::{CommandError, Exit};
use crate::migrate::saga::{Cutover, Direction, Next, Stage};
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
            Ok(Some(report)) => report,
            Ok(None) => return Ok(nothing(global, at)),
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

/// None: no migration was ever begun there.
pub async fn look(at: &OnHost) -> Result<Option<Report>, CommandError> {
    let connected = at.session().await?;
    let text = connected.session.migration(&at.site, &current(at)).await?;
    text.map(|text| serde_json::from_str(&text)).transpose().map_err(CommandError::failed)
}

fn nothing(global: &Global, at: &OnHost) -> Exit {
    if global.json {
        out::line(serde_json::Value::Null);
    } else {
        out::line(format_args!("no migration was begun on host {}", at.host));
    }
    Exit::Done
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
        Next::AwaitCutover => say(&waiting(report.cutover)),
        Next::Run(_) | Next::Undo(_) if once => {}
        Next::Run(_) | Next::Undo(_) => return None,
    }
    Some(Ok(Exit::Done))
}

/// A time is told on the clock of whoever looks.
fn waiting(cutover: Cutover) -> String {
    match cutover {
        Cutover::At(moment) => {
            let local = moment.to_zoned(jiff::tz::TimeZone::system());
            format!(
                "ready: the clients switch at {}; infra migrate cutover switches them now",
                local.strftime("%Y-%m-%d %H:%M %Z")
            )
        }
        Cutover::Auto | Cutover::Manual => "ready: infra migrate cutover switches the clients".to_owned(),
    }
}
