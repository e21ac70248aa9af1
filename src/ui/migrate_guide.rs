//! What a migration is going to do, before it does anything: what is in the way or needs consent, how long it takes, what
//! users notice, how each stage is undone, what it costs; and what to type next.

use std::fmt::{Display, Write as _};
use std::path::Path;

use serde::Serialize;

use super::measures::{bytes, count, duration};
use crate::cost::{MigrationCost, Monthly};
use crate::migrate::assessment::Assessment;
use crate::migrate::estimate::Estimate;
use crate::migrate::preflight::{Finding, Sections};
use crate::migrate::prose::{FEW, few, wrapped};
use crate::migrate::saga::{Cutover, Mode, Stage};

/// The JSON document of `infra migrate --plan-only --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GuideView {
    pub database: String,
    pub service: String,
    pub host: String,
    pub to: String,
    pub mode: Mode,
    pub cutover: Cutover,
    pub stages: Vec<StageView>,
    pub online: Estimate,
    pub offline: Estimate,
    /// What the estimates rest on.
    pub basis: String,
    pub cost: MigrationCost,
    pub look: Assessment,
    /// What was typed, without what it agrees to and `--plan-only`.
    pub command: String,
    /// Codes that are agreed to.
    pub accepted: Vec<String>,
    /// Codes of warnings and losses that are not, and have to be before it begins.
    pub open: Vec<String>,
    /// Codes of what has to be removed before it begins.
    pub blockers: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageView {
    pub stage: Stage,
    pub what: &'static str,
    /// What users notice.
    pub users: &'static str,
    pub undo: &'static str,
    /// As estimated; None where it waits for somebody.
    pub seconds: Option<u64>,
}

impl StageView {
    pub fn of(stage: Stage, mode: Mode, estimate: &Estimate) -> Self {
        let (what, users, undo) = explained(stage, mode);
        Self { stage, what, users, undo, seconds: estimate.stages.get(&stage).copied() }
    }
}

/// What is said once for all stages where nothing else is.
const NOTHING: &str = "nothing";
const LOAD: &str = "a little more load";
const WAIT: &str = "they wait since prepare";
const NO_UNDO: &str = "nothing to undo";
const ABORT: &str = "abort";

/// What happens, what users notice, how it is undone.
fn explained(stage: Stage, mode: Mode) -> (&'static str, &'static str, &'static str) {
    let meanwhile = if mode == Mode::Online { LOAD } else { WAIT };
    match stage {
        Stage::Preflight => ("looks at both databases, reading only", NOTHING, NO_UNDO),
        Stage::Backup => ("dumps the database to the host's own disk and reads it back", LOAD, "the copy stays"),
        Stage::Provision => {
            ("makes the new database if infra is to make it", NOTHING, "abort; --include-data removes it")
        }
        Stage::Prepare if mode == Mode::Offline => ("pauses the clients", "THE SERVICE WAITS from here on", ABORT),
        Stage::Prepare => ("makes a role, a publication and helper tables", NOTHING, ABORT),
        Stage::Schema => ("makes roles, types and tables at the new database", meanwhile, ABORT),
        Stage::Copy => ("copies all rows as of one moment", meanwhile, ABORT),
        Stage::Index => ("builds indexes and constraints at the new database", meanwhile, ABORT),
        Stage::Follow => ("brings what was written meanwhile", NOTHING, ABORT),
        Stage::Verify if mode == Mode::Online => {
            ("compares every row and object", "writes wait for tenths of a second", NO_UNDO)
        }
        Stage::Verify => ("compares every row and object", WAIT, NO_UNDO),
        Stage::Cutover if mode == Mode::Online => (
            "pauses the clients and starts them with the new database",
            "THE SERVICE WAITS for seconds",
            "itself if it fails; then rollback",
        ),
        Stage::Cutover => ("starts the clients with the new database", "the end of their wait", "itself if it fails"),
        Stage::Guard if mode == Mode::Online => {
            ("keeps the old database up to date, until you decide", NOTHING, "rollback goes back with every row")
        }
        Stage::Guard => ("the new database serves, until you decide", NOTHING, "rollback"),
        Stage::Finish => ("gives up the way back and cleans up; the old data stay", NOTHING, "NOTHING"),
    }
}

/// With the first objects of each kind of finding where `file` has them all, and with all of them otherwise. Says nothing
/// of what comes next unless that is all that was asked for.
pub fn guide_text(view: &GuideView, file: Option<&Path>, plan_only: bool) -> String {
    let mut text = String::new();
    head(&mut text, view);
    found(&mut text, view, file);
    durations(&mut text, view);
    cost(&mut text, view);
    stages(&mut text, view);
    if plan_only {
        next(&mut text, view);
    }
    text
}

