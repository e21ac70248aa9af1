//! A rule with the values of its conditions, period by period.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::limit::Verdict;
use super::measurement::Series;
use super::memory::LISTEN;
use super::rule::Rule;
use super::window::{Period, Window};
use super::zone::Level;

pub struct Evidence<'a> {
    pub rule: &'a Rule,
    /// In the order of the conditions; None: there never was a value.
    windows: Vec<Option<&'a Window>>,
}

impl<'a> Evidence<'a> {
    pub fn new(rule: &'a Rule, windows: &'a BTreeMap<String, (Series, Window)>) -> Self {
        let window = |series: &Series| windows.get(&series.to_string()).map(|(_, window)| window);
        Self { rule, windows: rule.conditions.iter().map(|condition| window(&condition.series)).collect() }
    }

    /// M of the last N periods say so, this one among them; those that began before a time do not count.
    pub fn holds(&self, level: Level, wanted: Verdict, number: i64, from: Option<Timestamp>) -> bool {
        self.verdict(level, number) == wanted
            && self.count(level, number, from, |verdict| verdict == wanted) >= self.rule.patience.at_least
    }

    /// How many of the last N periods say so.
    pub fn count(&self, level: Level, last: i64, from: Option<Timestamp>, wanted: impl Fn(Verdict) -> bool) -> u32 {
        let period = self.rule.period();
        let numbers = (last - i64::from(self.rule.patience.of) + 1)..=last;
        let counting = numbers.filter(|number| from.is_none_or(|from| period.begin(*number) >= from));
        let count = counting.filter(|number| wanted(self.verdict(level, *number))).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Periods to judge, oldest first: those after the last one with values, up to where every condition has been heard. Providers
    /// tell some values minutes later than others; what has gone silent is not waited for.
    pub fn to_judge(&self, judged: Option<Timestamp>, over: i64) -> Vec<i64> {
        let period = self.rule.period();
        let heard = self.each(|own, window| window.latest_up_to(own, period, over));
        let recent = heard.iter().filter(|latest| **latest > over - LISTEN).min();
        let Some(to) = recent.or_else(|| heard.iter().max()) else { return vec![] };
        let after = judged.map(|judged| period.last_over(judged));
        let mut numbers = self.each(|own, window| Some(window.numbers(own, period, after, *to))).concat();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// How many of the latest periods tell whether it is still in its zone. To be safe every condition has to be known; a worse
    /// zone is known by what decides it.
    pub fn heard(&self, level: Option<Level>, last: i64) -> usize {
        let is_known = |number: &i64| match level {
            None | Some(Level::Safe) => self.values(*number).iter().all(Option::is_some),
            Some(level) => self.verdict(level, *number) != Verdict::Unknown,
        };
        latest(last).filter(is_known).count()
    }

    /// The first of its series without a value in the latest periods, and since when.
    pub fn silent(&self, last: i64) -> Option<(&'a Series, Option<Timestamp>)> {
        let values = self.latest_values(last);
        let index = values.iter().position(Option::is_none)?;
        let series = &self.rule.conditions[index].series;
        Some((series, self.windows[index].and_then(|window| window.last_heard(series.period()))))
    }

    /// The latest value of each condition, if it is not older than what counts as silence.
    pub fn latest_values(&self, last: i64) -> Vec<Option<f64>> {
        let periods: Vec<_> = latest(last).map(|number| self.values(number)).collect();
        let newest = |index| periods.iter().find_map(|values: &Vec<Option<f64>>| values[index]);
        (0..self.windows.len()).map(newest).collect()
    }

    fn verdict(&self, level: Level, number: i64) -> Verdict {
        self.rule.verdict(level, &self.values(number))
    }

    fn values(&self, number: i64) -> Vec<Option<f64>> {
        let conditions = self.rule.conditions.iter().zip(&self.windows);
        let value = |period: Period, window: &Window| window.value(period, self.rule.period(), number);
        conditions.map(|(condition, window)| value(condition.series.period(), window.as_ref()?)).collect()
    }

    fn each<T>(&self, of: impl Fn(Period, &Window) -> Option<T>) -> Vec<T> {
        let conditions = self.rule.conditions.iter().zip(&self.windows);
        conditions.filter_map(|(condition, window)| of(condition.series.period(), window.as_ref()?)).collect()
    }
}

/// Newest first.
fn latest(last: i64) -> impl Iterator<Item = i64> {
    ((last - LISTEN + 1)..=last).rev()
}
