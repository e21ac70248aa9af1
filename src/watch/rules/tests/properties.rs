//! What holds for any series, whatever its values, gaps and limits.

use proptest::prelude::*;

use super::super::{Level, Transition, Zone};
use super::*;

/// Of a few hundred minutes each.
pub const CASES: u32 = 100;

/// Values around every edge of the queue's limits, and none; runs of them, so that zones do change.
pub fn series() -> impl Strategy<Value = Vec<Option<f64>>> {
    let value = prop::sample::select(vec![0.0, 1.0, 7.9, 8.0, 9.9, 10.0, 15.9, 16.0, 19.9, 20.0, 30.0, 500.0]);
    let run = (prop::option::weighted(0.9, value), 1..25_usize);
    prop::collection::vec(run, 1..30)
        .prop_map(|runs| runs.into_iter().flat_map(|(value, length)| vec![value; length]).collect())
}

/// Noise: each minute has another value.
fn noise() -> impl Strategy<Value = Vec<Option<f64>>> {
    let value = (0..4000_u32).prop_map(|hundredths| f64::from(hundredths) / 100.0);
    prop::collection::vec(prop::option::weighted(0.8, value), 1..300)
}

fn any_series() -> impl Strategy<Value = Vec<Option<f64>>> {
    prop_oneof![series(), noise()]
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let minutes = prop::sample::select(vec![1, 2, 5, 15]);
    (minutes, prop::sample::select(vec![0, 10, 30])).prop_map(|(minutes, cooldown)| queue_rule(minutes, cooldown))
}

fn any_pair() -> impl Strategy<Value = Rule> {
    let combination = prop::sample::select(vec![Combination::All, Combination::Any]);
    (combination, any_rule()).prop_map(|(combination, of_queue)| {
        // Memory's edges are where the queue's are, as far as percentages can: the same series reach both.
        let memory = condition(memory(), false, Some(14.0), Some(20.0));
        Rule { combination, conditions: vec![queue_condition(), memory], ..of_queue }
    })
}

/// A way back takes M periods of its own, and the cooldown where it is one for the better.
fn assert_no_flapping(rule: &Rule, transitions: &[Transition]) {
    let is_worse = |transition: &Transition| Some(transition.to) > transition.from;
    for pair in transitions.windows(2) {
        let [first, second] = pair else { unreachable!("windows of two") };
        if first.from.is_none() && first.to == Level::Safe {
            continue;
        }
        let between = second.at.duration_since(first.at).as_secs();
        let least = i64::from(rule.patience.at_least) * seconds(rule.patience.period);
        if is_worse(first) != is_worse(second) {
            assert!(between >= least, "{pair:?} within {between} s");
        }
        if is_worse(first) && !is_worse(second) {
            assert!(between >= i64::try_from(rule.cooldown.as_secs()).unwrap(), "{pair:?} within the cooldown");
        }
    }
}

