//! `infra migrate status`: one screen.

use std::fmt::{Display, Write as _};

use super::measures::{bytes, duration};
use super::migrate_guide::{clock, moment};
use super::migrate_text::stage_line;
use super::migrate_words::words;
use crate::agent::{Report, SourceHealth};
use crate::migrate::prose::{FEW, few, wrapped};
use crate::migrate::safety_copy::SafetyCopy;
use crate::migrate::saga::{Cutover, Direction, Mode, Next, Progress, Stage, Status, Step, Switching};
use crate::migrate::stages::{Pause, WayBack};

pub fn migration_text(report: &Report) -> String {
    let mut text = String::new();
    let mode = if report.mode == Mode::Online { "online" } else { "offline" };
    line(&mut text, format_args!("migration {} of {}, {mode}: {}", report.id, report.database, state(report)));
    for stage in Stage::of(report.mode) {
        match report.status.stages.get(&stage) {
            Some(Progress::Done { .. }) if stage == Stage::Guard && is_gone(report) => {
                line(&mut text, format_args!("  ✗ {:<10} there is no way back with every row", stage.name()));
            }
            Some(progress) => line(&mut text, stage_line(stage, progress, report.progress.as_ref())),
            None => line(&mut text, format_args!("    {:<10} {}", stage.name(), stage.purpose())),
        }
    }
    if !report.status.is_cut_over() && report.status.direction == Direction::Forward {
        line(&mut text, format_args!("cutover     {}", moment(report.cutover)));
    }
    if !report.verified_anew.is_empty() && !report.status.is_cut_over() {
        let tables = few(&report.verified_anew, FEW);
        let compared = format!("once more before the switch, all rows: much was written to {tables}");
        line(&mut text, wrapped("compared    ", 12, &compared));
    }
    if let Some(clients) = clients_text(report, jiff::Timestamp::now()) {
        line(&mut text, format_args!("clients     {clients}"));
    }
    for missing in &report.missing_clients {
        line(&mut text, wrapped("clients     ", 12, &missing.told()));
    }
    if let Some(switch) = &report.status.switch {
        line(&mut text, format_args!("switch      {}", switch_text(switch, report)));
    }
    if let Some(why) = &report.status.refused {
        line(&mut text, format_args!("rollback    FAILED: {why}"));
    }
    if let Some(way_back) = &report.way_back {
        way_back_text(&mut text, way_back, report.running);
    }
    if let Some(health) = &report.source {
        line(&mut text, format_args!("old server  {}", health_text(health)));
    }
    if let Some(copy) = &report.safety_copy {
        line(&mut text, format_args!("safety copy {}", safety_text(copy)));
    }
    if let Some(pause) = &report.pause {
        line(&mut text, format_args!("pause       {}", pause_text(pause)));
    }
    if let Some(kept) = &report.kept {
        line(&mut text, format_args!("old data    {}", kept.told(jiff::Timestamp::now())));
    }
    if !report.open.is_empty() {
        let codes = report.open.join(",");
        line(&mut text, format_args!("next        infra migrate resume --accept {codes}: agrees to that, and goes on"));
    }
    for (word, what) in words(report) {
        line(&mut text, format_args!("next        infra migrate {word}: {what}"));
    }
    text
}

/// Writing to a String cannot fail.
fn line(text: &mut String, line: impl Display) {
    let _ = writeln!(text, "{line}");
}

fn state(report: &Report) -> String {
    match (&report.next, report.status.direction) {
        (Next::Nothing, Direction::Forward) => "finished".to_owned(),
        (Next::Nothing, _) => "undone, the old database serves".to_owned(),
        (Next::TakeBack { to }, _) => format!("the clients go back to {}", to.other()),
        _ if is_stopped(report) => format!("STOPPED, the clients are at {}", report.status.at),
        (Next::Switch { to, .. }, _) if report.running && report.status.switch.is_some() => {
            format!("the clients go to {to}")
        }
        (_, Direction::Aborting) => "being undone".to_owned(),
        (_, Direction::RollingBack) => "going back to the old database".to_owned(),
        _ if report.waits_for_operator() => "waits for the operator's side: infra migrate resume".to_owned(),
        (Next::AwaitCutover, _) => "ready to switch".to_owned(),
        (Next::AwaitFinish, _) => "the new database serves".to_owned(),
        _ if report.running => "under way".to_owned(),
        _ => "waits for the operator's side: infra migrate resume".to_owned(),
    }
}

