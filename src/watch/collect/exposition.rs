//! Prometheus' text format: the lines that are asked for, and quantiles of a histogram. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use super::sample::Why;

/// `name` or `name{label="value",…}`: all lines of that name which have these labels, whatever others they have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    name: String,
    labels: Labels,
}

type Labels = BTreeMap<String, String>;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no metric: write name or name{{label=\"value\"}}")]
pub struct NoSelector(String);

impl FromStr for Selector {
    type Err = NoSelector;

    fn from_str(text: &str) -> Result<Self, NoSelector> {
        let wrong = || NoSelector(text.to_owned());
        let (name, labels, rest) = head(text.trim()).ok_or_else(wrong)?;
        if rest.trim().is_empty() { Ok(Self { name: name.to_owned(), labels }) } else { Err(wrong()) }
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<String> = self.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        if labels.is_empty() { f.write_str(&self.name) } else { write!(f, "{}{{{}}}", self.name, labels.join(",")) }
    }
}

impl Selector {
    /// The sum of all lines. None: there is none.
    pub fn sum(&self, text: &str) -> Option<f64> {
        let mut lines = self.lines(text, "").map(|(_, value)| value).peekable();
        lines.peek()?;
        Some(lines.sum())
    }

    /// The buckets of a histogram, added up over labels that were not asked for. None: there is none.
    pub fn histogram(&self, text: &str) -> Option<Histogram> {
        let mut buckets: Vec<(f64, f64)> = vec![];
        for (labels, count) in self.lines(text, "_bucket") {
            let bound: f64 = labels.get("le")?.parse().ok()?;
            match buckets.iter_mut().find(|bucket| bucket.0 == bound) {
                Some(bucket) => bucket.1 += count,
                None => buckets.push((bound, count)),
            }
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets.last().is_some_and(|last| last.0 == f64::INFINITY).then_some(Histogram { buckets })
    }

    /// Labels and values of the matching lines, whose names are this one's and `suffix`.
    fn lines<'a>(&'a self, text: &'a str, suffix: &'a str) -> impl Iterator<Item = (Labels, f64)> + 'a {
        text.lines().filter_map(move |line| {
            let line = line.trim_start();
            // Most lines are of another name: they are not taken apart.
            line.strip_prefix(self.name.as_str())?.strip_prefix(suffix)?;
            let (name, labels, rest) = head(line)?;
            let wanted = name.len() == self.name.len() + suffix.len()
                && self.labels.iter().all(|(name, value)| labels.get(name) == Some(value));
            let value = rest.split_ascii_whitespace().next().filter(|_| wanted)?.parse().ok()?;
            Some((labels, value))
        })
    }
}

/// Name, labels, and what stands after them. Spaces and a last comma are fine.
fn head(line: &str) -> Option<(&str, Labels, &str)> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let rest = rest.trim_start();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let Some(mut rest) = rest.strip_prefix('{') else { return Some((name, Labels::new(), rest)) };
    let mut labels = Labels::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Some((name, labels, after));
        }
        let (label, after) = rest.split_once('=')?;
        let (value, after) = quoted(after.trim_start().strip_prefix('"')?)?;
        labels.insert(label.trim().to_owned(), value);
        rest = after.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

/// Up to the closing mark, with escapes resolved: the value, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

/// How many observations were at most so large, by bound; the last is infinite.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    buckets: Vec<(f64, f64)>,
}

impl Histogram {
    /// As Prometheus' histogram_quantile: linear within a bucket; in the last one its lower bound, which is then too little.
    pub fn quantile_since(&self, before: &Self, quantile: f64) -> Result<f64, Why> {
        let counts = self.since(before)?;
        let all = counts.last().copied().filter(|all| *all > 0.0).ok_or(Why::Idle)?;
        let rank = quantile * all;
        let index = counts.iter().position(|count| *count >= rank).unwrap_or(counts.len() - 1);
        let below = index.checked_sub(1);
        let (lower, fewer) = below.map_or((0.0, 0.0), |below| (self.buckets[below].0, counts[below]));
        let bound = self.buckets[index].0;
        if bound == f64::INFINITY {
            return Ok(lower);
        }
        Ok(lower + (bound - lower) * (rank - fewer) / (counts[index] - fewer))
    }

