//! The page: what is asked first stands first.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::axis::{day_and_time, time};
use super::chart::Drawing;
use super::figures::{days, figures};
use super::model::{Chart, CostLine, Event, Expectation, Line, Report, Section, Severity, Zone};
use super::unit::Unit;
use super::zones::Timeline;
use crate::cost::Monthly;
use crate::watch::forecast::{Crossing, Direction, Limit, Outlook};

const STYLE: &str = include_str!("style.css");

/// View boxes of the timeline: text in them is as large as the page's on a screen of that width.
const PHONE: u32 = 360;
const DESK: u32 = 1120;

/// The whole file.
pub fn html(report: &Report) -> String {
    let title = format!("{} — report", report.stack);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (report.stack) }
                    p { (date(report.from)) " to " (date(report.until)) ", made " (minute(report.made)) ". All times are UTC." }
                }
                main {
                    (glance(report))
                    (zones(report))
                    (expectations(report))
                    @for section in &report.sections { (charts(report, section)) }
                    (events(&report.events))
                    (cost(&report.cost))
                }
                footer { p { "Made by infra. This file needs nothing else: keep it, mail it, print it." } }
            }
        }
    }
    .into_string()
}

/// One card a threshold.
fn glance(report: &Report) -> Markup {
    html! {
        section aria-label="Now" {
            ul.cards {
                @for row in &report.zones {
                    @let zone = row.spans.last().map_or(Zone::NotMonitored, |span| span.zone);
                    li class={ "card " (class(zone)) } {
                        span.name { (row.threshold) }
                        strong { (mark(zone)) " " (zone.word()) }
                    }
                }
            }
        }
    }
}

fn zones(report: &Report) -> Markup {
    let (from, until) = (report.from.as_second(), report.until.as_second());
    let timeline = |width| Timeline { rows: &report.zones, events: &report.events, from, until, width };
    html! {
        section {
            h2 { "Zones" }
            @if report.zones.is_empty() {
                p { "The plan has no thresholds." }
            } @else {
                (timeline(DESK).svg("timeline desk"))
                (timeline(PHONE).svg("timeline phone"))
                p.legend {
                    "The higher, the worse: " b { "low" } " safe, " b { "middle" } " warning, " b { "full" }
                    " migrate; " b { "a thin line" } " was not monitored. Letters are events: D deploy, A alarm, M migration, B backup."
                }
                (zone_table(report))
            }
        }
    }
}

fn zone_table(report: &Report) -> Markup {
    let zones = [Zone::Safe, Zone::Warning, Zone::Migrate, Zone::NotMonitored];
    let all = (report.until.as_second() - report.from.as_second()).max(1) as f64;
    let share = |spans: &[super::model::ZoneSpan], zone| {
        let of_zone = spans.iter().filter(|span| span.zone == zone);
        let seconds: i64 = of_zone.map(|span| span.until.as_second() - span.from.as_second()).sum();
        match seconds as f64 * 100.0 / all {
            0.0 => "0 %".to_owned(),
            share if share < 1.0 => "under 1 %".to_owned(),
            share => format!("{share:.0} %"),
        }
    };
    html! {
        div.wide { table {
            caption { "Share of the time in each zone" }
            thead { tr { th scope="col" { "Threshold" } @for zone in zones { th.n scope="col" { (zone.word()) } } } }
            tbody {
                @for row in &report.zones {
                    tr { th scope="row" { (row.threshold) } @for zone in zones { td.n { (share(&row.spans, zone)) } } }
                }
            }
        } }
    }
}

fn expectations(report: &Report) -> Markup {
    html! {
        section {
            h2 { "Forecast" }
            p.legend { "By the trend of what was measured. Four of five such intervals hold the time; where the data do not bear one, the reason stands there." }
            div.wide { table {
                thead { tr { th scope="col" { "Metric" } th scope="col" { "Limit" } th scope="col" { "Reached" } } }
                tbody {
                    @for one in &report.expectations {
                        tr {
                            th scope="row" { (one.what) }
                            td { (limit(one.unit, one.severity, &one.limit)) }
                            td { (outlook(&one.outlook, report.until)) }
                        }
                    }
                }
            } }
            div.grid.apart { @for one in drawn(&report.expectations) { (expected(report, one)) } }
        }
    }
}

/// One of each metric, for all of its limits.
fn drawn(all: &[Expectation]) -> impl Iterator<Item = &Expectation> {
    let first =
        |place: usize| all[..place].iter().all(|before| before.what != all[place].what || before.course.is_empty());
    all.iter().enumerate().filter(move |(place, one)| !one.course.is_empty() && first(*place)).map(|(_, one)| one)
}

fn expected(report: &Report, one: &Expectation) -> Markup {
    let same = report.expectations.iter().filter(|other| other.what == one.what);
    let limits: Vec<_> = same.map(|other| (other.severity, other.limit)).collect();
    let drawing = Drawing {
        unit: one.unit,
        from: report.from.as_second(),
        until: report.until.as_second(),
        lines: vec![&one.samples],
        limits: &limits,
        events: &[],
        course: &one.course,
    };
    html! {
        figure {
            figcaption { (one.what) " " small { (one.unit.axis()) } }
            (drawing.svg(&format!("{}: so far, and as expected", one.what)))
            p.legend { span.key.k0 {} "measured " span.key.kx {} "expected, with four fifths of the errors so far" }
        }
    }
}

