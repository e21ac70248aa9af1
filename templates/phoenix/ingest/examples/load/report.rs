//! What was counted and measured.

use std::time::{Duration, Instant};

/// One sender's results, or all of them together.
#[derive(Default)]
pub struct Tally {
    records: usize,
    bytes: usize,
    pub refused: usize,
    latencies: Vec<Duration>,
}

impl Tally {
    pub fn accepted(&mut self, records: usize, bytes: usize, latency: Duration) {
        self.records += records;
        self.bytes += bytes;
        self.latencies.push(latency);
    }

    pub fn add(&mut self, other: Self) {
        self.records += other.records;
        self.bytes += other.bytes;
        self.refused += other.refused;
        self.latencies.extend(other.latencies);
    }

    pub fn render(mut self, elapsed: Duration, peak_kib: u64) -> String {
        self.latencies.sort_unstable();
        let seconds = elapsed.as_secs_f64();
        let [p50, p95, p99, p100] = [0.5, 0.95, 0.99, 1.0].map(|share| milliseconds(&self.latencies, share));
        format!(
            "{{\"records\":{},\"batches\":{},\"refused\":{},\"seconds\":{seconds:.2},\"records_per_second\":{:.0},\
             \"mb_per_second\":{:.1},\"p50_ms\":{p50:.1},\"p95_ms\":{p95:.1},\"p99_ms\":{p99:.1},\"max_ms\":{p100:.1},\
             \"peak_rss_kib\":{peak_kib}}}",
            self.records,
            self.latencies.len(),
            self.refused,
            self.records as f64 / seconds,
            self.bytes as f64 / 1e6 / seconds,
        )
    }
}

fn milliseconds(sorted: &[Duration], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default().as_secs_f64() * 1e3
}

/// The largest resident set of a process until `end`, sampled ten times a second.
pub async fn peak_memory(pid: Option<u32>, end: Instant) -> u64 {
    let Some(pid) = pid else { return 0 };
    let mut peak = 0;
    while Instant::now() < end {
        peak = peak.max(resident_kib(pid).unwrap_or(0));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    peak
}

fn resident_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix("kB")?.trim().parse().ok()
}
