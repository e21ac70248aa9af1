//! One case for each thing that a series may do to a forecast.

use super::generators::{Chance, DAY, START, series};
use crate::watch::forecast::{Bounds, Crossing, Limit, Model, Outlook, Sample, Silence};

const PERCENT: Option<Bounds> = Some(Bounds::PERCENT);

/// 40 % and 0.8 more each day, with a day and noise.
fn growth(days: i64) -> Vec<Sample> {
    let mut chance = Chance(7);
    series(days, |day| 40.0 + 0.8 * day + 2.0 * (std::f64::consts::TAU * day).sin() + chance.normal())
}

fn outlook(samples: &[Sample], limit: Limit) -> Outlook {
    let now = samples.iter().map(|sample| sample.at).max().unwrap_or(START);
    match Model::fit(samples, now, PERCENT) {
        Ok(model) => model.outlook(limit),
        Err(silence) => Outlook::Silent(silence),
    }
}

fn crossing(samples: &[Sample], limit: Limit) -> Crossing {
    match outlook(samples, limit) {
        Outlook::Crosses(crossing) => crossing,
        other => panic!("{other:?}"),
    }
}

fn days_after_start(time: i64) -> f64 {
    (time - START) as f64 / DAY as f64
}

#[test]
fn steady_growth_has_a_time_within_its_interval() {
    let told = crossing(&growth(30), Limit::rising(80.0));
    // The line is there on day 50; the day's own peak, and noise, are there earlier.
    let [earliest, likely, latest] = [told.earliest, told.likely, told.latest].map(days_after_start);
    assert!((45.0..=51.0).contains(&likely), "{likely}");
    assert!(earliest < likely && likely < latest && latest < 56.0, "{earliest} to {latest}");
}

#[test]
fn falling_is_as_rising() {
    let rising = crossing(&growth(30), Limit::rising(80.0));
    let falling: Vec<_> = growth(30).into_iter().map(|s| Sample { value: 100.0 - s.value, ..s }).collect();
    let told = crossing(&falling, Limit::falling(20.0));
    assert!((told.likely - rising.likely).abs() < DAY, "{told:?} {rising:?}");
}

#[test]
fn a_limit_that_is_an_end_of_the_scale_can_be_reached() {
    let mut chance = Chance(3);
    let burst = series(20, |day| (100.0 - 4.0 * day + chance.normal()).clamp(0.0, 100.0));
    let told = days_after_start(crossing(&burst, Limit::falling(0.0)).likely);
    assert!((23.5..26.0).contains(&told), "{told}");
    assert_eq!(outlook(&burst, Limit::falling(-1.0)), Outlook::Silent(Silence::OutOfRange));
}

#[test]
fn few_days_are_too_few() {
    let told = outlook(&growth(3), Limit::rising(80.0));
    assert!(matches!(told, Outlook::Silent(Silence::TooFewDays { .. })), "{told:?}");
    assert!(matches!(outlook(&[], Limit::rising(80.0)), Outlook::Silent(Silence::TooFewDays { .. })));
    // A sample each second day, for a month.
    let rare: Vec<_> = growth(30).into_iter().filter(|sample| sample.at % (2 * DAY) == 0).collect();
    assert!(matches!(outlook(&rare, Limit::rising(80.0)), Outlook::Silent(Silence::TooFewDays { .. })));
}

#[test]
fn yesterdays_data_tell_nothing() {
    let samples = growth(30);
    let last = samples.last().unwrap().at;
    let told = Model::fit(&samples, last + DAY, PERCENT).map(|_| ());
    assert!(matches!(told, Err(Silence::NoNewData { since }) if since > last && since <= last + 3600), "{told:?}");
}

#[test]
fn what_stays_has_no_trend() {
    let constant = series(30, |_| 41.0);
    for limit in [Limit::rising(80.0), Limit::falling(20.0), Limit::rising(41.1)] {
        assert_eq!(outlook(&constant, limit), Outlook::Silent(Silence::NoTrend));
    }
}

#[test]
fn away_from_the_limit_is_no_trend_towards_it() {
    assert_eq!(outlook(&growth(30), Limit::falling(20.0)), Outlook::Silent(Silence::NoTrend));
}

