//! Before a migration begins: what it would meet is looked at, told, and asked about.

use std::path::PathBuf;

use crate::agent::Begin;
use crate::cli::args::Global;
use crate::cli::common::OnHost;
use crate::cli::{ask, out};
use crate::cost::{self, MigrationCost};
use crate::error::CommandError;
use crate::migrate::assessment::Assessment;
use crate::migrate::estimate::{basis, estimate};
use crate::migrate::job::Job;
use crate::migrate::preflight::Severity;
use crate::migrate::saga::{Mode, Stage};
use crate::plan::ManagedSize;
use crate::postgres::Endpoint;
use crate::stack::Local;
use crate::ui::{GuideView, StageView, findings_text, guide_text, is_long, warning_text};

/// In `.infra/<plan>`: all findings of the last guide that did not show them all.
const FILE: &str = "findings.txt";

/// Looks at both ends from the host; changes nothing but the program there. `command` is what was typed.
pub async fn guide(at: &OnHost, begin: &Begin, command: String) -> Result<GuideView, CommandError> {
    let connected = at.session().await?;
    connected.session.install_agent().await?;
    let request = serde_json::to_vec(begin).map_err(CommandError::failed)?;
    let text = connected.session.agent(&["look"], &request).await?;
    let look: Assessment = serde_json::from_str(&text).map_err(CommandError::failed)?;
    Ok(view(at, &begin.job, begin.target.as_ref(), command, look))
}

fn view(at: &OnHost, job: &Job, target: Option<&Endpoint>, command: String, look: Assessment) -> GuideView {
    let size = job.to.engine().and_then(|engine| at.stack.plan.migrate.managed(engine));
    let of = |mode| estimate(&look, mode, &job.to);
    let (online, offline) = (of(Mode::Online), of(Mode::Offline));
    let chosen = if job.mode == Mode::Online { &online } else { &offline };
    let codes = |severity: Severity| {
        let mut codes: Vec<_> = look
            .findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .map(|found| found.code.clone())
            .collect();
        codes.dedup();
        codes
    };
    GuideView {
        database: job.source.database.clone(),
        service: job.source.service.clone(),
        host: job.host.to_string(),
        to: destination(job, size.as_ref(), target),
        mode: job.mode,
        cutover: job.cutover,
        stages: Stage::of(job.mode).map(|stage| StageView::of(stage, job.mode, chosen)).collect(),
        basis: basis(&look),
        command,
        cost: cost(at, job, size.as_ref(), look.volume.data_bytes + look.volume.index_bytes),
        open: codes(Severity::Warning).into_iter().filter(|code| !job.accepted.contains(code)).collect(),
        blockers: codes(Severity::Blocker),
        accepted: job.accepted.clone(),
        online,
        offline,
        look,
    }
}

fn destination(job: &Job, size: Option<&ManagedSize>, target: Option<&Endpoint>) -> String {
    let made = size.map(|size| format!("{}: {size}", size.engine()));
    let host = job.to.host().map(|host| format!("service {} on host {host}", job.source.service));
    target.map(Endpoint::url).or(made).or(host).unwrap_or_default()
}

fn cost(at: &OnHost, job: &Job, size: Option<&ManagedSize>, bytes: u64) -> MigrationCost {
    let hosts = &at.stack.plan.hosts;
    let unknown = MigrationCost { host: None, database: None, after: None, most: None };
    let region = at.stack.plan.region.as_ref();
    let Some(host) = hosts.get(&at.host) else { return unknown };
    match job.to.host().and_then(|name| hosts.get(name)) {
        Some(other) => cost::migration_to_host(host, other, region, &at.inventory),
        None => cost::migration(host, size, bytes, region, &at.inventory),
    }
}

