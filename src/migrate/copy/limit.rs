//! How fast the copy may go: one budget of bytes a second for all workers, which can change while they run.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::error::CopyError;
use crate::migrate::files;
use crate::migrate::folder::Folder;
use crate::plan::{Rate, ScalarError};
use crate::postgres::wire::Meter;

/// What was not used for a moment may be made up for this long.
const BURST: Duration = Duration::from_millis(200);

#[derive(Debug, thiserror::Error)]
#[error("{0}: {rule}, as in 20MB/s, 500kB/s, 1.5GB/s; or none", rule = .0.rule)]
pub struct RateError(ScalarError);

/// What a user says to a copy that runs: a rate, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxRate(pub Option<Rate>);

impl FromStr for MaxRate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        if text == "none" { Ok(Self(None)) } else { Rate::parse(text).map(|rate| Self(Some(rate))).map_err(RateError) }
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

/// For `infra migrate limit`: a running copy takes it over within a second. None is no limit.
pub fn write_limit(folder: &Folder, rate: Option<Rate>) -> Result<(), CopyError> {
    Ok(folder.write(files::LIMIT, &rate)?)
}

/// What was written last; None where there is nothing, or nothing that can be understood.
pub fn read_limit(folder: &Folder) -> Option<Rate> {
    folder.read::<Option<Rate>>(files::LIMIT).ok()??
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
        state.free_at = start + Duration::from_secs_f64(bytes as f64 / rate.bytes_per_second() as f64);
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
    fn a_limit_is_a_rate_or_none() {
        let error = "20".parse::<MaxRate>().unwrap_err().to_string();
        assert!(error.contains("`20` is not a rate") && error.contains("20MB/s"), "{error}");
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
