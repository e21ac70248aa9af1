//! A report of invented data, and what must hold of any.

use jiff::Timestamp;

use super::*;
use crate::cost::Monthly;
use crate::watch::forecast::{Bounds, Limit, Model, Outlook, Sample};

const DAY: i64 = 86_400;
/// 2026-10-01
const START: i64 = 1_790_812_800;
const DAYS: i64 = 30;
const END: i64 = START + DAYS * DAY;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// Five-minute means with something like noise; two days and six hours of them are missing.
fn samples(f: impl Fn(f64) -> f64) -> Vec<Sample> {
    let all = (START..END).step_by(300).enumerate().map(|(step, at)| {
        let noise = ((step as f64 * 12.9898).sin() * 43_758.545_3).fract();
        let day = (at - START) as f64 / DAY as f64;
        Sample { at, value: f(day) * (1.0 + 0.12 * noise) }
    });
    all.filter(|sample| !(12 * DAY..14 * DAY + 6 * 3600).contains(&(sample.at - START))).collect()
}

fn daily(day: f64) -> f64 {
    (std::f64::consts::TAU * (day - 0.3)).sin()
}

fn line(name: &str, f: impl Fn(f64) -> f64) -> Line {
    Line { name: name.to_owned(), samples: samples(f) }
}

fn chart(title: &str, unit: Unit, lines: Vec<Line>, limits: Vec<(Severity, Limit)>) -> Chart {
    Chart { title: title.to_owned(), unit, lines, limits }
}

fn limits(warn: f64, migrate: f64) -> Vec<(Severity, Limit)> {
    let limit = |value| if warn > migrate { Limit::falling(value) } else { Limit::rising(value) };
    vec![(Severity::Warn, limit(warn)), (Severity::Migrate, limit(migrate))]
}

fn host() -> Section {
    let queue = |day: f64| (1.5 + 0.25 * day + 2.0 * daily(day).max(0.0)).max(0.1);
    Section {
        subject: Subject::Host("vault".to_owned()),
        charts: vec![
            chart("Disk queue depth", Unit::Count, vec![line("pgdata", queue)], limits(10.0, 20.0)),
            chart(
                "Burst capacity",
                Unit::Percent,
                vec![line("burst", |day| (80.0 - 2.0 * day + 6.0 * daily(day)).clamp(0.0, 100.0))],
                limits(20.0, 0.0),
            ),
            chart("Memory", Unit::Percent, vec![line("used", |day| 55.0 + 0.2 * day)], limits(85.0, 95.0)),
            chart("Disk used", Unit::Percent, vec![line("pgdata", |day| 30.0 + 1.3 * day)], limits(80.0, 90.0)),
        ],
    }
}

fn database() -> Section {
    Section {
        subject: Subject::Database("telemetry".to_owned()),
        charts: vec![
            chart("Size", Unit::Bytes, vec![line("telemetry", |day| 2.1e10 + 9e8 * day)], vec![]),
            chart("Connections", Unit::Count, vec![line("open", |day| 22.0 + 9.0 * daily(day))], vec![]),
        ],
    }
}

fn ingest() -> Section {
    Section {
        subject: Subject::Ingest("ingest".to_owned()),
        charts: vec![
            chart("Rows", Unit::PerSecond, vec![line("rows", |day| 1800.0 + 40.0 * day + 700.0 * daily(day))], vec![]),
            chart(
                "Answer times",
                Unit::Milliseconds,
                vec![
                    line("p50", |day| 14.0 + 3.0 * daily(day)),
                    line("p95", |day| 60.0 + 2.0 * day + 20.0 * daily(day)),
                    line("p99", |day| 140.0 + 4.0 * day + 40.0 * daily(day)),
                ],
                vec![],
            ),
        ],
    }
}

fn spans(parts: &[(f64, Zone)]) -> Vec<ZoneSpan> {
    let moment = |day: f64| at(START + (day * DAY as f64) as i64);
    let ends = parts.iter().skip(1).map(|(day, _)| *day).chain([DAYS as f64]);
    parts
        .iter()
        .zip(ends)
        .map(|((from, zone), until)| ZoneSpan { from: moment(*from), until: moment(until), zone: *zone })
        .collect()
}

