//! One behaviour a test.

use super::super::limit::Verdict;
use super::super::{Counter, Level, Reason, StateError, Zone, rates, whole};
use super::*;

fn zone_after(values: &[Option<f64>]) -> Zone {
    let mut watch = Watch::default();
    let all = watch.minutes(&[queue_rule(5, 10)], &queue(), 0, values);
    all.last().unwrap().whole.clone()
}

#[test]
fn a_zone_is_entered_by_four_of_five_values_and_not_by_three() {
    let calm = steady(1.0, 6);
    assert_eq!(zone_after(&calm), Zone::Safe);
    assert_eq!(zone_after(&[calm.clone(), steady(30.0, 3)].concat()), Zone::Safe);
    assert_eq!(zone_after(&[calm.clone(), steady(30.0, 4)].concat()), Zone::Migrate);
    assert_eq!(zone_after(&[calm.clone(), steady(12.0, 4)].concat()), Zone::Warning);
    let with_a_calm_minute = [calm, steady(30.0, 3), steady(1.0, 1), steady(30.0, 1)].concat();
    assert_eq!(zone_after(&with_a_calm_minute), Zone::Migrate);
}

#[test]
fn leaving_takes_better_values_and_the_cooldown() {
    let rules = [queue_rule(5, 10)];
    let mut watch = Watch::default();
    let values = [steady(1.0, 6), steady(30.0, 4), steady(17.0, 30), steady(15.0, 3), steady(7.0, 5)].concat();
    watch.minutes(&rules, &queue(), 0, &values);
    // 17 is under the limit of 20 and not under its other edge, 16.
    assert_eq!(watch.zones(), ["migrate", "warning", "safe"]);
    let at: Vec<_> = watch.told.iter().map(|notice| notice.at.duration_since(begin()).as_mins()).collect();
    assert_eq!(at, [10, 44, 47]);

    let mut watch = Watch::default();
    watch.minutes(&rules, &queue(), 0, &[steady(1.0, 6), steady(30.0, 4), steady(1.0, 12)].concat());
    let at: Vec<_> = watch.told.iter().map(|notice| notice.at.duration_since(begin()).as_mins()).collect();
    assert_eq!(at, [10, 20], "the cooldown of ten minutes");
}

#[test]
fn an_action_goes_with_the_last_limit_once() {
    let rules = [queue_rule(5, 0)];
    let mut watch = Watch::default();
    let storm = [steady(12.0, 6), steady(30.0, 10), steady(12.0, 10), steady(30.0, 10)].concat();
    watch.minutes(&rules, &queue(), 0, &storm);
    let told: Vec<_> = watch.told.iter().map(|notice| (notice.zone.to_string(), notice.action)).collect();
    let expected = [("warning", None), ("migrate", Some(Action::Migrate))].repeat(2);
    assert_eq!(told, expected.into_iter().map(|(zone, action)| (zone.to_owned(), action)).collect::<Vec<_>>());
}

/// Whoever looks only afterwards hears of it, and does nothing about it.
#[test]
fn a_storm_that_is_over_is_said_without_its_action() {
    let rules = [queue_rule(5, 10)];
    let values = [steady(1.0, 6), steady(30.0, 8), steady(1.0, 30)].concat();
    let all: Vec<_> = values.iter().zip(0..).map(|(value, at)| measured(&queue(), at, value.unwrap())).collect();
    let mut watch = Watch::default();
    let assessment = watch.look(&rules, &all, minute(44));
    assert_eq!(watch.zones(), ["migrate", "safe"]);
    assert!(watch.told.iter().all(|notice| notice.action.is_none()));
    assert_eq!(assessment.whole, Zone::Safe);
}

