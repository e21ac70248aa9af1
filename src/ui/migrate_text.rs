//! A migration in words.

use crate::migrate::copy::Brake;
use crate::migrate::saga::{Progress, Stage};

/// One stage as it stands.
pub fn stage_line(stage: Stage, progress: &Progress, live: Option<&serde_json::Value>) -> String {
    let name = stage.name();
    match progress {
        Progress::Started => format!("  … {name:<10} {}{}", stage.purpose(), moved(stage, live)),
        Progress::Done { note } => format!("  ✓ {name:<10} {note}"),
        Progress::Failed { error } => format!("  ✗ {name:<10} {error}"),
        Progress::Undoing => format!("  ↶ {name:<10} is being undone"),
        Progress::UndoFailed { error } => format!("  ✗ {name:<10} cannot be undone: {error}"),
        Progress::Undone => format!("  ↶ {name:<10} undone"),
    }
}

/// How far the rows have come.
fn moved(stage: Stage, live: Option<&serde_json::Value>) -> String {
    let number = |name: &str| live.and_then(|event| event.get(name)).and_then(serde_json::Value::as_u64);
    match (stage, number("done"), number("total"), number("bytes_per_second")) {
        (Stage::Copy, Some(done), Some(total), Some(rate)) if total > 0 => {
            format!(": {} %, {} MB/s{}", done * 100 / total, rate / 1_000_000, braked(live))
        }
        _ => String::new(),
    }
}

/// What holds the copy back, and how the disk of the old database fares.
fn braked(live: Option<&serde_json::Value>) -> String {
    let brake: Brake = live.and_then(|event| serde_json::from_value(event.clone()).ok()).unwrap_or_default();
    let mut text = String::new();
    if let Some(limit) = brake.limit {
        let why = if brake.backing_off { "giving way to the disk: " } else { "" };
        text.push_str(&format!(", {why}{} MB/s at most", limit as f64 / 1e6));
    }
    if let Some(depth) = brake.queue_depth {
        text.push_str(&format!(", source's disk: queue depth {depth:.1}"));
    }
    if let Some(milliseconds) = brake.await_ms {
        text.push_str(&format!(", {milliseconds:.1} ms a request"));
    }
    text
}
