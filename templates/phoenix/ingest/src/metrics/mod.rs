//! Counters and histograms, and their text form for Prometheus.

mod histogram;
mod render;

pub use histogram::Histogram;
pub use render::Gauges;

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How a request for a batch ended. The name is the label in the metrics and the code in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchResult {
    Accepted,
    Duplicate,
    Unauthorized,
    Invalid,
    TooLarge,
    Unsupported,
    KeyReused,
    Timeout,
    Saturated,
    Unavailable,
}

impl BatchResult {
    pub const ALL: [Self; 10] = [
        Self::Accepted,
        Self::Duplicate,
        Self::Unauthorized,
        Self::Invalid,
        Self::TooLarge,
        Self::Unsupported,
        Self::KeyReused,
        Self::Timeout,
        Self::Saturated,
        Self::Unavailable,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Unauthorized => "unauthorized",
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
            Self::Unsupported => "unsupported",
            Self::KeyReused => "key_reused",
            Self::Timeout => "timeout",
            Self::Saturated => "saturated",
            Self::Unavailable => "unavailable",
        }
    }
}

const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const GROUP_SIZES: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// All numbers of this process.
#[derive(Debug)]
pub struct Metrics {
    pub rows: Counter,
    pub bytes: Counter,
    pub batches: [Counter; BatchResult::ALL.len()],
    /// From the first byte of a request to its answer.
    pub batch_seconds: Histogram,
    /// From being queued to the start of the transaction.
    pub queue_seconds: Histogram,
    /// The transaction, retries not included.
    pub database_seconds: Histogram,
    pub group_batches: Histogram,
    pub retries: Counter,
    pub connections: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            rows: Counter::default(),
            bytes: Counter::default(),
            batches: Default::default(),
            batch_seconds: Histogram::new(&SECONDS),
            queue_seconds: Histogram::new(&SECONDS),
            database_seconds: Histogram::new(&SECONDS),
            group_batches: Histogram::new(&GROUP_SIZES),
            retries: Counter::default(),
            connections: Counter::default(),
        }
    }
}

impl Metrics {
    pub fn count(&self, result: BatchResult) {
        self.batches[result as usize].add(1);
    }
}
