//! What a migration is going to do, before it does anything: how long it takes, what users notice, how each stage is
//! undone, what it costs, what is not carried over, what is in the way.

use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};

use serde::Serialize;

use super::measures::{bytes, count, duration};
use crate::cost::{MigrationCost, Monthly};
use crate::migrate::estimate::Estimate;
use crate::migrate::look::Look;
use crate::migrate::preflight::{Finding, Severity};
use crate::migrate::saga::{Cutover, Mode, Stage};
use crate::migrate::schema::Loss;

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
    pub look: Look,
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

/// What happens, what users notice, how it is undone.
fn explained(stage: Stage, mode: Mode) -> (&'static str, &'static str, &'static str) {
    const NOTHING: &str = "nothing";
    const WAIT: &str = "they wait since prepare";
    let meanwhile = if mode == Mode::Online { "a little more load" } else { WAIT };
    match stage {
        Stage::Preflight => ("looks at both databases, reading only", NOTHING, "nothing to undo"),
        Stage::Backup => {
            ("dumps the database to the host's own disk and reads it back", "a little more load", "the copy stays")
        }
        Stage::Provision => {
            ("makes the new database if infra is to make it", NOTHING, "abort; --include-data removes it")
        }
        Stage::Prepare if mode == Mode::Offline => ("pauses the clients", "THE SERVICE WAITS from here on", "abort"),
        Stage::Prepare => ("makes a role, a publication and helper tables", NOTHING, "abort removes them"),
        Stage::Schema => ("makes roles, types and tables at the new database", meanwhile, "abort"),
        Stage::Copy => ("copies all rows as of one moment", meanwhile, "abort"),
        Stage::Index => ("builds indexes and constraints at the new database", meanwhile, "abort"),
        Stage::Follow => ("brings what was written meanwhile", NOTHING, "abort"),
        Stage::Verify if mode == Mode::Online => {
            ("compares every row and object", "writes wait for tenths of a second", "nothing to undo")
        }
        Stage::Verify => ("compares every row and object", WAIT, "nothing to undo"),
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
        Stage::Finish => ("gives up the way back and cleans up; the old data stay", NOTHING, "NOTHING UNDOES IT"),
    }
}

pub fn guide_text(view: &GuideView) -> String {
    let mut text = String::new();
    head(&mut text, view);
    durations(&mut text, view);
    cost(&mut text, view);
    line(&mut text, "\nStages:");
    for stage in &view.stages {
        stage_lines(&mut text, stage);
    }
    losses(&mut text, &view.look.losses);
    findings(&mut text, view);
    text
}

/// Writing to a String cannot fail.
fn line(text: &mut String, line: impl Display) {
    let _ = writeln!(text, "{line}");
}

fn head(text: &mut String, view: &GuideView) {
    let volume = &view.look.volume;
    line(text, format_args!("{} (service {} on host {}) moves to {}", view.database, view.service, view.host, view.to));
    let version = |version: Option<_>| version.map_or("still to be made".to_owned(), |v| format!("PostgreSQL {v}"));
    let (from, to) = (version(Some(view.look.source_version)), version(view.look.target_version));
    line(text, format_args!("  from {from}; the new one: {to}"));
    let objects = if volume.large_objects > 0 {
        format!(", {} large objects", count(volume.large_objects))
    } else {
        String::new()
    };
    line(
        text,
        format_args!(
            "  {} tables, about {} rows, {}{objects}; {} indexes, {}",
            count(volume.tables),
            count(volume.rows),
            bytes(volume.data_bytes),
            count(volume.indexes),
            bytes(volume.index_bytes)
        ),
    );
}