fn zones() -> Vec<ZoneRow> {
    use Zone::{Migrate, NotMonitored, Safe, Warning};
    let row = |threshold: &str, parts: &[(f64, Zone)]| ZoneRow { threshold: threshold.to_owned(), spans: spans(parts) };
    vec![
        row(
            "disk.queue_depth of vault",
            &[
                (0.0, Safe),
                (12.0, NotMonitored),
                (14.25, Safe),
                (21.0, Warning),
                (22.5, Safe),
                (24.0, Warning),
                (29.2, Migrate),
            ],
        ),
        row("cpu.burst_percent of vault", &[(0.0, Safe), (12.0, NotMonitored), (14.25, Safe), (28.0, Warning)]),
        row("memory.percent of vault", &[(0.0, Safe), (12.0, NotMonitored), (14.25, Safe)]),
        row("disk.used_percent of vault", &[(0.0, Safe), (12.0, NotMonitored)]),
    ]
}

fn events() -> Vec<Event> {
    let event =
        |day: f64, kind, what: &str| Event { at: at(START + (day * DAY as f64) as i64), kind, what: what.to_owned() };
    vec![
        event(3.4, EventKind::Deploy, "release 11 by ana"),
        event(7.08, EventKind::Backup, "full backup, 21.4 GB"),
        event(15.6, EventKind::Deploy, "release 12 by ana"),
        event(21.0, EventKind::Alarm, "disk.queue_depth of vault over 10 for 15 minutes"),
        event(21.3, EventKind::Backup, "full backup, 33.9 GB"),
        event(29.2, EventKind::Alarm, "disk.queue_depth of vault over 20 for 15 minutes"),
        event(29.5, EventKind::Migration, "prepared: copied, followed and verified; waits for a yes"),
    ]
}

fn expectation(what: &str, unit: Unit, severity: Severity, limit: Limit, samples: Vec<Sample>) -> Expectation {
    let model = Model::fit(&samples, END, (unit == Unit::Percent).then_some(Bounds::PERCENT));
    let (outlook, course) = match model {
        Ok(model) => (model.outlook(limit), model.course(12)),
        Err(silence) => (Outlook::Silent(silence), vec![]),
    };
    let course = if matches!(outlook, Outlook::Crosses(_)) { course } else { vec![] };
    Expectation { what: what.to_owned(), unit, severity, limit, outlook, samples, course }
}

fn report() -> Report {
    let used = samples(|day| 30.0 + 1.3 * day);
    let burst = samples(|day| (80.0 - 2.0 * day + 6.0 * daily(day)).clamp(0.0, 100.0));
    let memory = samples(|day| 55.0 + 0.5 * daily(day));
    Report {
        stack: "phase1".to_owned(),
        made: at(END),
        from: at(START),
        until: at(END),
        sections: vec![host(), database(), ingest()],
        zones: zones(),
        events: events(),
        expectations: vec![
            expectation("disk.used_percent of vault", Unit::Percent, Severity::Warn, Limit::rising(80.0), used.clone()),
            expectation("disk.used_percent of vault", Unit::Percent, Severity::Migrate, Limit::rising(90.0), used),
            expectation("cpu.burst_percent of vault", Unit::Percent, Severity::Warn, Limit::falling(10.0), burst),
            expectation("memory.percent of vault", Unit::Percent, Severity::Warn, Limit::rising(85.0), memory),
        ],
        cost: vec![
            CostLine { what: "vault: xlarge_3_0".to_owned(), monthly: Some(Monthly(84.0)) },
            CostLine { what: "pgdata: 80 GB".to_owned(), monthly: Some(Monthly(8.0)) },
            CostLine { what: "traffic".to_owned(), monthly: None },
        ],
    }
}