/// To be read on stdout where it is all that was asked for, and beside the rest otherwise.
pub fn show(global: &Global, at: &OnHost, view: &GuideView, plan_only: bool) {
    if global.json {
        let mut document = serde_json::json!(view);
        if !plan_only {
            document["event"] = "plan".into();
        }
        return out::line(document);
    }
    let file = if is_long(view) { written(&at.stack.local, view) } else { None };
    let text = guide_text(view, file.as_deref(), plan_only);
    if plan_only { out::text(text) } else { eprintln!("{text}") }
}

/// Everything that was found, in the plan's own folder. Where it cannot be written, the terminal is its place.
fn written(local: &Local, view: &GuideView) -> Option<PathBuf> {
    let path = local.dir().join(FILE);
    local.write(&path, findings_text(view).as_bytes()).ok().map(|()| path)
}

/// Asks for each warning and loss by name, then whether to begin. What was agreed to comes to `accepted`.
pub fn agreed(global: &Global, view: &GuideView, accepted: &mut Vec<String>) -> Result<bool, CommandError> {
    if !view.blockers.is_empty() {
        let text = format!("{} in the way: {}", is_are(view.blockers.len()), view.blockers.join(", "));
        return Err(CommandError::failed(text).hint("the guide above says of each what to do about it"));
    }
    let answer = format!("--accept {} agrees, or accept = [..] in the plan's [migrate]", view.open.join(","));
    if !view.open.is_empty() && !ask::is_somebody_there() {
        let text = format!("stopped at a question: do you accept {}?", view.open.join(", "));
        return Err(CommandError::question(text).hint("the guide above says what each means").hint(answer));
    }
    for code in &view.open {
        let question = format!("{}\nAccept {code}?", warning_text(code, &view.look.findings));
        if !ask::confirm_in_person(&question, &answer)? {
            return Ok(false);
        }
        accepted.push(code.clone());
    }
    ask::confirm(global, "Begin?", "--yes goes on without asking")
}

fn is_are(count: usize) -> String {
    if count == 1 { "1 finding is".to_owned() } else { format!("{count} kinds of findings are") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Exit;
    use crate::ui::guides::view;

    fn global(yes: bool) -> Global {
        Global { json: false, yes, verbose: 0, dir: None }
    }

    #[test]
    fn all_findings_are_in_a_file_of_the_plan_for_nobody_else() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let local = Local::open(folder.path(), &"demo".to_owned().try_into().unwrap()).unwrap();
        let path = written(&local, &view(Mode::Online)).unwrap();
        assert_eq!(path, folder.path().join(".infra/demo/findings.txt"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), findings_text(&view(Mode::Online)));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    /// Tests have no terminal.
    fn refused(view: &GuideView, yes: bool) -> (Exit, String) {
        let error = agreed(&global(yes), view, &mut vec![]).expect_err("nobody is there to answer");
        (error.exit, error.text())
    }

    #[test]
    fn blockers_end_it() {
        let (exit, text) = refused(&view(Mode::Online), true);
        assert_eq!(exit, Exit::Failed);
        assert!(text.contains("1 finding is in the way: prepared-transaction"), "{text}");
        assert!(text.contains("hint: the guide above says"), "{text}");
    }

    #[test]
    fn warnings_are_a_question_that_yes_does_not_answer() {
        let open = GuideView { blockers: vec![], ..view(Mode::Online) };
        for yes in [false, true] {
            let (exit, text) = refused(&open, yes);
            assert_eq!(exit, Exit::Question);
            assert!(text.contains("stopped at a question: do you accept extension-missing, unlogged?"), "{text}");
            assert!(text.contains("hint: --accept extension-missing,unlogged agrees"), "{text}");
        }
    }

    #[test]
    fn where_all_is_accepted_the_beginning_is_the_question() {
        let settled = GuideView { blockers: vec![], open: vec![], ..view(Mode::Online) };
        let (exit, text) = refused(&settled, false);
        assert_eq!(exit, Exit::Question);
        assert!(text.contains("Begin?") && text.contains("--yes goes on without asking"), "{text}");
        assert!(agreed(&global(true), &settled, &mut vec![]).is_ok_and(|agreed| agreed));
    }
}
