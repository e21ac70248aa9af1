//! A histogram with fixed buckets, updated without locks.

use super::Counter;
use std::fmt::Write;

/// Counts observations by their upper bounds.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One for each bound and one for what is above all of them.
    buckets: Vec<Counter>,
    /// In millionths, because an integer can be added to atomically.
    sum: Counter,
}

impl Histogram {
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, buckets: (0..=bounds.len()).map(|_| Counter::default()).collect(), sum: Counter::default() }
    }

    pub fn observe(&self, value: f64) {
        let bucket = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        self.buckets[bucket].add(1);
        // A cast saturates, and no observation is negative.
        self.sum.add((value * 1e6) as u64);
    }

    pub(super) fn render(&self, name: &str, out: &mut String) {
        let mut count = 0;
        for (bucket, bound) in self.buckets.iter().zip(self.bounds) {
            count += bucket.get();
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {count}");
        }
        count += self.buckets[self.bounds.len()].get();
        let sum = self.sum.get() as f64 / 1e6;
        let _ = write!(out, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative() {
        let histogram = Histogram::new(&[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 9.0] {
            histogram.observe(value);
        }
        let mut text = String::new();
        histogram.render("x", &mut text);
        assert_eq!(text, "x_bucket{le=\"1\"} 2\nx_bucket{le=\"2\"} 3\nx_bucket{le=\"+Inf\"} 4\nx_sum 12\nx_count 4\n");
    }
}