#[test]
fn silence_is_shown_at_once_and_said_when_it_lasts() {
    let rules = [queue_rule(5, 10)];
    let mut watch = Watch::default();
    let all = watch.minutes(&rules, &queue(), 0, &[steady(1.0, 10), gap(20)].concat());
    let safe = all.iter().rposition(|assessment| assessment.whole == Zone::Safe).unwrap();
    assert_eq!(safe, 13, "four minutes without a value may happen");
    assert!(matches!(&all.last().unwrap().whole, Zone::NotMonitored(Reason::Silent(series, _)) if *series == queue()));
    assert_eq!(watch.told.len(), 1);
    assert_eq!(watch.told[0].at, minute(20));
    assert_eq!(
        watch.told[0].to_string(),
        "not monitored: disk.queue_depth of vault/pgdata has had no value since 2026-11-21T00:09:00Z"
    );

    let all = watch.minutes(&rules, &queue(), 30, &steady(1.0, 3));
    assert_eq!(all.iter().map(|assessment| assessment.whole == Zone::Safe).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(watch.zones()[1..], ["safe"]);
}

#[test]
fn a_gap_neither_trips_nor_clears() {
    let rules = [queue_rule(5, 10)];
    let mut watch = Watch::default();
    watch.minutes(&rules, &queue(), 0, &[steady(1.0, 6), steady(30.0, 6), gap(60)].concat());
    let all = watch.minutes(&rules, &queue(), 72, &steady(17.0, 3));
    assert_eq!(all.last().unwrap().whole, Zone::Migrate);
    assert!(all.iter().all(|assessment| assessment.transitions.is_empty()));
    let zones = watch.zones();
    assert_eq!([&zones[0], &zones[2]], ["migrate", "migrate"], "{zones:?}");
}

#[test]
fn what_was_never_measured_is_said_and_is_not_safe() {
    let rules = [queue_rule(5, 10)];
    let mut watch = Watch::default();
    let all = watch.minutes(&rules, &queue(), 0, &gap(10));
    assert!(all.iter().all(|assessment| assessment.whole == Zone::NotMonitored(Reason::Never(queue()))));
    assert_eq!(watch.told.len(), 1);
    assert_eq!(Watch::default().look(&[], &[], begin()).whole, Zone::NotMonitored(Reason::NoRules));
}

#[test]
fn all_needs_both_at_the_same_time() {
    let rules = [migration_point()];
    let both = |queue_depth: f64, burst_left: f64, from: i64, to: i64| -> Vec<Measurement> {
        let queue = (from..to).map(move |at| measured(&queue(), at, queue_depth));
        queue.chain((from..to).step_by(5).map(move |at| measured(&burst(), at, burst_left))).collect()
    };
    let mut watch = Watch::default();
    // First the one, then the other.
    watch.look(&rules, &both(30.0, 50.0, 0, 60), minute(60));
    watch.look(&rules, &both(3.0, 0.0, 60, 120), minute(120));
    assert_eq!(watch.zones(), [] as [&str; 0]);
    let assessment = watch.look(&rules, &both(30.0, 0.0, 120, 140), minute(140));
    assert_eq!(assessment.whole, Zone::Migrate);
    insta::assert_snapshot!(watch.told[0], @"migrate: disk.queue_depth of vault/pgdata 30 (limit: at least 20), cpu.burst_percent of vault 0 (limit: at most 0); move the database: infra migrate");
    // Relief of one of them is relief.
    let assessment = watch.look(&rules, &both(3.0, 0.0, 140, 190), minute(190));
    assert_eq!(assessment.whole, Zone::Safe);
}

/// A provider tells some values ten minutes later than the host tells its own.
#[test]
fn values_that_come_late_count_together_with_those_of_their_time() {
    let rules = [migration_point()];
    let mut watch = Watch::default();
    let mut zones = vec![];
    for now in 1..90 {
        let depth = if now > 30 { 30.0 } else { 2.0 };
        let mut measurements = vec![measured(&queue(), now - 1, depth)];
        let late = now - 10;
        if late >= 0 && late % 5 == 0 {
            measurements.push(measured(&burst(), late, if late > 30 { 0.0 } else { 40.0 }));
        }
        zones.push(watch.look(&rules, &measurements, minute(now)).whole);
    }
    assert_eq!(watch.zones(), ["migrate"]);
    assert_eq!(zones.last(), Some(&Zone::Migrate));
}

#[test]
fn with_a_value_missing_all_is_not_safe_and_any_still_trips() {
    let conditions = || vec![queue_condition(), condition(memory(), false, Some(80.0), Some(90.0))];
    let calm: Vec<_> = (0..20).map(|at| measured(&queue(), at, 1.0)).collect();
    let storm: Vec<_> = (0..20).map(|at| measured(&queue(), at, 30.0)).collect();
    for combination in [Combination::All, Combination::Any] {
        let rules = [rule(combination, conditions(), 5, 10)];
        let zone = Watch::default().look(&rules, &calm, minute(20)).whole;
        assert_eq!(zone, Zone::NotMonitored(Reason::Never(memory())), "{combination:?}");
        let zone = Watch::default().look(&rules, &storm, minute(20)).whole;
        assert_eq!(zone == Zone::Migrate, combination == Combination::Any, "{zone}");
    }
}

#[test]
fn undelivered_notices_stay_and_delivered_ones_do_not_come_again() {
    let rules = [queue_rule(5, 10)];
    let mut state = State::default();
    let storm: Vec<_> = (0..9).map(|at| measured(&queue(), at, 30.0)).collect();
    state.observe(&rules, &storm, minute(9));
    state.evaluate(&rules, minute(9));
    let mut state = State::from_json(&state.to_json()).unwrap();
    state.evaluate(&rules, minute(10));
    let [notice] = state.pending() else { panic!("{:?}", state.pending()) };
    assert_eq!((notice.zone.clone(), notice.action), (Zone::Migrate, Some(Action::Migrate)));
    let id = notice.id;
    state.acknowledge(id);
    state.observe(&rules, &storm, minute(10));
    state.evaluate(&rules, minute(10));
    assert_eq!(state.pending(), []);
}

#[test]
fn the_outbox_does_not_grow_and_keeps_what_matters() {
    let rules = [queue_rule(1, 0)];
    let mut state = State::default();
    let mut values = vec![30.0];
    values.extend([1.0, 12.0].into_iter().cycle().take(400));
    for (value, at) in values.into_iter().zip(0..) {
        state.observe(&rules, &[measured(&queue(), at, value)], minute(at + 1));
        state.evaluate(&rules, minute(at + 1));
    }
    assert_eq!(state.pending().len(), 100);
    assert_eq!(state.pending()[0].zone, Zone::Migrate);
}

#[test]
fn another_version_and_broken_files_are_refused() {
    let other = State::default().to_json().replace("\"version\":1", "\"version\":2");
    assert!(matches!(State::from_json(&other), Err(StateError::OtherVersion(2))));
    for broken in ["", "{}", "{\"version\":1}", "[1]", "{\"version\":1,\"clock\":\"yesterday\"}"] {
        assert!(matches!(State::from_json(broken), Err(StateError::Unreadable(_))), "{broken}");
    }
}

/// A plan without that limit cannot be in its zone; a rule that left the plan leaves nothing behind.
#[test]
fn another_plan_has_other_rules() {
    let mut watch = Watch::default();
    watch.minutes(&[queue_rule(5, 10)], &queue(), 0, &steady(30.0, 9));
    let milder = [rule(Combination::All, vec![condition(queue(), false, Some(10.0), None)], 5, 10)];
    assert_eq!(watch.minutes(&milder, &queue(), 9, &steady(30.0, 1))[0].whole, Zone::Warning);
    watch.look(&[], &[], minute(11));
    assert_eq!(watch.state.windows.len() + watch.state.memories.len(), 0);
}

#[test]
fn measurements_that_are_none_do_not_count() {
    let rules = [queue_rule(5, 10)];
    let at = |minutes, value| measured(&queue(), minutes, value);
    let wrong = [at(0, f64::NAN), at(0, f64::INFINITY), at(0, 1e16), at(9, 1.0), at(0, 1.0), at(0, 1.0)];
    let other = measured(&memory(), 0, 1.0);
    let refused = State::default().observe(&rules, &[&wrong[..], &[other]].concat(), minute(1));
    assert_eq!((refused.no_value, refused.future, refused.repeated, refused.of_no_rule), (3, 1, 1, 1));
}

#[test]
fn edges_lie_on_the_good_side_where_values_can_be() {
    let leave = |metric, below, enter| Limit::of(metric, below, enter).leave;
    assert_eq!(leave(Metric::CpuPercent, false, 85.0), 80.0);
    assert_eq!(leave(Metric::CpuPercent, false, 4.0), 2.0);
    assert_eq!(leave(Metric::CpuBurstPercent, true, 0.0), 5.0);
    assert_eq!(leave(Metric::CpuBurstPercent, true, 98.0), 99.0);
    assert_eq!(leave(Metric::DiskQueueDepth, false, 20.0), 16.0);
    assert_eq!(leave(Metric::RowsPerSecond, true, 80.0), 100.0);
    let limit = Limit::of(Metric::DiskQueueDepth, false, 20.0);
    let verdicts = [20.0, 19.9, 16.0, 15.9].map(|value| limit.verdict(false, Some(value)));
    assert_eq!(verdicts, [Verdict::Past, Verdict::Between, Verdict::Between, Verdict::Clear]);
    assert_eq!(Limit::of(Metric::CpuBurstPercent, true, 0.0).verdict(true, Some(0.0)), Verdict::Past);
}

#[test]
fn patience_is_four_fifths_of_the_time_in_whole_periods() {
    let patience = |seconds: u64, period: u32| {
        let patience = Patience::of(Span::from_secs(seconds), Period::from_secs(period));
        (patience.at_least, patience.of)
    };
    assert_eq!(patience(15 * 60, 60), (12, 15));
    assert_eq!(patience(15 * 60, 300), (3, 3));
    assert_eq!(patience(60, 300), (1, 1));
    assert_eq!(patience(86_400, 60), (1152, 1440));
}

#[test]
fn the_whole_is_its_worst_part_and_safe_only_where_all_are() {
    let unknown = Zone::NotMonitored(Reason::TooFew);
    assert_eq!(whole([&Zone::Safe, &unknown]), unknown);
    assert_eq!(whole([&Zone::Warning, &unknown, &Zone::Safe]), Zone::Warning);
    assert_eq!(whole([&Zone::Warning, &Zone::Migrate]), Zone::Migrate);
    assert_eq!(Level::Migrate.max(Level::Safe), Level::Migrate);
}

#[test]
fn counters_that_begin_anew_have_no_rate() {
    let counter = |seconds: i64, value| Counter { at: begin() + SignedDuration::from_secs(seconds), value };
    let found = |readings: &[Counter]| -> Vec<(i64, f64)> {
        let rates = rates(readings, SignedDuration::from_mins(10));
        rates.into_iter().map(|(at, rate)| (at.duration_since(begin()).as_secs(), rate)).collect()
    };
    assert_eq!(found(&[counter(0, 100.0), counter(60, 700.0)]), [(60, 10.0)]);
    assert_eq!(found(&[counter(0, 100.0), counter(60, 7.0), counter(120, 67.0)]), [(120, 1.0)], "it began anew");
    assert_eq!(found(&[counter(0, 0.0), counter(0, 0.0), counter(60, 60.0)]), [(60, 1.0)], "it came twice");
    assert_eq!(found(&[counter(600, 0.0), counter(0, 60.0), counter(60, 120.0)]), [(60, 1.0)], "the clock went back");
    assert_eq!(found(&[counter(0, 0.0), counter(7200, 60.0)]), [], "a gap");
    assert_eq!(found(&[counter(0, 0.0), counter(30, f64::NAN), counter(60, 60.0)]), [(60, 1.0)]);
}
