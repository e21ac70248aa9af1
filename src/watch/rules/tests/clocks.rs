//! Clocks that jump forward and back, and those that were wrong.

use proptest::prelude::*;

use super::super::{Level, Reason, Zone};
use super::properties::CASES;
use super::*;

/// A host whose clock is set: each minute has a value, measured by that clock.
struct Clock {
    watch: Watch,
    rules: [Rule; 1],
    now: Timestamp,
}

impl Clock {
    fn new(rule: Rule) -> Self {
        Self { watch: Watch::default(), rules: [rule], now: minute(100_000) }
    }

    fn pass(&mut self, value: f64) -> Assessment {
        let at = self.now + SignedDuration::from_secs(30);
        self.now += SignedDuration::from_secs(MINUTE);
        self.watch.look(&self.rules, &[Measurement { series: queue(), at, value }], self.now)
    }

    fn pass_minutes(&mut self, value: f64, minutes: usize) -> Vec<Zone> {
        (0..minutes).map(|_| self.pass(value).whole).collect()
    }

    fn set(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }
}

#[test]
fn a_jump_forward_is_a_gap_and_no_news() {
    let mut clock = Clock::new(queue_rule(5, 10));
    clock.pass_minutes(1.0, 20);
    clock.set(3600);
    let after = clock.pass_minutes(1.0, 10);
    assert_eq!(after.last(), Some(&Zone::Safe));
    assert_eq!(clock.watch.zones(), [] as [&str; 0]);
    // Looked at before the next value, nobody can know.
    clock.set(3600);
    let blind = clock.watch.look(&clock.rules, &[], clock.now).whole;
    assert!(matches!(blind, Zone::NotMonitored(Reason::Silent(..))));
    clock.pass_minutes(1.0, 10);
    assert_eq!(clock.watch.zones(), [] as [&str; 0]);
}

#[test]
fn a_clock_that_goes_back_keeps_the_zone_and_begins_its_evidence_anew() {
    let mut clock = Clock::new(queue_rule(5, 10));
    clock.pass_minutes(30.0, 20);
    clock.set(-7200);
    let after = clock.pass_minutes(17.0, 30);
    assert_eq!(after.last(), Some(&Zone::Migrate));
    assert!(after.iter().all(|zone| zone.level().is_none_or(|level| level == Level::Migrate)));
    clock.pass_minutes(1.0, 15);
    assert_eq!(clock.watch.zones(), ["migrate", "safe"]);
}

#[test]
fn a_measurement_by_a_clock_that_is_ahead_is_refused() {
    let rules = [queue_rule(5, 10)];
    let mut state = State::default();
    let ahead: Vec<_> = (60..70).map(|at| measured(&queue(), at, 30.0)).collect();
    assert_eq!(state.observe(&rules, &ahead, minute(1)).future, 10);
    state.evaluate(&rules, minute(1));
    let calm: Vec<_> = (0..71).map(|at| measured(&queue(), at, 1.0)).collect();
    state.observe(&rules, &calm, minute(71));
    assert_eq!(state.evaluate(&rules, minute(71)).whole, Zone::Safe);
}

fn any_jump() -> impl Strategy<Value = Option<i64>> {
    prop::option::weighted(0.1, prop_oneof![-90..90_i64, -7200..7200_i64, -1_000_000..1_000_000_i64])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_clock_that_jumps_makes_no_false_zone(jumps in prop::collection::vec(any_jump(), 1..200), minutes in prop::sample::select(vec![1, 5, 15])) {
        for (value, zone) in [(1.0, Zone::Safe), (12.0, Zone::Warning), (30.0, Zone::Migrate)] {
            let mut clock = Clock::new(queue_rule(minutes, 10));
            clock.pass_minutes(value, 20);
            for jump in &jumps {
                clock.set(jump.unwrap_or_default());
                let assessment = clock.pass(value);
                let shown = assessment.whole;
                prop_assert!(shown == zone || shown.level().is_none(), "{} became {}", zone, shown);
                prop_assert_eq!(assessment.transitions, vec![]);
            }
        }
    }

    /// Storms of three minutes each, an hour apart, are no storm of five, whatever the clock says of when they were.
    #[test]
    fn short_storms_do_not_add_up(jumps in prop::collection::vec(any_jump(), 63..400)) {
        let mut clock = Clock::new(queue_rule(5, 10));
        clock.pass_minutes(1.0, 20);
        for (jump, at) in jumps.iter().zip(0..) {
            clock.set(jump.unwrap_or_default());
            let assessment = clock.pass(if at % 63 < 3 { 30.0 } else { 1.0 });
            prop_assert!(assessment.whole.level() <= Some(Level::Safe));
        }
    }
}