/// Everything that was found, whole: what the file of the guide holds.
pub fn findings_text(view: &GuideView) -> String {
    sections(view).told(usize::MAX)
}

/// There is more than the guide shows.
pub fn is_long(view: &GuideView) -> bool {
    sections(view).is_shortened(FEW)
}

fn sections(view: &GuideView) -> Sections<'_> {
    Sections::of(&view.look.findings, &view.accepted)
}

/// Writing to a String cannot fail.
fn line(text: &mut String, line: impl Display) {
    let _ = writeln!(text, "{line}");
}

fn head(text: &mut String, view: &GuideView) {
    let volume = &view.look.volume;
    let (database, service, host) = (&view.database, &view.service, &view.host);
    line(text, wrapped("", 2, &format!("{database} (service {service} on host {host}) moves to {}", view.to)));
    let version = |version: Option<_>| version.map_or("still to be made".to_owned(), |v| format!("PostgreSQL {v}"));
    let (from, to) = (version(Some(view.look.source_version)), version(view.look.target_version));
    line(text, format_args!("  from {from}; the new one: {to}"));
    let objects = if volume.large_objects > 0 {
        format!(", {} large objects", count(volume.large_objects))
    } else {
        String::new()
    };
    let size = format!(
        "{} tables, about {} rows, {}{objects}; {} indexes, {}",
        count(volume.tables),
        count(volume.rows),
        bytes(volume.data_bytes),
        count(volume.indexes),
        bytes(volume.index_bytes)
    );
    line(text, wrapped("  ", 2, &size));
}

fn durations(text: &mut String, view: &GuideView) {
    line(text, "\nEstimates:");
    for estimate in [&view.online, &view.offline] {
        let name = if estimate.mode == Mode::Online { "online" } else { "offline" };
        let chosen = if estimate.mode == view.mode { "  ← chosen" } else { "" };
        let (all, wait) = (duration(estimate.seconds), duration(estimate.downtime_seconds));
        line(text, format_args!("  {name:<8} about {all} in all, users wait about {wait}{chosen}"));
    }
    line(text, wrapped("  base: ", 4, &view.basis));
    if view.mode == Mode::Online {
        let free = view.look.free_bytes.map(|free| format!(", where {} are free", bytes(free))).unwrap_or_default();
        let retained = bytes(view.online.retained_wal_bytes);
        let kept = format!("log that the old server keeps meanwhile: about {retained} on its disk{free}");
        line(text, wrapped("  ", 4, &kept));
    }
    line(text, format_args!("  cutover: {}", moment(view.cutover)));
}

