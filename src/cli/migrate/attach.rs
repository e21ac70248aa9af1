//! Looking at the migration under way, from any terminal.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{current, provider};
use crate::agent::Report;
use crate::cli::args::Global;
use crate::cli::common::OnHost;
use crate::cli::out;
use crate::cli::stop::signal;
use crate::error::{CommandError, Exit};
use crate::migrate::saga::{Direction, Next, Progress, Stage};
use crate::migrate::stages::WayBack;
use crate::ui::{migration_text, stage_line, waiting_text, words};

const POLL: Duration = Duration::from_millis(700);
/// A connection that broke is made anew; the migration goes on meanwhile.
const RECONNECTS: u32 = 20;

/// What a terminal does while it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    /// Shows one screen and ends.
    Glances,
    /// Shows what goes on until somebody is needed or all is over.
    Follows,
    /// Also does what is the operator's side's to do.
    Serves,
}

/// Ctrl-C only stops looking.
pub async fn attach(global: &Global, at: &OnHost, how: Attached) -> Result<Exit, CommandError> {
    tokio::select! {
        ended = watch(global, at, how) => ended,
        () = signal() => Err(CommandError::new(
            Exit::Interrupted,
            format!("stopped looking; the migration goes on, on host {}", at.host),
        )
        .hint("infra migrate resume looks again, and does what only your side can; infra migrate status shows one screen")),
    }
}

async fn watch(global: &Global, at: &OnHost, how: Attached) -> Result<Exit, CommandError> {
    let once = how == Attached::Glances;
    let mut shown: BTreeMap<Stage, String> = BTreeMap::new();
    let mut failures = 0;
    loop {
        let report = match looked(at, once).await {
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
        } else if once {
            out::text(migration_text(&report));
        } else {
            for (stage, progress) in &report.status.stages {
                let line = followed(&report, *stage, progress);
                if shown.get(stage) != Some(&line) {
                    eprintln!("{line}");
                    shown.insert(*stage, line);
                }
            }
        }
        if how == Attached::Serves
            && let Some(work) = report.owed()
        {
            provider::perform(work, global, at, &report).await?;
            continue;
        }
        if let Some(exit) = ended(global, &report, once) {
            return exit;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// A failure in full is what the command ends with; until then its first line is enough.
fn followed(report: &Report, stage: Stage, progress: &Progress) -> String {
    let line = stage_line(stage, progress, report.progress.as_ref());
    match progress {
        Progress::Failed { .. } if report.status.direction == Direction::Forward => {
            line.lines().next().unwrap_or_default().to_owned()
        }
        _ => line,
    }
}

/// None: no migration was ever begun there.
pub async fn look(at: &OnHost) -> Result<Option<Report>, CommandError> {
    looked(at, false).await
}

/// `source`: with how the old server fares.
async fn looked(at: &OnHost, source: bool) -> Result<Option<Report>, CommandError> {
    let connected = at.session().await?;
    let text = connected.session.migration(&at.site, &current(at), source).await?;
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

/// What there is to say last, and how it ends. None: there is more to come.
fn ended(global: &Global, report: &Report, once: bool) -> Option<Result<Exit, CommandError>> {
    if !report.running
        && let Some((what, error)) = report.status.failure()
    {
        return Some(Err(stopped(report, what, error)));
    }
    if report.next.is_switch() || matches!(report.next, Next::Run(_) | Next::Undo(_)) {
        return once.then_some(Ok(Exit::Done));
    }
    if let (Next::AwaitFinish, Some(why)) = (report.next, &report.status.refused) {
        return Some(Err(stopped(report, "rollback", why)));
    }
    // The screen of `status` has it.
    if !global.json && !once {
        last_words(report).iter().for_each(out::line);
    }
    Some(Ok(Exit::Done))
}

/// A failure; or a question, where somebody's consent is all that is missing.
fn stopped(report: &Report, what: &str, error: &str) -> CommandError {
    let hints = words(report).into_iter().map(|(word, what)| format!("infra migrate {word}: {what}"));
    if report.open.is_empty() {
        return CommandError::failed(format!("{what}: {error}")).hints(hints);
    }
    let codes = report.open.join(", ");
    CommandError::question(format!("stopped at a question: do you accept {codes}? {what}: {error}"))
        .hint(format!("infra migrate resume --accept {} agrees and goes on", report.open.join(",")))
        .hints(hints)
}

fn last_words(report: &Report) -> Vec<String> {
    match report.next {
        Next::Nothing if report.status.direction == Direction::Forward => vec!["the migration is finished".to_owned()],
        Next::Nothing => {
            let without = if report.status.given_up.any() { ", without what you agreed to leave" } else { "" };
            vec![format!("everything is undone: the old database serves{without}")]
        }
        Next::AwaitCutover => vec![waiting_text(report.cutover)],
        Next::AwaitFinish => {
            let pause = report.pause.map(|pause| format!("the new database serves; writers waited {}", pause.told()));
            let words = match report.way_back.as_ref().and_then(WayBack::gone) {
                Some(gone) => format!("{gone}; infra migrate status says more"),
                None if report.comes_home => "infra migrate finish gives up the way back; infra migrate rollback --offline takes it, with every row, and the clients wait for that".to_owned(),
                None => "infra migrate finish gives up the way back; infra migrate rollback takes it, with every row"
                    .to_owned(),
            };
            pause.into_iter().chain([words]).collect()
        }
        Next::Run(_) | Next::Undo(_) | Next::Switch { .. } | Next::TakeBack { .. } => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::saga::Event;
    use crate::ui::reports::report;

    fn end(report: &Report) -> (Exit, String) {
        let global = Global { json: false, yes: true, verbose: 0, dir: None };
        match ended(&global, report, false).expect("it does not go on by itself") {
            Ok(exit) => (exit, String::new()),
            Err(error) => (error.exit, error.text()),
        }
    }

    #[test]
    fn what_only_lacks_consent_is_a_question_and_the_rest_a_failure() {
        let stage = Stage::Preflight;
        let events = [Event::Started { stage }, Event::Failed { stage, error: "this is in the way".into() }];
        let failed = report(&events, Next::Run(stage), false);
        let long = Progress::Failed { error: "this is in the way:\n  and what".into() };
        assert_eq!(followed(&failed, stage, &long).lines().count(), 1, "the rest follows at the end");
        let (exit, text) = end(&failed);
        assert!(exit == Exit::Failed && text.contains("hint: infra migrate resume"), "{text}");
        let lacking = Report { open: vec!["unlogged".into(), "no-tls".into()], ..failed };
        let (exit, text) = end(&lacking);
        assert_eq!(exit, Exit::Question);
        assert!(text.contains("do you accept unlogged, no-tls? preflight: this is in the way"), "{text}");
        assert!(text.contains("infra migrate resume --accept unlogged,no-tls agrees"), "{text}");
    }

    #[test]
    fn what_waits_for_a_word_has_ended_well() {
        for next in [Next::AwaitCutover, Next::AwaitFinish, Next::Nothing] {
            assert_eq!(end(&report(&[], next, true)).0, Exit::Done);
        }
    }
}
