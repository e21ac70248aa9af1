//! How fast the copy may go: one budget of bytes a second for all workers, which can change while they run.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::error::CopyError;
use crate::migrate::folder::Folder;
use crate::postgres::wire::Meter;

const FILE: &str = "limit.json";
/// What was not used for a moment may be made up for this long.
const BURST: Duration = Duration::from_millis(200);

/// Bytes a second; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

#[derive(Debug, thiserror::Error)]
#[error("`{text}` is no rate: write a number with its unit, as in 20MB/s, 500kB/s, 1.5GB/s")]
pub struct RateError {
    text: String,
}

impl Rate {
    /// At least 1.
    pub fn new(bytes_per_second: u64) -> Self {
        Self(bytes_per_second.max(1))
    }

    pub fn bytes_per_second(self) -> u64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let wrong = || RateError { text: text.to_owned() };
        let amount = text.trim().strip_suffix("/s").ok_or_else(wrong)?;
        let digits = amount.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &amount[digits.len()..] {
            "B" => 1.0,
            "kB" => 1e3,
            "MB" => 1e6,
            "GB" => 1e9,
            _ => return Err(wrong()),
        };
        let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
        let bytes = number * unit;
        if (1.0..1e15).contains(&bytes) { Ok(Self(bytes as u64)) } else { Err(wrong()) }
    }
}

/// In files, as people write it.
impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a user says to a copy that runs: a rate, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxRate(pub Option<Rate>);

impl FromStr for MaxRate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        if text == "none" { Ok(Self(None)) } else { Ok(Self(Some(text.parse()?))) }
    }
}

impl fmt::Display for MaxRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(rate) => rate.fmt(f),
            None => f.write_str("none"),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes @ 1_000_000_000.. => write!(f, "{}GB/s", bytes as f64 / 1e9),
            bytes @ 1_000_000.. => write!(f, "{}MB/s", bytes as f64 / 1e6),
            bytes @ 1000.. => write!(f, "{}kB/s", bytes as f64 / 1e3),
            bytes => write!(f, "{bytes}B/s"),
        }
    }
}

/// For `infra migrate limit`: a running copy takes it over within a second. None is no limit.
pub fn write_limit(folder: &Folder, rate: Option<Rate>) -> Result<(), CopyError> {
    Ok(folder.write(FILE, &rate)?)
}

/// What was written last; None where there is nothing, or nothing that can be understood.
pub fn read_limit(folder: &Folder) -> Option<Rate> {
    folder.read::<Option<Rate>>(FILE).ok()??
}

/// The budget.
pub struct Limit {
    state: Mutex<State>,
    changed: Notify,
    moved: AtomicU64,
}

struct State {
    rate: Option<Rate>,
    /// When all that was let through so far has been paid for.
    free_at: Instant,
}

impl Limit {
    pub fn new(rate: Option<Rate>) -> Self {
        let state = Mutex::new(State { rate, free_at: Instant::now() });
        Self { state, changed: Notify::new(), moved: AtomicU64::new(0) }
    }

    /// Those who wait under the old rate start anew under this one.
    pub fn set(&self, rate: Option<Rate>) {
        let mut state = self.state.lock().expect("nobody panics while it is locked");
        if state.rate != rate {
            *state = State { rate, free_at: Instant::now() };
            self.changed.notify_waiters();
        }
    }

    pub fn rate(&self) -> Option<Rate> {
        self.state.lock().expect("nobody panics while it is locked").rate
    }

    /// Bytes that were let through.
    pub fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// When these bytes may go; they are paid for with that.
    fn book(&self, bytes: usize) -> Option<Instant> {
        let mut state = self.state.lock().expect("nobody panics while it is locked");
        let rate = state.rate?;
        let now = Instant::now();
        let start = state.free_at.max(now.checked_sub(BURST).unwrap_or(now));
        state.free_at = start + Duration::from_secs_f64(bytes as f64 / rate.0 as f64);
        (state.free_at > now).then_some(state.free_at)
    }
}

impl Meter for Limit {
    async fn pass(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
        loop {
            let changed = self.changed.notified();
            let Some(at) = self.book(bytes) else { return };
            tokio::select! {
                () = tokio::time::sleep_until(at) => return,
                () = changed => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_written() {
        for (text, bytes) in [("20MB/s", 20_000_000), ("500kB/s", 500_000), ("1.5GB/s", 1_500_000_000), ("7B/s", 7)] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate.0, rate.to_string().as_str()), (bytes, text));
        }
        for bad in ["", "20", "20MB", "MB/s", "-1MB/s", "0MB/s", "20 mb/s", "NaNMB/s", "infMB/s", "20MiB/s"] {
            let error = bad.parse::<MaxRate>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{bad}` is no rate")), "{error}");
        }
        assert_eq!("none".parse::<MaxRate>().unwrap().0, None);
        assert_eq!("1MB/s".parse::<MaxRate>().unwrap().to_string(), "1MB/s");
    }

    async fn seconds(limit: &Limit, bytes: usize) -> f64 {
        let began = Instant::now();
        for _ in 0..10 {
            limit.pass(bytes / 10).await;
        }
        began.elapsed().as_secs_f64()
    }

    #[tokio::test]
    async fn the_budget_is_kept_and_shared() {
        let limit = Limit::new(Some(Rate::new(10_000)));
        let both = tokio::join!(seconds(&limit, 5000), seconds(&limit, 5000));
        assert!((0.75..1.5).contains(&both.0.max(both.1)), "{both:?}");
        assert_eq!(limit.moved(), 10_000);
    }

    #[tokio::test]
    async fn a_new_rate_holds_at_once() {
        let limit = Limit::new(Some(Rate::new(1)));
        let raised = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            limit.set(None);
        };
        let (took, ()) = tokio::join!(seconds(&limit, 10_000), raised);
        assert!((0.3..1.0).contains(&took), "{took}");
    }
}
