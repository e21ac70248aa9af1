//! What Prometheus reads at `/metrics`: rows, requests, how long they take, and how many hosts have sent lately.

use crate::sample::Sample;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// In seconds: with 0.2 and 0.5 among them, where the system's own table of thresholds warns and is critical.
const BOUNDS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0];
/// A host that was silent for so long is not counted as an agent.
const LATELY: Duration = Duration::from_secs(300);
/// Names are the senders' to choose: they must not take all memory.
const HOSTS_MOST: usize = 10_000;

#[derive(Debug, Default)]
pub struct Metrics {
    /// One for each bound, and one for what is above all of them.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// In millionths, because an integer can be added to atomically.
    micros: AtomicU64,
    rows: AtomicU64,
    failed: AtomicU64,
    hosts: Mutex<HashMap<String, Instant>>,
}

impl Metrics {
    /// Rows were committed, of which so many are new.
    pub fn stored(&self, samples: &[Sample], new: u64) {
        self.rows.fetch_add(new, Ordering::Relaxed);
        let now = Instant::now();
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        for sample in samples {
            if hosts.len() < HOSTS_MOST || hosts.contains_key(&sample.host) {
                hosts.insert(sample.host.clone(), now);
            }
        }
    }

    pub fn refused(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// A request of the api was answered.
    pub fn answered(&self, took: Duration) {
        let bucket = BOUNDS.iter().position(|bound| took.as_secs_f64() <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// In Prometheus' text format.
    pub fn render(&self) -> String {
        let mut out = String::new();
        let mut count = 0;
        let _ = writeln!(out, "# TYPE api_request_seconds histogram");
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS) {
            count += bucket.load(Ordering::Relaxed);
            let _ = writeln!(out, "api_request_seconds_bucket{{le=\"{bound}\"}} {count}");
        }
        count += self.buckets[BOUNDS.len()].load(Ordering::Relaxed);
        let sum = Duration::from_micros(self.micros.load(Ordering::Relaxed)).as_secs_f64();
        let _ = writeln!(out, "api_request_seconds_bucket{{le=\"+Inf\"}} {count}");
        let _ = writeln!(out, "api_request_seconds_sum {sum}\napi_request_seconds_count {count}");
        for (name, kind, value) in [
            ("api_rows_total", "counter", self.rows.load(Ordering::Relaxed)),
            ("api_batches_failed_total", "counter", self.failed.load(Ordering::Relaxed)),
            ("api_agents", "gauge", self.agents()),
        ] {
            let _ = writeln!(out, "# TYPE {name} {kind}\n{name} {value}");
        }
        out
    }

    /// Hosts that have sent lately; others are forgotten.
    fn agents(&self) -> u64 {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|_, seen| seen.elapsed() < LATELY);
        hosts.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_hosts_counted_once() {
        let metrics = Metrics::default();
        for milliseconds in [1, 150, 9000] {
            metrics.answered(Duration::from_millis(milliseconds));
        }
        let sample = |id: &str, host: &str| Sample { id: id.into(), host: host.into(), name: "cpu".into(), value: 1.0 };
        metrics.stored(&[sample("1", "a"), sample("2", "a"), sample("3", "b")], 2);
        let text = metrics.render();
        for line in [
            "{le=\"0.1\"} 1\n",
            "{le=\"0.2\"} 2\n",
            "{le=\"+Inf\"} 3\n",
            "_sum 9.151\n",
            "api_rows_total 2\n",
            "api_agents 2\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}
