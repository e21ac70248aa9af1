//! Batches that look like what agents send: half conversations, half traces, payloads of some hundred bytes.

use bytes::Bytes;
use std::time::{SystemTime, UNIX_EPOCH};

const TEMPLATES: usize = 64;
const AGENTS: usize = 100;
/// Milliseconds since 1970 have thirteen digits until 2286, so that they can be replaced in place.
const STAMP: &str = "0000000000000";
const WORDS: [&str; 16] = [
    "plan", "search", "the", "archive", "result", "tool", "answer", "retry", "latency", "of", "vector", "index",
    "user", "asked", "for", "summary",
];

/// A batch whose times are still to be filled in.
pub struct Template {
    pub records: usize,
    body: Vec<u8>,
    stamps: Vec<usize>,
}

pub fn templates(records: usize) -> Vec<Template> {
    (0..TEMPLATES).map(|seed| Template::new(seed, records)).collect()
}

impl Template {
    fn new(seed: usize, records: usize) -> Self {
        let list: Vec<_> = (0..records).map(|index| record(seed * 7919 + index * 31)).collect();
        let body = format!("{{\"records\":[{}]}}", list.join(","));
        let stamps = body.match_indices(STAMP).map(|(at, _)| at).collect();
        Self { records, body: body.into_bytes(), stamps }
    }

    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    /// The batch as of now.
    pub fn stamped(&self) -> Bytes {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string();
        let mut body = self.body.clone();
        for at in &self.stamps {
            body[*at..*at + STAMP.len()].copy_from_slice(now.as_bytes());
        }
        body.into()
    }
}

fn record(seed: usize) -> String {
    let agent = seed % AGENTS;
    if seed & 1 == 0 {
        format!(
            r#"{{"kind":"conversation","agent_id":"agent-{agent:03}","session_id":"session-{:05}","role":"assistant","ts":{STAMP},"location":{{"lat":52.52,"lon":13.40}},"payload":{{"content":"{}","model":"phoenix-7b","tokens":{}}}}}"#,
            seed % 5000,
            words(seed, 24),
            seed % 900,
        )
    } else {
        format!(
            r#"{{"kind":"trace","agent_id":"agent-{agent:03}","session_id":"session-{:05}","ts":{STAMP},"trace_id":"{:032x}","span_id":"{:016x}","name":"tool.call","duration_ms":{}.5,"payload":{{"tool":"search","arguments":{{"query":"{}","limit":10}},"status":"ok"}}}}"#,
            seed % 5000,
            seed * 0x9E37_79B9,
            seed * 0x85EB_CA6B,
            seed % 400,
            words(seed, 8),
        )
    }
}

fn words(seed: usize, count: usize) -> String {
    (0..count).map(|index| WORDS[(seed / 3 + index * index + seed * index) % WORDS.len()]).collect::<Vec<_>>().join(" ")
}