pub(super) fn is_gone(report: &Report) -> bool {
    report.way_back.as_ref().is_some_and(|way_back| way_back.gone_since.is_some())
}

/// Whether there is one, since when not, why, and what can be done about each.
fn way_back_text(text: &mut String, way_back: &WayBack, running: bool) {
    let mut say = |what: &str| line(text, wrapped("way back    ", 12, what));
    match way_back.gone_since {
        Some(since) => {
            say(&format!("NONE with every row since {}:", clock(since)));
            for obstacle in way_back.because.iter().take(FEW) {
                let later =
                    if obstacle.since == since { String::new() } else { format!(" (since {})", clock(obstacle.since)) };
                say(&format!("{}{later}; {}", obstacle.what, obstacle.remedy));
            }
            if let Some(more) = way_back.because.len().checked_sub(FEW).filter(|more| *more > 0) {
                say(&format!("and {more} more, in --json"));
            }
        }
        None => {
            let lag = way_back.lag.map(|lag| format!("; {lag}")).unwrap_or_default();
            say(&format!("every row comes back{lag}"));
        }
    }
    if !way_back.arriving.is_empty() {
        say(&format!("the rows of {} are still copied to the old database", few(&way_back.arriving, FEW)));
    }
    if let Some(last) = way_back.carried.last() {
        say(&format!("the last definition that was carried: {} (at {})", last.what, clock(last.at)));
    }
    if !way_back.without.is_empty() {
        let what: Vec<&str> = way_back.without.iter().map(|one| one.what.as_str()).collect();
        say(&format!("the old database goes without {}", few(&what, FEW)));
    }
    if !running {
        say(&format!("looked at last at {}; nobody watches it now: infra migrate resume", clock(way_back.looked)));
    }
}

/// Where they are is said when it is not what one expects: they wait, or no longer do after a failure.
fn clients_text(report: &Report, now: jiff::Timestamp) -> Option<String> {
    if let Some(since) = report.waiting_since {
        let waited = u64::try_from(now.duration_since(since).as_secs()).unwrap_or(0);
        return Some(format!("wait since {}: {}", clock(since), duration(waited)));
    }
    is_overtaken(&report.status).then(|| "run again, with the old database".to_owned())
}

/// Offline, the clients ran again after a failure.
pub(super) fn is_overtaken(status: &Status) -> bool {
    status.direction == Direction::Forward && status.stages.get(&Stage::Prepare) == Some(&Progress::Overtaken)
}

pub(super) fn is_stopped(report: &Report) -> bool {
    report.status.failure().is_some() && !report.running
}

fn switch_text(switch: &Switching, report: &Report) -> String {
    let copied = report.comes_home && report.status.waits_for_rows && switch.step == Step::Carry;
    let step = if copied { "every row is copied back and compared" } else { switch.step.purpose() };
    match &switch.failed {
        Some(why) => format!("to {}: {why}", switch.to),
        None => format!("to {}: {step}", switch.to),
    }
}

fn health_text(health: &SourceHealth) -> String {
    let mut parts = vec![];
    parts.extend(health.queue_depth.map(|depth| format!("disk queue {depth:.1}")));
    parts.extend(health.await_ms.map(|ms| format!("{ms:.1} ms a request")));
    parts.extend(health.retained_wal_bytes.map(|kept| format!("{} of WAL kept for the migration", bytes(kept))));
    if health.slot_lost {
        parts.push("changes since the copy LOST: abort, and begin again".to_owned());
    }
    parts.extend(health.free_bytes.map(|free| format!("{} free on its disk", bytes(free))));
    if parts.is_empty() { "does not tell".to_owned() } else { parts.join(", ") }
}

fn safety_text(copy: &SafetyCopy) -> String {
    format!("{} ({}, {} entries)", copy.path.display(), bytes(copy.bytes), copy.entries)
}

