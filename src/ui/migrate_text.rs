//! A migration in words: one line a stage, with what the agent tells of the one that runs.

use serde_json::Value;

use super::measures::{bytes, duration};
use crate::migrate::saga::{Progress, Stage};

/// One stage as it stands. `live` is what the agent wrote last, maybe of an earlier stage.
pub fn stage_line(stage: Stage, progress: &Progress, live: Option<&Value>) -> String {
    let name = stage.name();
    match progress {
        Progress::Started => {
            let how_far =
                live.and_then(|event| how_far(stage, event)).map(|far| format!(": {far}")).unwrap_or_default();
            format!("  … {name:<10} {}{how_far}", stage.purpose())
        }
        Progress::Done { note } => format!("  ✓ {name:<10} {note}"),
        Progress::Failed { error } => format!("  ✗ {name:<10} {error}"),
        Progress::Overtaken => format!("  ↻ {name:<10} once more"),
        Progress::Undoing => format!("  ↶ {name:<10} is being undone"),
        Progress::UndoFailed { error } => format!("  ✗ {name:<10} cannot be undone: {error}"),
        Progress::Undone { left } if left.is_empty() => format!("  ↶ {name:<10} undone"),
        Progress::Undone { left } => format!("  ↶ {name:<10} undone, but for what stays: {left}"),
    }
}

/// None: the event is not of this stage.
fn how_far(stage: Stage, event: &Value) -> Option<String> {
    let kind = event.get("event").and_then(Value::as_str);
    match (stage, kind) {
        (Stage::Copy, Some("progress" | "started")) => copied(event),
        (Stage::Copy, Some("backed_off")) => slowed(event),
        (Stage::Copy, Some("started_over")) => Some("started over under a new snapshot".to_owned()),
        (Stage::Copy, Some("retrying")) => Some(format!("again: {}", text(event, "error")?)),
        (Stage::Index, Some("index")) => Some(format!("{} of {}", number(event, "done")?, number(event, "total")?)),
        (Stage::Verify, Some("bytes")) => compared(event),
        (Stage::Verify, Some("differs")) => Some("a table DIFFERS, its rows are looked for".to_owned()),
        (Stage::Follow, _) => behind(event),
        _ => None,
    }
}

fn number(event: &Value, name: &str) -> Option<u64> {
    event.get(name).and_then(Value::as_u64)
}

fn decimal(event: &Value, name: &str) -> Option<f64> {
    event.get(name).and_then(Value::as_f64)
}

fn text<'a>(event: &'a Value, name: &str) -> Option<&'a str> {
    event.get(name).and_then(Value::as_str)
}

/// How much, how fast, how much longer, and what holds it back.
fn copied(event: &Value) -> Option<String> {
    let total = number(event, "total").or_else(|| number(event, "bytes"))?;
    let done = number(event, "done")?;
    let mut parts = vec![format!("{} % of {}", (done * 100).checked_div(total).unwrap_or(100), bytes(total))];
    if let Some(rate) = number(event, "bytes_per_second") {
        parts.push(format!("{}/s", bytes(rate)));
        parts.extend(left(done, total, rate).map(|left| format!("about {left} left")));
    }
    let brake = number(event, "limit").map(|limit| format!("{}/s", bytes(limit)));
    if event.get("backing_off") == Some(&Value::Bool(true)) {
        parts.push(format!("slowed down to {}: the old server's disk is behind", brake.unwrap_or_default()));
    } else {
        parts.extend(brake.map(|limit| format!("limited to {limit}")));
    }
    parts.extend(latency(event));
    Some(parts.join(", "))
}

/// A copy that stands still has no end to tell.
fn left(done: u64, total: u64, rate: u64) -> Option<String> {
    total.saturating_sub(done).checked_div(rate).filter(|_| done < total).map(duration)
}

fn slowed(event: &Value) -> Option<String> {
    let rate = bytes(number(event, "bytes_per_second")?);
    Some(format!(
        "slowed down to {rate}/s: the old server's disk is behind (queue {:.1})",
        decimal(event, "queue_depth")?
    ))
}