    fn since(&self, before: &Self) -> Result<Vec<f64>, Why> {
        let same = |(now, before): (&(f64, f64), &(f64, f64))| now.0 == before.0;
        if self.buckets.len() != before.buckets.len() || !self.buckets.iter().zip(&before.buckets).all(same) {
            return Err(Why::CounterReset);
        }
        let counts: Vec<f64> = self.buckets.iter().zip(&before.buckets).map(|(now, before)| now.1 - before.1).collect();
        let grows =
            counts.first().is_none_or(|first| *first >= 0.0) && counts.windows(2).all(|pair| pair[0] <= pair[1]);
        if grows { Ok(counts) } else { Err(Why::CounterReset) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "# HELP ingest_batches_total Requests by result.\n# TYPE ingest_batches_total counter\n\
        ingest_batches_total{result=\"accepted\"} 90\ningest_batches_total{result=\"failed\", path=\"/a,\\\"}b\",} 10 1700000000000\n\
        ingest_batches_total_other 7\ningest_rows_total 500\nodd{x=\"1\n\
        ingest_batch_seconds_bucket{le=\"0.1\"} 50\ningest_batch_seconds_bucket{le=\"0.2\"} 90\n\
        ingest_batch_seconds_bucket{le=\"+Inf\"} 100\ningest_batch_seconds_sum 12\ningest_batch_seconds_count 100\n";

    fn selector(text: &str) -> Selector {
        text.parse().unwrap()
    }

    #[test]
    fn lines_are_found_by_name_and_labels() {
        assert_eq!(selector("ingest_batches_total").sum(TEXT), Some(100.0));
        assert_eq!(selector(r#"ingest_batches_total{result="failed"}"#).sum(TEXT), Some(10.0));
        assert_eq!(selector(r#"ingest_batches_total{path="/a,\"}b"}"#).sum(TEXT), Some(10.0));
        assert_eq!(selector("ingest_rows_total").sum(TEXT), Some(500.0));
        assert_eq!(selector("ingest_rows").sum(TEXT), None);
        assert_eq!(selector("odd").sum(TEXT), None);
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in ["", "{a=\"b\"}", "a{b}", "a{b=\"c\"", "a b", "9a"] {
            assert_eq!(text.parse::<Selector>(), Err(NoSelector(text.to_owned())));
        }
        let text = "a{b=\"c\\\"d\"}";
        assert_eq!(selector(text).to_string(), text);
    }

    #[test]
    fn a_quantile_is_that_of_the_time_between() {
        let before = selector("ingest_batch_seconds").histogram(TEXT).unwrap();
        assert_eq!(before.quantile_since(&before, 0.95), Err(Why::Idle));
        let with =
            |counts: [f64; 3]| Histogram { buckets: [0.1, 0.2, f64::INFINITY].into_iter().zip(counts).collect() };
        // A hundred more: 50 up to 0.1, 50 up to 0.2.
        assert_eq!(with([100.0, 190.0, 200.0]).quantile_since(&before, 0.5), Ok(0.1));
        let p95 = with([100.0, 190.0, 200.0]).quantile_since(&before, 0.95).unwrap();
        assert!((p95 - 0.19).abs() < 1e-9, "{p95}");
        assert_eq!(with([50.0, 90.0, 200.0]).quantile_since(&before, 0.95), Ok(0.2), "slower than the last bound");
        assert_eq!(with([10.0, 20.0, 30.0]).quantile_since(&before, 0.95), Err(Why::CounterReset));
        let other = Histogram { buckets: vec![(f64::INFINITY, 500.0)] };
        assert_eq!(other.quantile_since(&before, 0.95), Err(Why::CounterReset));
    }

    #[test]
    fn a_histogram_without_its_last_bucket_is_none() {
        assert_eq!(selector("x").histogram("x_bucket{le=\"1\"} 5\n"), None);
        let two = "x_bucket{a=\"1\",le=\"+Inf\"} 5\nx_bucket{a=\"2\",le=\"+Inf\"} 6\n";
        assert_eq!(selector("x").histogram(two), Some(Histogram { buckets: vec![(f64::INFINITY, 11.0)] }));
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,200}", line in "a[{]?[a-z=\", \\\\}]{0,20} [0-9.e+-]{0,6}") {
            for text in [text, line] {
                let _ = (selector("a").sum(&text), selector("a").histogram(&text), text.parse::<Selector>());
            }
        }

        /// A quantile lies within the bounds, and a larger one is no smaller.
        #[test]
        fn quantiles_grow(steps in proptest::collection::vec(0_u32..1000, 4)) {
            let mut sum = 0.0;
            let counts: Vec<f64> = steps.iter().map(|step| { sum += f64::from(*step); sum }).collect();
            let bounds = [0.1, 0.2, 0.4, f64::INFINITY];
            let now = Histogram { buckets: bounds.into_iter().zip(counts).collect() };
            let none = Histogram { buckets: bounds.into_iter().map(|bound| (bound, 0.0)).collect() };
            let quantiles = [0.01, 0.5, 0.95, 1.0].map(|quantile| now.quantile_since(&none, quantile));
            for pair in quantiles.windows(2) {
                match (&pair[0], &pair[1]) {
                    (Ok(smaller), Ok(larger)) => prop_assert!(smaller <= larger && *smaller >= 0.0 && *larger <= 0.4),
                    (smaller, larger) => prop_assert!(smaller == larger && sum == 0.0),
                }
            }
        }
    }
}
