//! Batches as clients send them, good and bad.

use super::*;

fn rules() -> Rules {
    Rules::new(Instant::from_rfc3339("2026-11-21T12:00:00Z").unwrap(), 30)
}

fn batch(records: &str) -> Result<EncodedBatch, BatchError> {
    encode(records.as_bytes(), Uuid::from_u128(1), &rules())
}

fn errors(records: &str) -> Vec<(usize, String, String)> {
    match batch(records) {
        Err(BatchError::Records { errors, .. }) => {
            errors.into_iter().map(|error| (error.index, error.field.into_owned(), error.reason.into_owned())).collect()
        }
        other => panic!("expected errors in records, got {other:?}"),
    }
}

const CONVERSATION: &str = r#"{"kind":"conversation","agent_id":"a-1","session_id":"s","role":"user",
    "ts":"2026-11-21T11:00:00Z","location":[52.5,13.4],"payload":{"content":"hello"}}"#;
const TRACE: &str = r#"{"kind":"trace","agent_id":"a-1","ts":1795258800000,"trace_id":"4bf9","span_id":"00f0",
    "parent_span_id":"00ef","name":"plan","duration_ms":12.5,"payload":{}}"#;

#[test]
fn both_outer_forms_give_the_same_rows() {
    let bare = batch(&format!("[{CONVERSATION},{TRACE}]")).unwrap();
    let wrapped = batch(&format!(" {{\"records\": [{CONVERSATION},{TRACE}]}}")).unwrap();
    assert_eq!(bare.rows, wrapped.rows);
    assert_eq!(bare.records, 2);
    assert_eq!(bare.days.len(), 1);
}

#[test]
fn the_smallest_record_is_enough() {
    let body = r#"[{"kind":"trace","agent_id":"a","ts":1795258800000,"payload":{}}]"#;
    assert!(batch(body).unwrap().rows.len() <= rows_at_most(body.len(), 1));
    let body = r#"[{"kind":"trace","agent_id":"a","ts":1795258800000,"duration_ms":1,"payload":{},"location":1}]"#;
    assert!(batch(body).unwrap().rows.len() <= rows_at_most(body.len(), 1));
}

#[test]
fn all_errors_are_reported_at_once() {
    let bad = r#"{"kind":"log","agent_id":"","ts":"yesterday","payload":[],"colour":"red"}"#;
    let found = errors(&format!("[{TRACE},{bad},7]"));
    let places: Vec<_> = found.iter().map(|(index, field, _)| (*index, field.as_str())).collect();
    assert_eq!(places, [(1, "colour"), (1, "kind"), (1, "agent_id"), (1, "ts"), (1, "payload"), (2, "")]);
}

#[test]
fn missing_fields_are_named() {
    let found = errors(r#"[{"kind":"trace"},{"agent_id":"a","ts":null,"payload":{}}]"#);
    let missing: Vec<_> = found.iter().map(|(index, field, _)| (*index, field.as_str())).collect();
    assert_eq!(missing, [(0, "agent_id"), (0, "ts"), (0, "payload"), (1, "kind"), (1, "ts")]);
}

#[test]
fn fields_of_the_other_kind_are_refused() {
    let found = errors(&format!("[{}]", TRACE.replace("trace\",", "conversation\",")));
    assert_eq!(found.len(), 5);
    assert!(found.iter().all(|(_, _, reason)| reason.contains("trace")));
    let found = errors(&format!("[{}]", CONVERSATION.replace("conversation", "trace")));
    assert_eq!(found[0].1, "role");
}

#[test]
fn only_times_within_retention_are_taken() {
    for (ts, good) in [
        ("2026-10-22T12:00:00Z", true),
        ("2026-10-22T11:59:59Z", false),
        ("2026-11-22T12:00:00Z", true),
        ("2026-11-22T12:00:01Z", false),
        ("0001-01-01T00:00:00Z", false),
        ("9999-12-31T00:00:00Z", false),
    ] {
        let record = format!(r#"[{{"kind":"trace","agent_id":"a","ts":"{ts}","payload":{{}}}}]"#);
        assert_eq!(batch(&record).is_ok(), good, "{ts}");
    }
}

#[test]
fn the_list_of_errors_is_bounded_and_its_count_is_not() {
    let Err(BatchError::Records { errors, total }) = batch(&format!("[{}1]", "1,".repeat(999))) else { panic!() };
    assert_eq!((errors.len(), total), (ERRORS_MAX, 1000));
}

#[test]
fn shapes_that_are_no_batch() {
    for body in [
        "",
        " ",
        "7",
        "\"x\"",
        "null",
        "{}",
        "[",
        "[{]",
        "[{}] x",
        r#"{"records":{}}"#,
        r#"{"records":[],"more":1}"#,
        r#"{"records":[],"records":[]}"#,
        "[1,]",
        "[NaN]",
    ] {
        assert!(matches!(batch(body), Err(BatchError::Shape(_))), "{body}");
    }
    assert!(matches!(batch("[]"), Err(BatchError::Empty)));
    assert!(matches!(encode(b"[\xff]", Uuid::nil(), &rules()), Err(BatchError::Encoding(_))));
}

#[test]
fn too_many_records_and_deep_nesting_are_refused_in_bounded_memory() {
    let many = format!("[{}1]", "1,".repeat(RECORDS_MAX));
    assert!(batch(&many).unwrap_err().to_string().contains("more than 10000 records"));
    let deep = format!(r#"[{{"payload":{}{}}}]"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert!(batch(&deep).is_err());
}
