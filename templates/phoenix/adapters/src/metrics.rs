//! Counters in Prometheus' text format.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What has happened since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    pub created: AtomicU64,
    pub unchanged: AtomicU64,
    pub refused: AtomicU64,
    pub received_bytes: AtomicU64,
    pub uploading: AtomicU64,
    pub downloads: AtomicU64,
    pub sent_bytes: AtomicU64,
}

impl Metrics {
    /// All counters; `free` is the disk's free space in bytes.
    pub fn render(&self, free: Option<u64>) -> String {
        let mut text = String::new();
        let mut one = |name: &str, kind: &str, help: &str, values: &[(&str, u64)]| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let uploads = [
            ("{result=\"created\"}", self.created.load(Relaxed)),
            ("{result=\"unchanged\"}", self.unchanged.load(Relaxed)),
            ("{result=\"refused\"}", self.refused.load(Relaxed)),
        ];
        one("adapters_uploads_total", "counter", "Uploads by result.", &uploads);
        let received = self.received_bytes.load(Relaxed);
        one("adapters_received_bytes_total", "counter", "Bytes of uploads.", &[("", received)]);
        one("adapters_uploads_in_flight", "gauge", "Uploads at this moment.", &[("", self.uploading.load(Relaxed))]);
        one(
            "adapters_downloads_total",
            "counter",
            "Downloads, whole or in part.",
            &[("", self.downloads.load(Relaxed))],
        );
        one("adapters_sent_bytes_total", "counter", "Bytes of files sent.", &[("", self.sent_bytes.load(Relaxed))]);
        if let Some(free) = free {
            one("adapters_disk_free_bytes", "gauge", "Free space where the files are.", &[("", free)]);
        }
        text
    }
}