/// `INFRA_REPORT_TO` keeps the page, to be looked at.
#[test]
fn a_report_is_one_file_that_asks_for_nothing() {
    let page = html(&report());
    if let Ok(path) = std::env::var("INFRA_REPORT_TO") {
        std::fs::write(path, &page).unwrap();
    }
    for foreign in ["<script", "<link", "<img", "<iframe", "@import", "url(", "src=", "http:", "https:", "href="] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    for title in ["Zones", "Forecast", "Host vault", "Database telemetry", "Ingest ingest", "Events", "Cost"] {
        assert!(page.contains(&format!("<h2>{title}</h2>")), "{title}");
    }
    assert!(page.len() < 600_000, "{} bytes", page.len());
}

#[test]
fn the_page_says_what_the_data_say() {
    let page = html(&report());
    let cells = [
        ">unknown</td>",
        "$92.00",
        "In all, without what is unknown",
        "not said: no trend towards the limit",
        "<strong>■ migrate</strong>",
    ];
    for cell in cells {
        assert!(page.contains(cell), "{cell}");
    }
}

/// Whatever a host, a plan or a user's name is made of, it is text.
#[test]
fn a_hostile_name_stays_text() {
    const HOSTILE: &str = "</title></style><script>alert(1)</script>\"'><img src=x onerror=alert(2)>";
    let mut report = report();
    report.stack = HOSTILE.to_owned();
    report.sections[0].subject = Subject::Host(HOSTILE.to_owned());
    report.sections[0].charts[0].title = HOSTILE.to_owned();
    report.sections[0].charts[0].lines[0].name = HOSTILE.to_owned();
    report.zones[0].threshold = HOSTILE.to_owned();
    report.events[0].what = HOSTILE.to_owned();
    report.expectations[0].what = HOSTILE.to_owned();
    report.cost[0].what = HOSTILE.to_owned();
    let page = html(&report);
    for broken in ["<script", "<img", "</title></style>", "\"'>"] {
        assert!(!page.contains(broken), "{broken}");
    }
    assert!(page.matches("&lt;script").count() >= 10);
}

/// Two days are missing from every line, so none goes from one end to the other.
#[test]
fn what_was_not_measured_is_a_gap() {
    let lines = |report: &Report| html(report).matches("<polyline").count();
    let mut whole = report();
    let with_gaps = lines(&whole);
    let charts = whole.sections.iter_mut().flat_map(|section| &mut section.charts);
    let all = charts.flat_map(|chart| &mut chart.lines);
    let mut count = 0;
    for line in all {
        count += 1;
        // The same with the missing part moved away.
        let moved =
            |sample: &Sample| if sample.at < START + 13 * DAY { sample.at } else { sample.at - 2 * DAY - 6 * 3600 };
        line.samples = line.samples.iter().map(|sample| Sample { at: moved(sample), ..*sample }).collect();
    }
    assert_eq!(with_gaps - lines(&whole), count);
}

#[test]
fn nothing_measured_is_said_and_not_drawn() {
    let mut report = report();
    report.sections.iter_mut().flat_map(|s| &mut s.charts).flat_map(|c| &mut c.lines).for_each(|l| l.samples.clear());
    report.zones.clear();
    report.events.clear();
    let page = html(&report);
    assert!(
        page.contains("not measured") && page.contains("The plan has no thresholds.") && page.contains("<p>None.</p>")
    );
}

/// The dark scheme has a colour for each of the light one that a chart is drawn with.
#[test]
fn every_colour_of_charts_has_one_in_the_dark() {
    let style = include_str!("style.css");
    let dark = style.split("prefers-color-scheme: dark").nth(1).unwrap().split("@media print").next().unwrap();
    let page = html(&report());
    let mut colours: Vec<_> = page.split("=\"#").skip(1).map(|rest| &rest[..6]).collect();
    colours.sort_unstable();
    colours.dedup();
    assert!(colours.len() >= 10, "{colours:?}");
    for colour in colours {
        for attribute in ["fill", "stroke"] {
            let used = format!("{attribute}=\"#{colour}\"");
            assert!(!page.contains(&used) || dark.contains(&used), "{used} has no colour in the dark scheme");
        }
    }
}