/// Never twice the same, never silent where it matters.
fn assert_said(watch: &Watch, assessment: &Assessment) {
    let kind = |zone: &Zone| zone.level();
    for rule in assessment.standings.iter() {
        let said: Vec<_> = watch.told.iter().filter(|notice| notice.rule == rule.rule).collect();
        assert!(said.windows(2).all(|pair| kind(&pair[0].zone) != kind(&pair[1].zone)), "said twice: {said:?}");
        if let Some(level) = kind(&rule.zone).filter(|level| *level > Level::Safe) {
            assert_eq!(said.last().and_then(|notice| kind(&notice.zone)), Some(level), "silent in a zone");
        }
        if rule.zone == Zone::Migrate {
            let entered = said.iter().rev().find(|notice| notice.zone == Zone::Migrate && notice.action.is_some());
            assert!(entered.is_some(), "an action that was never asked for");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_flaps_and_everything_is_said_once(rule in any_rule(), values in any_series()) {
        let mut watch = Watch::default();
        let mut transitions = vec![];
        for (value, at) in values.iter().zip(0..) {
            let measurements: Vec<_> = value.map(|value| measured(&queue(), at, value)).into_iter().collect();
            let assessment = watch.look(std::slice::from_ref(&rule), &measurements, minute(at + 1));
            assert_said(&watch, &assessment);
            transitions.extend(assessment.transitions);
        }
        assert_no_flapping(&rule, &transitions);
    }

    #[test]
    fn combinations_do_not_flap_either(rule in any_pair(), one in any_series(), other in any_series()) {
        let mut watch = Watch::default();
        let mut transitions = vec![];
        for ((one, other), at) in one.iter().zip(&other).zip(0..) {
            let of = |series: &Series, value: &Option<f64>| value.map(|value| measured(series, at, value));
            let measurements: Vec<_> = [of(&queue(), one), of(&memory(), other)].into_iter().flatten().collect();
            let assessment = watch.look(std::slice::from_ref(&rule), &measurements, minute(at + 1));
            assert_said(&watch, &assessment);
            transitions.extend(assessment.transitions);
        }
        assert_no_flapping(&rule, &transitions);
    }

    /// Told by the series alone: what was past a limit for the whole time is in its zone, and its notice was given.
    #[test]
    fn it_is_never_silent_in_the_migrate_zone(rule in any_rule(), values in any_series()) {
        let mut watch = Watch::default();
        let all = watch.minutes(std::slice::from_ref(&rule), &queue(), 0, &values);
        // After a silence three values are needed.
        let periods = rule.patience.of.max(3) as usize;
        for (window, assessment) in values.windows(periods).zip(&all[periods.min(all.len()) - 1..]) {
            let past = |limit: f64| window.iter().all(|value| value.is_some_and(|value| value >= limit));
            if past(20.0) {
                prop_assert_eq!(&assessment.whole, &Zone::Migrate);
            } else if past(10.0) {
                prop_assert!(assessment.whole.level() >= Some(Level::Warning));
            }
        }
    }

    /// And nothing else is: a zone is entered by M values past its limit, and left by M values that are better.
    #[test]
    fn a_zone_is_entered_and_left_by_its_values_only(rule in any_rule(), values in any_series()) {
        let mut watch = Watch::default();
        for assessment in watch.minutes(std::slice::from_ref(&rule), &queue(), 0, &values) {
            for transition in assessment.transitions {
                let end = usize::try_from(transition.at.duration_since(begin()).as_mins()).unwrap();
                let window = &values[end.saturating_sub(rule.patience.of as usize)..end];
                let count = |agrees: &dyn Fn(f64) -> bool| window.iter().flatten().filter(|value| agrees(**value)).count();
                let agreeing = match (transition.from, transition.to) {
                    (None, Level::Safe) => continue,
                    (_, Level::Migrate) => count(&|value| value >= 20.0),
                    (Some(Level::Migrate), Level::Warning) => count(&|value| value < 16.0),
                    (_, Level::Warning) => count(&|value| value >= 10.0),
                    (_, Level::Safe) => count(&|value| value < 8.0),
                };
                prop_assert!(agreeing >= rule.patience.at_least as usize, "{:?}: {:?}", transition, window);
                prop_assert!(window.last().unwrap().is_some(), "changed by a value that is missing");
            }
        }
    }

    #[test]
    fn between_the_edges_nothing_changes(
        rule in any_rule(), (start, low, high) in prop::sample::select(vec![(1.0, 8.0, 10.0), (12.0, 8.0, 20.0), (30.0, 16.0, 600.0)]),
        between in prop::collection::vec(prop::option::weighted(0.9, 0..1000_u32), 1..200),
    ) {
        let mut watch = Watch::default();
        let rules = [rule];
        let zone = watch.minutes(&rules, &queue(), 0, &steady(start, 60)).last().unwrap().whole.clone();
        let values: Vec<_> = between.iter().map(|value| value.map(|part| low + f64::from(part) / 1000.0 * (high - low))).collect();
        for assessment in watch.minutes(&rules, &queue(), 60, &values) {
            prop_assert_eq!(&assessment.transitions, &[]);
            let shown = assessment.whole;
            prop_assert!(shown == zone || shown.level().is_none(), "{} became {}", zone, shown);
        }
    }

    #[test]
    fn missing_values_never_read_as_safe(rule in any_pair(), one in any_series(), other in any_series()) {
        let mut watch = Watch::default();
        for (index, (one_value, other_value)) in one.iter().zip(&other).enumerate() {
            let at = i64::try_from(index).unwrap();
            let of = |series: &Series, value: &Option<f64>| value.map(|value| measured(series, at, value));
            let measurements: Vec<_> = [of(&queue(), one_value), of(&memory(), other_value)].into_iter().flatten().collect();
            let assessment = watch.look(std::slice::from_ref(&rule), &measurements, minute(at + 1));
            if assessment.whole == Zone::Safe {
                let heard = |series: &[Option<f64>]| series[index.saturating_sub(4)..=index].iter().any(Option::is_some);
                prop_assert!(heard(&one) && heard(&other), "safe without a value in five minutes");
            }
        }
    }

    /// However often it is looked at, and in whatever order values come, and twice.
    #[test]
    fn zones_depend_on_the_values_alone(
        rule in any_rule(), values in any_series(), every in 1..150_usize, seed in any::<u64>(),
    ) {
        let rules = [rule];
        let mut watch = Watch::default();
        let each: Vec<_> =
            watch.minutes(&rules, &queue(), 0, &values).into_iter().flat_map(|assessment| assessment.transitions).collect();
        let all: Vec<_> =
            values.iter().zip(0..).map(|(value, at)| value.map(|value| measured(&queue(), at, value))).collect();
        let (mut state, mut seldom) = (State::default(), vec![]);
        for (index, batch) in all.chunks(every).enumerate() {
            let mut batch: Vec<_> = batch.iter().flatten().cloned().collect();
            let turned = usize::try_from(seed % 1000).unwrap() % batch.len().max(1);
            batch.rotate_left(turned);
            batch.reverse();
            batch.extend(batch.clone());
            let end = minute(i64::try_from((index * every + every).min(all.len())).unwrap());
            state.observe(&rules, &batch, end);
            seldom.extend(state.evaluate(&rules, end).transitions);
            // Nothing is lost on the way through a file.
            let read = State::from_json(&state.to_json()).unwrap();
            prop_assert_eq!(&read, &state);
            state = read;
        }
        prop_assert_eq!(seldom, each);
    }

    #[test]
    fn no_input_is_too_strange(
        rule in any_rule(),
        steps in prop::collection::vec((any::<f64>(), -377_705_023_201_i64..=253_402_207_200, -377_705_023_201_i64..=253_402_207_200), 1..20),
    ) {
        let rules = [rule];
        let mut state = State::default();
        for (value, at, now) in steps {
            let (at, now) = (Timestamp::from_second(at).unwrap(), Timestamp::from_second(now).unwrap());
            state.observe(&rules, &[Measurement { series: queue(), at, value }], now);
            state.evaluate(&rules, now);
            prop_assert!(State::from_json(&state.to_json()).is_ok());
        }
    }

    #[test]
    fn any_text_is_a_state_or_refused(text in "\\PC{0,80}") {
        prop_assert!(State::from_json(&text).is_err());
    }
}