fn durations(text: &mut String, view: &GuideView) {
    line(text, "\nEstimates:");
    for estimate in [&view.online, &view.offline] {
        let name = if estimate.mode == Mode::Online { "online" } else { "offline" };
        let chosen = if estimate.mode == view.mode { "  ← chosen" } else { "" };
        let (all, wait) = (duration(estimate.seconds), duration(estimate.downtime_seconds));
        line(text, format_args!("  {name:<8} about {all} in all, users wait about {wait}{chosen}"));
    }
    line(text, format_args!("  base: {}", view.basis));
    if view.mode == Mode::Online {
        let free = view.look.free_bytes.map(|free| format!(", where {} are free", bytes(free))).unwrap_or_default();
        let retained = bytes(view.online.retained_wal_bytes);
        line(text, format_args!("  WAL that the old server keeps meanwhile: about {retained} on its disk{free}"));
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

fn stage_lines(text: &mut String, stage: &StageView) {
    let took = stage.seconds.map(|seconds| format!(", about {}", duration(seconds))).unwrap_or_default();
    line(text, format_args!("  {:<10} {}{took}", stage.stage.name(), stage.what));
    line(text, format_args!("  {:<10} users notice: {} · undone by: {}", "", stage.users, stage.undo));
}

fn losses(text: &mut String, losses: &[Loss]) {
    if losses.is_empty() {
        return;
    }
    line(text, "\nNot carried over, or not as it was:");
    for loss in losses {
        line(text, format_args!("  {} [{}]: {}", loss.object, loss.code, loss.what));
        if !loss.takes.is_empty() {
            line(text, format_args!("    with it go: {}", loss.takes.join(", ")));
        }
        line(text, format_args!("    remedy: {}", loss.remedy));
    }
}

/// Those that are not losses, which stand above.
fn findings(text: &mut String, view: &GuideView) {
    let lost: BTreeSet<_> = view.look.losses.iter().map(|loss| (&loss.code, &loss.object)).collect();
    let others = view.look.findings.iter().filter(|finding| !lost.contains(&(&finding.code, &finding.object)));
    let others: Vec<&Finding> = others.collect();
    if others.is_empty() {
        line(text, "\nFound: nothing that is in the way");
        return;
    }
    line(text, "\nFound:");
    for finding in others {
        let mark = match finding.severity {
            Severity::Blocker => "BLOCKER",
            Severity::Warning if view.accepted.contains(&finding.code) => "accepted",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        line(text, format_args!("  {mark:<8} {} [{}]: {}", finding.object, finding.code, finding.what));
        if finding.severity != Severity::Note {
            line(text, format_args!("           so {}", finding.consequence));
            line(text, format_args!("           remedy: {}", finding.remedy));
        }
    }
}

/// The warnings and losses of one code, as a question to a person.
pub fn warning_text(code: &str, findings: &[Finding]) -> String {
    let those: Vec<_> = findings.iter().filter(|finding| finding.code == code).collect();
    let objects: Vec<_> = those.iter().map(|finding| finding.object.as_str()).collect();
    let shown = match objects.as_slice() {
        [first, second, third, rest @ ..] if rest.len() > 1 => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        all => all.join(", "),
    };
    let mut text = format!("[{code}] {shown}");
    if let Some(first) = those.first() {
        let _ = write!(text, ": {}", first.what);
        if !first.consequence.is_empty() {
            let _ = write!(text, "; {}", first.consequence);
        }
    }
    text
}

#[cfg(test)]
pub mod fixture {
    //! What a look may have seen.

    use super::*;
    use crate::migrate::catalog::ServerVersion;
    use crate::migrate::estimate::{basis, estimate};
    use crate::migrate::look::Volume;
    use crate::migrate::measure::Reading;

    pub fn finding(severity: Severity, code: &str, object: &str) -> Finding {
        let text = |what: &str| format!("{what} of {object}");
        Finding {
            code: code.into(),
            severity,
            object: object.into(),
            what: text("what"),
            consequence: text("consequence"),
            remedy: text("remedy"),
        }
    }

    fn look() -> Look {
        Look {
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
                finding(Severity::Warning, "extension-missing", "EXTENSION postgis"),
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
        let look = look();
        let (online, offline) = (estimate(&look, Mode::Online, true), estimate(&look, Mode::Offline, true));
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
    use super::fixture::{finding, view};
    use super::*;

    #[test]
    fn everything_is_told_before_anything_happens() {
        insta::assert_snapshot!("guide_online", guide_text(&view(Mode::Online)));
        let unknown = MigrationCost { host: None, database: None, after: None, most: None };
        let offline = GuideView { cost: unknown, ..view(Mode::Offline) };
        insta::assert_snapshot!("guide_offline", guide_text(&offline));
        let used = MigrationCost { most: Some(Monthly(792.8)), ..view(Mode::Online).cost };
        let text = guide_text(&GuideView { cost: used, ..view(Mode::Online) });
        assert!(text.contains("  in all $237.64 at the least, $792.80 at the most, now $92.00\n"), "{text}");
    }

    #[test]
    fn warnings_of_one_code_are_one_question() {
        let many: Vec<_> = (0..9).map(|n| finding(Severity::Warning, "unlogged", &format!("TABLE t{n}"))).collect();
        assert_eq!(
            warning_text("unlogged", &many),
            "[unlogged] TABLE t0, TABLE t1, TABLE t2 and 6 more: what of TABLE t0; consequence of TABLE t0"
        );
        assert_eq!(
            warning_text("unlogged", &many[..2]),
            "[unlogged] TABLE t0, TABLE t1: what of TABLE t0; consequence of TABLE t0"
        );
    }
}