fn charts(report: &Report, section: &Section) -> Markup {
    html! {
        section {
            h2 { (section.subject.title()) }
            div.grid { @for one in &section.charts { (chart(report, one)) } }
        }
    }
}

fn chart(report: &Report, chart: &Chart) -> Markup {
    let (from, until) = (report.from.as_second(), report.until.as_second());
    let drawing = Drawing {
        unit: chart.unit,
        from,
        until,
        lines: chart.lines.iter().map(|line| line.samples.as_slice()).collect(),
        limits: &chart.limits,
        events: &report.events,
        course: &[],
    };
    html! {
        figure {
            figcaption { (chart.title) " " small { (chart.unit.axis()) } }
            (drawing.svg(&format!("{} over time; the table below has its figures", chart.title)))
            (line_table(chart, from, until))
            (day_table(chart, from, until))
        }
    }
}

/// Last, median, lowest and highest of each line.
fn line_table(chart: &Chart, from: i64, until: i64) -> Markup {
    html! {
        table.figures {
            thead { tr { td {} @for word in ["last", "median", "lowest", "highest"] { th.n scope="col" { (word) } } } }
            tbody {
                @for (place, line) in chart.lines.iter().enumerate() {
                    tr {
                        th scope="row" { span class={ "key k" (place.min(2)) } {} (line.name) }
                        @match figures(&line.samples, from, until) {
                            Some(known) => {
                                td.n { (chart.unit.value(known.last)) }
                                td.n { (chart.unit.value(known.median)) }
                                td.n title=(day_and_time(known.lowest.at)) { (chart.unit.value(known.lowest.value)) }
                                td.n title=(day_and_time(known.highest.at)) { (chart.unit.value(known.highest.value)) }
                            }
                            None => td colspan="4" { "not measured" },
                        }
                    }
                }
            }
        }
    }
}

fn day_table(chart: &Chart, from: i64, until: i64) -> Markup {
    html! {
        details {
            summary { "By day" }
            @for line in &chart.lines { (days_of(chart.unit, line, from, until)) }
        }
    }
}

fn days_of(unit: Unit, line: &Line, from: i64, until: i64) -> Markup {
    html! {
        table.figures {
            caption { (line.name) }
            thead { tr { th scope="col" { "Day" } @for word in ["median", "lowest", "highest"] { th.n scope="col" { (word) } } } }
            tbody {
                @for day in days(&line.samples, from, until) {
                    tr {
                        th scope="row" { (time(day.day)) }
                        @for value in [day.median, day.lowest, day.highest] { td.n { (unit.value(value)) } }
                    }
                }
            }
        }
    }
}

fn events(events: &[Event]) -> Markup {
    html! {
        section {
            h2 { "Events" }
            @if events.is_empty() { p { "None." } } @else {
                div.wide { table { tbody {
                    @for event in events {
                        tr {
                            th scope="row" { (day_and_time(event.at.as_second())) }
                            td { b { (event.kind.letter()) } " " (event.kind.word()) }
                            td { (event.what) }
                        }
                    }
                } } }
            }
        }
    }
}

fn cost(lines: &[CostLine]) -> Markup {
    let known: Monthly = lines.iter().filter_map(|line| line.monthly).sum();
    let unknown = lines.iter().filter(|line| line.monthly.is_none()).count();
    html! {
        section {
            h2 { "Cost" }
            div.wide { table {
                thead { tr { th scope="col" { "What" } th.n scope="col" { "a month" } } }
                tbody {
                    @for line in lines {
                        tr {
                            th scope="row" { (line.what) }
                            td.n { @match line.monthly { Some(monthly) => (monthly), None => "unknown" } }
                        }
                    }
                }
                tfoot { tr { th scope="row" { "In all" @if unknown > 0 { ", without what is unknown" } } td.n { (known) } } }
            } }
        }
    }
}

fn limit(unit: Unit, severity: Severity, limit: &Limit) -> String {
    let side = match limit.direction {
        Direction::Rising => "from",
        Direction::Falling => "down to",
    };
    format!("{} {side} {}", severity.word(), unit.value(limit.value))
}

fn outlook(outlook: &Outlook, now: Timestamp) -> Markup {
    let day = |at: i64| if at - now.as_second() < 2 * 86_400 { day_and_time(at) } else { time(at / 86_400 * 86_400) };
    html! {
        @match outlook {
            Outlook::Crosses(Crossing { earliest, likely, latest }) => {
                strong { "about " (day(*likely)) } ", between " (day(*earliest)) " and " (day(*latest))
            }
            Outlook::NotBefore { time } => { "not likely before " (day(*time)) }
            Outlook::Reached { time } => { strong { "reached" } ", last at " (day_and_time(*time)) }
            Outlook::Silent(silence) => { "not said: " (silence) }
        }
    }
}

fn class(zone: Zone) -> &'static str {
    match zone {
        Zone::NotMonitored => "nowhere",
        Zone::Safe => "safe",
        Zone::Warning => "warning",
        Zone::Migrate => "danger",
    }
}

/// Told apart without colour.
fn mark(zone: Zone) -> &'static str {
    match zone {
        Zone::NotMonitored => "–",
        Zone::Safe => "✓",
        Zone::Warning => "▲",
        Zone::Migrate => "■",
    }
}

fn date(moment: Timestamp) -> String {
    moment.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string()
}

fn minute(moment: Timestamp) -> String {
    moment.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string()
}
