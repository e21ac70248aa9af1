//! Uses CPU and memory because it is told to: for trying thresholds, limits and sizes. One order at a time; a new one takes
//! the place of the last.

use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A slice of time of which the given share is spent busy: short enough to look even to whoever measures.
const SLICE: Duration = Duration::from_millis(50);
const PAGE: usize = 4096;
const SECONDS_MOST: u64 = 3600;
const CORES_MOST: f64 = 64.0;

/// What to use, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Cores, as `1.5`.
    #[serde(default)]
    pub cpu: f64,
    #[serde(default)]
    pub memory_mb: u64,
    pub seconds: u64,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum LoadError {
    #[error("`cpu` is a number of cores from 0 to {CORES_MOST}")]
    Cpu,
    #[error("`memory_mb` is at most {most} here: MOST_MEMORY_MB")]
    Memory { most: u64 },
    #[error("`seconds` is at most {SECONDS_MOST}")]
    Seconds,
}

/// Cheap to clone. Whoever works holds the number of the order that they work for.
#[derive(Debug, Clone, Default)]
pub struct Load {
    current: Arc<AtomicU64>,
}

impl Load {
    /// Begins, and ends what was begun before.
    pub fn begin(&self, order: Order, most_memory_mb: u64) -> Result<(), LoadError> {
        check(order, most_memory_mb)?;
        let number = self.current.fetch_add(1, Ordering::SeqCst) + 1;
        let end = Instant::now() + Duration::from_secs(order.seconds);
        for share in shares(order.cpu) {
            self.spawn(number, end, move |load| load.spend(number, end, share));
        }
        if order.memory_mb > 0 {
            self.spawn(number, end, move |load| load.hold(number, end, order.memory_mb));
        }
        Ok(())
    }

    /// Threads of the system, so that requests are served beside them.
    fn spawn(&self, number: u64, end: Instant, work: impl FnOnce(&Self) + Send + 'static) {
        let load = self.clone();
        let started = std::thread::Builder::new().name("load".to_owned()).spawn(move || work(&load));
        if let Err(error) = started {
            tracing::warn!(number, left = ?end.saturating_duration_since(Instant::now()), %error, "no thread for the load");
        }
    }

    fn goes_on(&self, number: u64, end: Instant) -> bool {
        self.current.load(Ordering::SeqCst) == number && Instant::now() < end
    }

    fn spend(&self, number: u64, end: Instant, share: f64) {
        let mut value = 0u64;
        while self.goes_on(number, end) {
            let began = Instant::now();
            while began.elapsed() < SLICE.mul_f64(share) {
                value = std::hint::black_box(value.wrapping_mul(31).wrapping_add(7));
            }
            std::thread::sleep(SLICE.saturating_sub(began.elapsed()));
        }
    }

    fn hold(&self, number: u64, end: Instant, megabytes: u64) {
        let mut memory = vec![0u8; usize::try_from(megabytes << 20).unwrap_or(0)];
        // A page that nobody wrote to is no memory yet.
        memory.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
        while self.goes_on(number, end) {
            std::thread::sleep(SLICE);
        }
        drop(std::hint::black_box(memory));
    }
}

fn check(order: Order, most_memory_mb: u64) -> Result<(), LoadError> {
    if !(0.0..=CORES_MOST).contains(&order.cpu) {
        return Err(LoadError::Cpu);
    }
    if order.memory_mb > most_memory_mb {
        return Err(LoadError::Memory { most: most_memory_mb });
    }
    if order.seconds > SECONDS_MOST { Err(LoadError::Seconds) } else { Ok(()) }
}

/// For each thread the share of its core: 1.5 cores are one whole and one half.
fn shares(cores: f64) -> Vec<f64> {
    let threads = (1..).map(|n| cores - f64::from(n - 1)).take_while(|left| *left > 0.0);
    threads.map(|left| left.min(1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_divided_into_threads() {
        assert_eq!(shares(1.5), [1.0, 0.5]);
        assert_eq!(shares(2.0), [1.0, 1.0]);
        assert!(shares(0.0).is_empty());
    }

    #[test]
    fn too_much_is_refused() {
        let order = Order { cpu: 1.0, memory_mb: 10, seconds: 1 };
        assert_eq!(check(order, 10), Ok(()));
        assert_eq!(check(Order { memory_mb: 11, ..order }, 10), Err(LoadError::Memory { most: 10 }));
        for cpu in [-1.0, f64::NAN, 65.0] {
            assert_eq!(check(Order { cpu, ..order }, 10), Err(LoadError::Cpu));
        }
        assert_eq!(check(Order { seconds: 3601, ..order }, 10), Err(LoadError::Seconds));
    }

    #[test]
    fn memory_is_really_taken_and_given_back() {
        let load = Load::default();
        let before = resident_mb();
        load.begin(Order { cpu: 0.0, memory_mb: 200, seconds: 60 }, 200).unwrap();
        wait_until(|| resident_mb() > before + 150);
        load.begin(Order { cpu: 0.0, memory_mb: 0, seconds: 0 }, 200).unwrap();
        wait_until(|| resident_mb() < before + 100);
    }

    fn resident_mb() -> u64 {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() / 256
    }

    fn wait_until(holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < Duration::from_secs(20), "not within 20 s");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