/// On the clock of whoever reads it.
pub fn clock(moment: jiff::Timestamp) -> String {
    moment.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

pub fn moment(cutover: Cutover) -> String {
    match cutover {
        Cutover::Auto => "as soon as both databases hold the same".to_owned(),
        Cutover::Manual => "at infra migrate cutover".to_owned(),
        Cutover::At(moment) => format!("at {}, or as soon as all is ready if that is later", clock(moment)),
    }
}

fn cost(text: &mut String, view: &GuideView) {
    let said = |cost: Option<Monthly>| cost.map_or("unknown to infra".to_owned(), |cost| cost.to_string());
    line(text, "\nCost a month:");
    line(text, format_args!("  host {} with its disks, which stay: {}", view.host, said(view.cost.host)));
    line(text, format_args!("  the new database: {}", said(view.cost.database)));
    if let (Some(now), Some(after)) = (view.cost.host, view.cost.after) {
        let most = view.cost.most.map(|most| format!(" at the least, {most} at the most")).unwrap_or_default();
        line(text, format_args!("  in all {after}{most}, now {now}"));
    }
}

/// What goes without saying is said once, before them.
fn stages(text: &mut String, view: &GuideView) {
    let meanwhile = match view.mode {
        Mode::Online => "users notice a little more load at the most",
        Mode::Offline => "users wait from prepare to cutover",
    };
    line(
        text,
        wrapped(
            "\n",
            0,
            &format!("Stages, undone by infra migrate abort until the cutover; {meanwhile}, unless said:"),
        ),
    );
    for stage in &view.stages {
        let took = stage.seconds.map(|seconds| format!(", about {}", duration(seconds))).unwrap_or_default();
        line(text, wrapped(&format!("  {:<10} ", stage.stage.name()), 13, &format!("{}{took}", stage.what)));
        let notice = (![NOTHING, LOAD, WAIT].contains(&stage.users)).then(|| format!("users notice: {}", stage.users));
        let undo = (![NO_UNDO, ABORT].contains(&stage.undo)).then(|| format!("undone by: {}", stage.undo));
        let apart: Vec<_> = notice.into_iter().chain(undo).collect();
        if !apart.is_empty() {
            line(text, wrapped(&" ".repeat(13), 13, &apart.join(" · ")));
        }
    }
}

fn found(text: &mut String, view: &GuideView, file: Option<&Path>) {
    let sections = sections(view);
    let most = if file.is_some() { FEW } else { usize::MAX };
    match sections.told(most) {
        told if told.is_empty() => line(text, "\nFound: nothing that is in the way, and nothing that is lost"),
        told => line(text, format_args!("\n{}", told.trim_end())),
    }
    if let Some(file) = file.filter(|_| sections.is_shortened(FEW)) {
        line(text, format_args!("All of it: {}, or --json", file.display()));
    }
}

fn next(text: &mut String, view: &GuideView) {
    let command = &view.command;
    let accept = |codes: &[String]| {
        let codes = codes.join(",");
        if codes.is_empty() { String::new() } else { format!(" --accept {codes}") }
    };
    let accepted = accept(&view.accepted);
    let all = accept(&[view.accepted.as_slice(), &view.open].concat());
    let (why, command) = match (view.blockers.is_empty(), view.open.is_empty()) {
        (false, _) => ("remove what is in the way, then look again:", format!("{command}{accepted} --plan-only")),
        (true, false) => ("if you agree to all that needs your yes, this begins it:", format!("{command}{all}")),
        (true, true) => ("this begins it:", format!("{command}{accepted}")),
    };
    line(text, format_args!("\nNext: {why}\n  {command}"));
}

/// The warnings and losses of one code, as a question to a person who has read the guide.
pub fn warning_text(code: &str, findings: &[Finding]) -> String {
    let sections = Sections::of(findings, &[]);
    let those = sections.asks.iter().filter(|group| group.code == code);
    let said = those.map(|group| {
        let objects: Vec<_> = group.members.iter().map(|member| member.object.as_str()).collect();
        let objects = if objects.len() > 3 { group.subject() } else { few(&objects, 3) };
        match &group.members[..] {
            [one] => format!("{objects}: {}", one.what),
            _ => format!("{objects}{}", group.what.as_ref().map(|what| format!(": {what}")).unwrap_or_default()),
        }
    });
    wrapped(&format!("[{code}] "), 2, &said.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
pub mod fixture {
    //! What a look may have seen.

    use super::*;
    use crate::migrate::assessment::Volume;
    use crate::migrate::catalog::ServerVersion;
    use crate::migrate::estimate::{basis, estimate};
    use crate::migrate::job::Destination;
    use crate::migrate::measure::Reading;
    use crate::migrate::preflight::Severity;
    use crate::migrate::schema::Loss;
    use crate::plan::Engine;

    pub fn finding(severity: Severity, code: &str, object: &str) -> Finding {
        let text = |what: &str| format!("{what} of {object}");
        Finding {
            code: code.into(),
            severity,
            object: object.into(),
            what: text("what"),
            consequence: text("consequence"),
            remedy: text("remedy"),
            takes: vec![],
            callers: vec![],
        }
    }

    fn look() -> Assessment {
        Assessment {
            source_version: ServerVersion(150_018),
            target_version: None,
            volume: Volume {
                database_bytes: 3_000_000_000,
                data_bytes: 1_900_000_000,
                tables: 12,
                rows: 4_120_000,
                indexes: 14,
                index_bytes: 420_000_000,
                large_objects: 3,
            },
            reading: Some(Reading { table: "public.telemetry".into(), bytes: 67_108_864, microseconds: 536_000 }),
            wal_bytes_per_second: 2_000_000,
            free_bytes: Some(61_000_000_000),
            jobs: 2,
            findings: vec![
                finding(Severity::Blocker, "prepared-transaction", "PREPARED TRANSACTION p"),
                Finding {
                    takes: vec!["FUNCTION f()".into()],
                    ..finding(Severity::Warning, "extension-missing", "EXTENSION postgis")
                },
                finding(Severity::Warning, "slot-limit", "SETTING max_slot_wal_keep_size"),
                finding(Severity::Warning, "unlogged", "TABLE public.scratch"),
                finding(Severity::Note, "case-twins", "TABLES public.a, public.A"),
            ],
            losses: vec![Loss {
                takes: vec!["FUNCTION f()".into()],
                ..Loss::for_tests("extension-missing", "EXTENSION postgis")
            }],
        }
    }

    pub fn view(mode: Mode) -> GuideView {
        let (look, to) = (look(), Destination::Managed(Engine::Rds));
        let (online, offline) = (estimate(&look, Mode::Online, &to), estimate(&look, Mode::Offline, &to));
        let chosen = if mode == Mode::Online { &online } else { &offline };
        GuideView {
            database: "telemetry".into(),
            service: "db".into(),
            host: "vault".into(),
            to: "rds: db.m7g.large, 200 GB".into(),
            mode,
            cutover: Cutover::Auto,
            stages: Stage::of(mode).map(|stage| StageView::of(stage, mode, chosen)).collect(),
            basis: basis(&look),
            cost: MigrationCost {
                host: Some(Monthly(92.0)),
                database: Some(Monthly(145.64)),
                after: Some(Monthly(237.64)),
                most: None,
            },
            command: "infra migrate --to rds".into(),
            accepted: vec!["slot-limit".into()],
            open: vec!["extension-missing".into(), "unlogged".into()],
            blockers: vec!["prepared-transaction".into()],
            online,
            offline,
            look,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::fixture::{finding, view};
    use super::*;
    use crate::migrate::preflight::Severity;

    fn told(view: &GuideView) -> String {
        guide_text(view, Some(Path::new(".infra/demo/findings.txt")), true)
    }

    #[test]
    fn everything_is_told_before_anything_happens() {
        insta::assert_snapshot!("guide_online", told(&view(Mode::Online)));
        let unknown = MigrationCost { host: None, database: None, after: None, most: None };
        let offline = GuideView { cost: unknown, ..view(Mode::Offline) };
        insta::assert_snapshot!("guide_offline", told(&offline));
        let used = MigrationCost { most: Some(Monthly(792.8)), ..view(Mode::Online).cost };
        let text = told(&GuideView { cost: used, ..view(Mode::Online) });
        assert!(text.contains("  in all $237.64 at the least, $792.80 at the most, now $92.00\n"), "{text}");
    }

    #[test]
    fn what_to_type_next_is_told_to_whoever_only_looked() {
        let next = |view: &GuideView| told(view).lines().last().unwrap_or_default().to_owned();
        let stopped = view(Mode::Online);
        assert_eq!(next(&stopped), "  infra migrate --to rds --accept slot-limit --plan-only");
        let asked = GuideView { blockers: vec![], ..stopped.clone() };
        assert_eq!(next(&asked), "  infra migrate --to rds --accept slot-limit,extension-missing,unlogged");
        let clear = GuideView { open: vec![], accepted: vec![], ..asked };
        assert_eq!(next(&clear), "  infra migrate --to rds");
        assert!(!guide_text(&clear, None, false).contains("Next:"), "it goes on by itself");
    }

    /// A database of many tables, each of which has all that a table can have.
    fn many() -> GuideView {
        let mut view = view(Mode::Online);
        let kinds = [
            (Severity::Blocker, ["orphans", "row-security"]),
            (Severity::Warning, ["no-replica-identity", "unlogged"]),
            (Severity::Note, ["generated-column", "inheritance"]),
        ];
        for (severity, codes) in kinds {
            for code in codes {
                let tables = (0..500).map(|n| format!("TABLE public.table_{n}"));
                view.look.findings.extend(tables.map(|table| finding(severity, code, &table)));
            }
        }
        view
    }

    #[test]
    fn five_hundred_tables_fit_on_two_screens_and_the_file_has_them_all() {
        let view = many();
        let text = told(&view);
        assert!(text.lines().count() <= 100, "{} lines:\n{text}", text.lines().count());
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("All of it: .infra/demo/findings.txt, or --json"), "{text}");
        assert!(is_long(&view));
        let document = serde_json::json!(view).to_string();
        let wholes = [findings_text(&view), guide_text(&view, None, true), document];
        for whole in &wholes {
            let words: BTreeSet<_> = whole.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').collect();
            for found in &view.look.findings {
                let name = found.object.rsplit(' ').next().unwrap_or_default();
                assert!(words.contains(name), "{}: {}", found.object, &whole[..200]);
            }
        }
    }

    #[test]
    fn a_loss_is_told_once() {
        let text = told(&view(Mode::Online));
        assert_eq!(text.matches("postgis").count(), 4, "its object and three texts of the fixture: {text}");
        assert!(text.contains("with it: FUNCTION f()"), "{text}");
    }

    #[test]
    fn warnings_of_one_code_are_one_question() {
        let many: Vec<_> = (0..9).map(|n| finding(Severity::Warning, "unlogged", &format!("TABLE t{n}"))).collect();
        assert_eq!(warning_text("unlogged", &many), "[unlogged] 9 tables: what of TABLE …");
        assert_eq!(warning_text("unlogged", &many[..2]), "[unlogged] TABLE t0, TABLE t1: what of TABLE …");
        assert_eq!(warning_text("unlogged", &many[..1]), "[unlogged] TABLE t0: what of TABLE t0");
    }
}