/// Each part by its name, so that one that comes to it is told as well.
fn pause_text(pause: &Pause) -> String {
    let value = serde_json::json!(pause);
    let parts = value.as_object().into_iter().flatten().filter_map(|(name, value)| {
        let name = name.strip_suffix("_ms").filter(|name| *name != "total")?;
        Some(format!("{} {}", name.replace('_', " "), value.as_u64().filter(|ms| *ms > 0)?))
    });
    let parts: Vec<_> = parts.collect();
    let spent = if parts.is_empty() { String::new() } else { format!(" (in the cutover, ms: {})", parts.join(", ")) };
    format!("writers waited {}{spent}", pause.told())
}

/// What a look that ends says last.
pub fn waiting_text(cutover: Cutover) -> String {
    match cutover {
        Cutover::At(moment) => {
            format!("ready: the clients switch at {}; infra migrate cutover switches them now", clock(moment))
        }
        Cutover::Auto | Cutover::Manual => "ready: infra migrate cutover switches the clients".to_owned(),
    }
}

#[cfg(test)]
pub mod fixture {
    //! Migrations at some point.

    use super::*;
    use crate::host::Site;
    use crate::migrate::job::{Destination, JOB_VERSION, Job, Secured, Source};
    use crate::migrate::saga::Event;
    use crate::plan::{Engine, NodeName};

    pub fn report(events: &[Event], next: Next, running: bool) -> Report {
        Report {
            id: "20261121-093000".into(),
            database: "telemetry".into(),
            mode: Mode::Online,
            to: Destination::Managed(Engine::Rds),
            has_target: true,
            secured: Secured { reverted: true, ..Secured::default() },
            cutover: Cutover::Auto,
            status: crate::migrate::saga::Status::replay(events).expect("fits"),
            next,
            progress: None,
            safety_copy: None,
            running,
            pause: None,
            open: vec![],
            source: None,
            kept: None,
            verified_anew: vec![],
            waiting_since: None,
            way_back: None,
            comes_home: false,
            missing_clients: vec![],
        }
    }

    fn host() -> NodeName {
        "vault".to_owned().try_into().expect("a name")
    }

    pub fn job() -> Job {
        Job {
            v: JOB_VERSION,
            id: "20261121-093000".into(),
            mode: Mode::Online,
            cutover: Cutover::Auto,
            site: Site::new("demo".to_owned().try_into().expect("a name"), host(), vec![]),
            host: host(),
            source: Source {
                service: "db".into(),
                database: "telemetry".into(),
                clients: vec![],
                password_variable: "POSTGRES_PASSWORD".into(),
            },
            to: Destination::Url,
            storage_bytes: None,
            jobs: None,
            max_rate: None,
            accepted: vec![],
            health_timeout_seconds: 60,
            by: "somebody@somewhere".into(),
        }
    }

