//! The back-test on made series. Thresholds are what was seen, with some room: a change that makes the interval hold less
//! often or the alarms wrong more often fails here. `--nocapture` prints the figures.

use super::backtest::{Tally, backtest};
use super::generators::*;
use crate::watch::forecast::{Bounds, Sample};

type Make = fn(i64, &mut Chance) -> Vec<Sample>;

/// `INFRA_BACKTEST_RUNS` makes more of them.
fn tally(name: &str, make: Make, bounds: Option<Bounds>) -> Tally {
    let runs = std::env::var("INFRA_BACKTEST_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(2);
    let mut all = Tally::default();
    for seed in 1..=runs {
        all.add(&backtest(&make(45, &mut Chance(seed * 7919)), bounds, 3 * DAY + 5 * 3600));
    }
    println!("{name:16} {all}");
    all
}

const TRENDING: [(&str, Make); 6] = [
    ("growth", growth),
    ("growth with gaps", growth_with_gaps),
    ("drifting", drifting),
    ("vacuum", vacuum),
    ("weekly growth", weekly_growth),
    ("compound", compound),
];

const OTHERS: [(&str, Make, Option<Bounds>); 10] = [
    ("random walk", random_walk, None),
    ("wandering", wandering, None),
    ("retention", retention, Some(Bounds::PERCENT)),
    ("weekly", weekly, Some(Bounds::PERCENT)),
    ("deploys", deploys, Some(Bounds::PERCENT)),
    ("saturating", saturating, Some(Bounds::PERCENT)),
    ("ends", ends, Some(Bounds::PERCENT)),
    ("counter", counter, None),
    ("processor", processor, Some(Bounds::PERCENT)),
    ("constant", constant, Some(Bounds::PERCENT)),
];

#[test]
fn where_there_is_a_trend_the_interval_holds() {
    let mut all = Tally::default();
    TRENDING.iter().for_each(|(name, make)| all.add(&tally(name, *make, None)));
    println!("{:16} {all}", "TRENDING");
    assert!(all.foreseen * 3 > all.came, "it is silent where it should speak: {all}");
    assert!(all.coverage() > 0.72, "{all}");
    assert!(all.false_alarms() < 0.06, "{all}");
}

#[test]
fn where_there_is_none_little_is_told() {
    let mut all = Tally::default();
    OTHERS.iter().for_each(|(name, make, bounds)| all.add(&tally(name, *make, *bounds)));
    println!("{:16} {all}", "OTHERS");
    assert!(all.told * 12 < all.asked, "it speaks where it should be silent: {all}");
}

/// What goes this way and that is told no time at all.
#[test]
fn of_walks_and_noise_nothing_is_told() {
    let silent: [(&str, Make); 5] = [
        ("random walk", random_walk),
        ("wandering", wandering),
        ("weekly", weekly),
        ("deploys", deploys),
        ("processor", processor),
    ];
    for (name, make) in silent {
        let tally = tally(name, make, None);
        assert!(tally.told * 50 <= tally.asked, "{name} {tally}");
    }
}