/// What the service feels of it.
fn latency(event: &Value) -> Option<String> {
    let queue = decimal(event, "queue_depth").map(|depth| format!("queue {depth:.1}"));
    let wait = decimal(event, "await_ms").map(|ms| format!("{ms:.1} ms a request"));
    let parts: Vec<_> = queue.into_iter().chain(wait).collect();
    (!parts.is_empty()).then(|| format!("old server's disk: {}", parts.join(" and ")))
}

fn compared(event: &Value) -> Option<String> {
    let (done, total) = (number(event, "done")?, number(event, "total")?);
    Some(format!("{} % of {} on both ends", (done * 100).checked_div(total).unwrap_or(100), bytes(total)))
}

fn behind(event: &Value) -> Option<String> {
    let connected = event.get("connected").and_then(Value::as_bool)?;
    let seconds = number(event, "seconds").map(|seconds| format!(" and {}", duration(seconds))).unwrap_or_default();
    let mut parts = vec![format!("{}{seconds} behind", bytes(number(event, "bytes")?))];
    parts.extend(number(event, "retained_bytes").map(|kept| format!("{} of WAL kept", bytes(kept))));
    if !connected {
        parts.push("NOT CONNECTED".to_owned());
    }
    Some(parts.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(stage: Stage, live: &Value) -> String {
        let line = stage_line(stage, &Progress::Started, Some(live));
        line.split_once(": ").map_or_else(String::new, |(_, far)| far.to_owned())
    }

    #[test]
    fn the_running_stage_says_how_far_it_is() {
        let copy = json!({ "event": "progress", "done": 430_000_000, "total": 1_000_000_000, "moved": 1, "bytes_per_second": 38_000_000,
                           "limit": null, "backing_off": false, "queue_depth": 2.14, "await_ms": 4.26 });
        assert_eq!(
            said(Stage::Copy, &copy),
            "43 % of 1.0 GB, 38 MB/s, about 15 s left, old server's disk: queue 2.1 and 4.3 ms a request"
        );
        let mut slow = copy.clone();
        slow["limit"] = json!(5_000_000);
        slow["backing_off"] = json!(true);
        assert!(said(Stage::Copy, &slow).contains("slowed down to 5.0 MB/s: the old server's disk is behind"));
        slow["backing_off"] = json!(false);
        assert!(said(Stage::Copy, &slow).contains("limited to 5.0 MB/s"));
        slow["bytes_per_second"] = json!(0);
        assert!(!said(Stage::Copy, &slow).contains("left"), "no end is in sight");
        let backed = json!({ "event": "backed_off", "queue_depth": 12.34, "bytes_per_second": 5_000_000 });
        assert_eq!(said(Stage::Copy, &backed), "slowed down to 5.0 MB/s: the old server's disk is behind (queue 12.3)");
        let lag = json!({ "bytes": 1_200_000, "retained_bytes": 64_000_000, "connected": true, "seconds": 3 });
        assert_eq!(said(Stage::Follow, &lag), "1.2 MB and 3 s behind, 64 MB of WAL kept");
        let verify = json!({ "event": "bytes", "done": 50, "total": 200 });
        assert_eq!(said(Stage::Verify, &verify), "25 % of 200 bytes on both ends");
        assert_eq!(said(Stage::Index, &json!({ "event": "index", "done": 3, "total": 14 })), "3 of 14");
    }

    /// The file still has what the stage before it told.
    #[test]
    fn an_earlier_stages_progress_is_not_told() {
        let copy = json!({ "event": "progress", "done": 1, "total": 2, "bytes_per_second": 1 });
        for stage in [Stage::Index, Stage::Follow, Stage::Verify, Stage::Cutover] {
            assert_eq!(said(stage, &copy), "", "{stage}");
        }
        assert_eq!(said(Stage::Verify, &json!({ "bytes": 1, "connected": true })), "");
    }
}