    pub fn until(last: Stage) -> Vec<Event> {
        let done = |stage| [Event::Started { stage }, Event::Done { stage, note: format!("note of {stage}") }];
        Stage::ALL.into_iter().take_while(|stage| *stage <= last).flat_map(done).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::migrate::old_data_retention::OldDataRetention;

    use super::fixture::{report, until};
    use super::*;
    use crate::migrate::ddl::Obstacle;
    use crate::migrate::job::Secured;
    use crate::migrate::saga::{Event, Side};
    use crate::migrate::stages::Missing;

    #[test]
    fn a_copy_under_way_fills_one_screen() {
        let mut events = until(Stage::Schema);
        events.push(Event::Started { stage: Stage::Copy });
        let report = Report {
            progress: Some(serde_json::json!({
                "event": "progress", "done": 430_000_000, "total": 1_000_000_000_u64, "bytes_per_second": 38_000_000
            })),
            safety_copy: Some(SafetyCopy {
                path: "/var/lib/infra/safety/x.dump".into(),
                bytes: 123_000_000,
                entries: 210,
            }),
            source: Some(SourceHealth {
                queue_depth: Some(2.13),
                await_ms: Some(4.26),
                retained_wal_bytes: Some(64_000_000),
                slot_lost: false,
                free_bytes: Some(61_000_000_000),
            }),
            ..report(&events, Next::Run(Stage::Copy), true)
        };
        insta::assert_snapshot!("status_copy", migration_text(&report));
    }

    #[test]
    fn each_state_says_what_can_be_said_next() {
        let verified = until(Stage::Verify);
        let ready = report(&verified, Next::AwaitCutover, true);
        let waiting = Report { secured: Secured::default(), ..ready.clone() };
        let guarded = Report {
            pause: Some(Pause { stop_ms: 700, drain_ms: 40, start_ms: 1100, total_ms: 1840, ..Pause::default() }),
            ..report(&until(Stage::Guard), Next::AwaitFinish, true)
        };
        let mut events = until(Stage::Schema);
        events.extend([
            Event::Started { stage: Stage::Copy },
            Event::Failed { stage: Stage::Copy, error: "the disk is full".into() },
        ]);
        let failed = report(&events, Next::Run(Stage::Copy), false);
        let undone = [until(Stage::Schema), vec![Event::AbortAsked { leave_rows: false }]].concat();
        let undoing = report(&undone, Next::Undo(Stage::Schema), true);
        let finished = report(&until(Stage::Finish), Next::Nothing, false);
        let removed = Some(jiff::Timestamp::UNIX_EPOCH);
        let finished =
            Report { kept: Some(OldDataRetention { until: jiff::Timestamp::UNIX_EPOCH, removed }), ..finished };
        let screens = [ready, waiting, guarded, failed, undoing, finished].map(|report| migration_text(&report));
        insta::assert_snapshot!("status_states", screens.join("\n"));
    }

    #[test]
    fn a_verification_to_come_is_told_until_the_switch() {
        let verified_anew = vec!["public.telemetry".to_owned()];
        let waiting = Report { verified_anew, ..report(&until(Stage::Verify), Next::AwaitCutover, true) };
        let text = migration_text(&waiting);
        let told =
            "compared    once more before the switch, all rows: much was written to\n            public.telemetry\n";
        assert!(text.contains(told), "{text}");
        let verified_anew = (0..500).map(|number| format!("public.measurements_{number}")).collect();
        let many = migration_text(&Report { verified_anew, ..waiting });
        assert!(many.contains("and 495 more") && many.lines().all(|line| line.chars().count() <= 80), "{many}");
    }

    #[test]
    fn who_waits_or_runs_again_after_a_failure_is_told() {
        let mut events = until(Stage::Schema);
        events.push(Event::Started { stage: Stage::Copy });
        let copying = report(&events, Next::Run(Stage::Copy), true);
        assert_eq!(clients_text(&copying, jiff::Timestamp::UNIX_EPOCH), None);
        let now = jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(60);
        let waiting = Report { waiting_since: Some(jiff::Timestamp::UNIX_EPOCH), ..copying };
        let told = clients_text(&waiting, now).unwrap_or_default();
        assert!(told.starts_with("wait since 1970-01-01 ") && told.ends_with(": 60 s"), "{told}");
        events.extend([Event::Failed { stage: Stage::Copy, error: "the disk is full".into() }, Event::Served]);
        let served = report(&events, Next::Run(Stage::Prepare), false);
        let text = migration_text(&served);
        for part in
            ["clients     run again", "resume: pauses the clients and begins anew", "✗ copy       the disk is full"]
        {
            assert!(text.contains(part), "no {part}: {text}");
        }
    }

    #[test]
    fn a_way_back_that_is_gone_says_since_when_and_why_and_is_promised_nowhere() {
        let since = jiff::Timestamp::UNIX_EPOCH;
        let obstacle = |what: &str| Obstacle { since, what: what.into(), remedy: "make it there".into() };
        let stands = WayBack {
            looked: since,
            lag: Some(crate::migrate::replicate::Lag { seconds: Some(2), connected: true, ..Default::default() }),
            without: vec![obstacle("INDEX public.i: out of memory")],
            arriving: vec!["public.audit".into()],
            ..WayBack::default()
        };
        let mut events = until(Stage::Guard);
        if let Some(Event::Done { note, .. }) = events.last_mut() {
            *note = "infra migrate rollback goes back with every row".into();
        }
        let open = Report { way_back: Some(stands.clone()), ..report(&events, Next::AwaitFinish, true) };
        let because = vec![obstacle("COLUMN public.t.x: type \"vector\" does not exist")];
        let gone = WayBack { gone_since: Some(since), because, ..stands };
        let gone = Report { way_back: Some(gone), running: false, ..open.clone() };
        let text = migration_text(&gone);
        assert!(!text.contains("goes back with every row") && !text.contains("goes back to"), "{text}");
        insta::assert_snapshot!("status_way_back", [migration_text(&open), text].join("\n"));
    }

    #[test]
    fn clients_that_stay_away_are_told_of() {
        let missing = |client: &str, at_the_old| Missing {
            client: client.into(),
            since: jiff::Timestamp::UNIX_EPOCH,
            at_the_old,
        };
        let guarded = report(&until(Stage::Guard), Next::AwaitFinish, true);
        let report = Report { missing_clients: vec![missing("api", true), missing("worker", false)], ..guarded };
        insta::assert_snapshot!("status_missing_clients", migration_text(&report));
    }

    #[test]
    fn slots_that_were_dropped_are_told_of() {
        let lost = SourceHealth { slot_lost: true, ..SourceHealth::default() };
        assert_eq!(health_text(&lost), "changes since the copy LOST: abort, and begin again");
        let kept = SourceHealth { retained_wal_bytes: Some(64_000_000), ..lost };
        assert!(health_text(&kept).starts_with("64 MB of WAL kept for the migration, changes since"));
    }

    #[test]
    fn nothing_can_be_said_while_the_clients_switch() {
        let mut events = until(Stage::Verify);
        events.push(Event::Started { stage: Stage::Cutover });
        events.push(Event::Step { to: Side::New, step: Step::Drain });
        events.push(Event::Step { to: Side::New, step: Step::Pause });
        let next = Next::Switch { to: Side::New, from: Step::Pause };
        let switching = report(&events, next, true);
        assert_eq!(words(&switching), []);
        let text = migration_text(&switching);
        assert!(text.contains("the clients go to the new database\n"), "{text}");
        assert!(text.contains("switch      to the new database: the clients are paused\n"), "{text}");
    }

    /// Where the clients are, why, and what leads on: also when a server is gone.
    #[test]
    fn a_switch_that_failed_says_where_the_clients_are_and_what_leads_on() {
        let to = |to, step| Event::Step { to, step };
        let failed = |to| Event::SwitchFailed { to, error: "no answer".into() };
        let begun = [until(Stage::Verify), vec![Event::Started { stage: Stage::Cutover }]].concat();
        let over = [begun, Step::ALL.map(|step| to(Side::New, step)).to_vec(), vec![failed(Side::New)]].concat();
        let asked = [until(Stage::Guard), vec![Event::RollbackAsked { leave_rows: false, offline: false }]].concat();
        let refused = [asked.clone(), vec![to(Side::Old, Step::Drain), failed(Side::Old)]].concat();
        let paused = [to(Side::Old, Step::Drain), to(Side::Old, Step::Pause), failed(Side::Old)];
        let stuck = [asked.clone(), paused.to_vec()].concat();
        let home = [asked, Step::ALL.map(|step| to(Side::Old, step)).to_vec(), vec![failed(Side::Old)]].concat();
        let mut alone = until(Stage::Guard);
        alone.insert(until(Stage::Verify).len(), Event::CutoverAsked { leave_rows: true });
        let screens = [
            report(&over, Next::Switch { to: Side::New, from: Step::Serve }, false),
            report(&refused, Next::AwaitFinish, true),
            report(&stuck, Next::TakeBack { to: Side::Old }, true),
            report(&home, Next::Switch { to: Side::Old, from: Step::Serve }, false),
            report(&alone, Next::AwaitFinish, true),
        ]
        .map(|report| migration_text(&report));
        insta::assert_snapshot!("status_switch", screens.join("\n"));
    }
}