#[test]
fn a_step_of_yesterday_silences_and_is_named() {
    let mut samples = growth(30);
    samples.iter_mut().filter(|s| s.at >= START + 28 * DAY).for_each(|s| s.value -= 30.0);
    match outlook(&samples, Limit::rising(80.0)) {
        Outlook::Silent(Silence::LevelShift { at, size }) => {
            assert!((days_after_start(at) - 28.0).abs() < 0.6, "{}", days_after_start(at));
            assert!((size + 30.0).abs() < 5.0, "{size}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn after_a_step_the_new_level_counts() {
    let mut samples = growth(40);
    samples.iter_mut().filter(|s| s.at >= START + 20 * DAY).for_each(|s| s.value += 20.0);
    // 60 and 0.8 a day: 96 on day 45.
    let told = days_after_start(crossing(&samples, Limit::rising(96.0)).likely);
    assert!((41.0..=46.0).contains(&told), "{told}");
}

#[test]
fn wild_values_move_little() {
    let mut wild = growth(30);
    wild.iter_mut().step_by(97).for_each(|sample| sample.value = 99.0);
    let (calm, wild) = (crossing(&growth(30), Limit::rising(80.0)), crossing(&wild, Limit::rising(80.0)));
    assert!((calm.likely - wild.likely).abs() < 2 * DAY, "{calm:?} {wild:?}");
}

#[test]
fn a_disk_that_is_emptied_every_week_is_not_told_to_fill() {
    let mut chance = Chance(5);
    let teeth = series(40, |day| 30.0 + 4.0 * day.rem_euclid(7.0) + 0.3 * chance.normal());
    for until in 10..40 {
        let past: Vec<_> = teeth.iter().filter(|sample| sample.at < START + until * DAY).copied().collect();
        let told = outlook(&past, Limit::rising(80.0));
        // Of the first two teeth nobody can know.
        assert!(until < 15 || !matches!(told, Outlook::Crosses(_)), "on day {until}: {told:?}");
    }
}

#[test]
fn what_fills_slower_and_slower_is_told_no_time() {
    let mut chance = Chance(9);
    let fills = series(30, |day| 70.0 * (1.0 - (-day / 8.0).exp()) + 0.5 * chance.normal());
    let told = outlook(&fills, Limit::rising(75.0));
    assert!(!matches!(told, Outlook::Crosses(_)), "{told:?}");
}

#[test]
fn a_limit_that_was_passed_this_week_is_reached() {
    match outlook(&growth(30), Limit::rising(64.0)) {
        Outlook::Reached { time } => assert!(days_after_start(time) > 28.0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_limit_beyond_what_the_data_reach_is_not_told() {
    match outlook(&growth(10), Limit::rising(99.0)) {
        Outlook::NotBefore { time } => assert!((18.0..=20.5).contains(&days_after_start(time))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn order_and_values_that_are_none_do_not_matter() {
    let straight = outlook(&growth(30), Limit::rising(80.0));
    let mut turned = growth(30);
    turned.reverse();
    turned.insert(50, Sample { at: START + DAY, value: f64::NAN });
    turned.push(Sample { at: START, value: f64::INFINITY });
    assert_eq!(outlook(&turned, Limit::rising(80.0)), straight);
}

#[test]
fn times_and_values_without_sense_do_no_harm() {
    let odd = [i64::MIN, -1, 0, i64::MAX].map(|at| Sample { at, value: f64::MAX });
    assert!(Model::fit(&odd, 10, None).is_err());
    let huge: Vec<_> = growth(30).into_iter().map(|s| Sample { value: s.value * 1e300, ..s }).collect();
    let _ = Model::fit(&huge, huge.last().unwrap().at, None).map(|model| model.outlook(Limit::rising(1e302)));
}

/// The course is what a chart draws: as far ahead as there are data behind, never narrower later on.
#[test]
fn the_course_widens() {
    let samples = growth(30);
    let course = Model::fit(&samples, samples.last().unwrap().at, PERCENT).unwrap().course(24);
    assert_eq!(course.len(), 31);
    let widths: Vec<_> = course.iter().map(|at| at.high - at.low).collect();
    assert!(widths.is_sorted() && widths[0] > 0.0, "{widths:?}");
}

/// Of 90 days at five minutes. The limit catches a square of all samples, not a slow machine.
#[test]
fn ninety_days_take_little_time() {
    let samples = growth(90);
    let now = samples.last().unwrap().at;
    let begun = std::time::Instant::now();
    let model = Model::fit(&samples, now, None).unwrap();
    let fitted = begun.elapsed();
    let told = [Limit::rising(140.0), Limit::rising(160.0)].map(|limit| model.outlook(limit));
    let all = begun.elapsed();
    println!("{} samples: fitted in {fitted:?}, two limits in {:?}: {told:?}", samples.len(), all - fitted);
    assert!(all < std::time::Duration::from_secs(10), "{all:?}");
}
