//! A whole batch: its outer form, its records one by one, all errors at once.

use super::fields::{Field, Fields};
use super::row::Row;
use super::time::{Day, Instant};
use super::value::{self, Reason};
use super::{ERRORS_MAX, LOCATION_MAX, PAYLOAD_MAX, RECORDS_MAX, ROLE_MAX, TEXT_MAX};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use uuid::Uuid;

/// What depends on the moment and the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub oldest: Instant,
    pub newest: Instant,
}

/// Rows of a batch that passed all rules.
#[derive(Debug)]
pub struct EncodedBatch {
    pub rows: Vec<u8>,
    pub records: usize,
    /// The days for which partitions must exist.
    pub days: BTreeSet<Day>,
}

/// One broken rule of one record.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct RecordError {
    pub index: usize,
    pub field: Cow<'static, str>,
    pub reason: Reason,
}

/// Why a batch is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    #[error("the body is not UTF-8: {0}")]
    Encoding(#[from] std::str::Utf8Error),
    #[error("the body must be an array of records or an object with an array `records`: {0}")]
    Shape(#[from] serde_json::Error),
    #[error("the batch has no records")]
    Empty,
    #[error("{total} errors in the records")]
    Records { errors: Vec<RecordError>, total: usize },
}

impl Rules {
    /// Records may be as old as the retention, and a day ahead of the clock.
    pub fn new(now: Instant, retention_days: u16) -> Self {
        Self { oldest: now.plus_days(-i64::from(retention_days)), newest: now.plus_days(1) }
    }
}

/// Checks all records and encodes them; nothing is encoded if one is wrong.
pub fn encode(body: &[u8], batch: Uuid, rules: &Rules) -> Result<EncodedBatch, BatchError> {
    let records = split(std::str::from_utf8(body)?)?;
    if records.is_empty() {
        return Err(BatchError::Empty);
    }
    let mut out = EncodedBatch {
        rows: Vec::with_capacity(rows_at_most(body.len(), records.len())),
        records: records.len(),
        days: BTreeSet::new(),
    };
    let mut errors = Errors::default();
    for (index, record) in records.iter().enumerate() {
        errors.index = index;
        encode_record(record.get(), batch, rules, &mut out, &mut errors);
    }
    errors.finish()?;
    Ok(out)
}

/// A row without its texts has 64 bytes more than the shortest record that gives it, and its texts are no longer than in
/// JSON: with this much space the rows never move.
pub fn rows_at_most(body: usize, records: usize) -> usize {
    body + 64 * records
}

fn encode_record(raw: &str, batch: Uuid, rules: &Rules, out: &mut EncodedBatch, errors: &mut Errors) {
    let Ok(fields) = serde_json::from_str::<Fields<'_>>(raw) else {
        return errors.push("", "must be an object".into());
    };
    let before = errors.total;
    check_names(&fields, errors);
    let kind = kind(&fields, errors);
    check_kind(&fields, kind, errors);
    let mut read_text = |field, max| errors.take(field, fields.get(field).map(|raw| value::text(raw, max)));
    let agent_id = read_text(Field::AgentId, TEXT_MAX);
    let session_id = read_text(Field::SessionId, TEXT_MAX);
    let role = read_text(Field::Role, ROLE_MAX);
    let trace_id = read_text(Field::TraceId, TEXT_MAX);
    let span_id = read_text(Field::SpanId, TEXT_MAX);
    let parent_span_id = read_text(Field::ParentSpanId, TEXT_MAX);
    let name = read_text(Field::Name, TEXT_MAX);
    let ts = errors.take(Field::Ts, fields.get(Field::Ts).map(|raw| within(value::moment(raw)?, rules)));
    let duration_ms = errors.take(Field::DurationMs, fields.get(Field::DurationMs).map(value::duration));
    let location = errors.take(Field::Location, fields.get(Field::Location).map(|raw| value::any(raw, LOCATION_MAX)));
    let payload = errors.take(Field::Payload, fields.get(Field::Payload).map(|raw| value::object(raw, PAYLOAD_MAX)));
    for field in [Field::AgentId, Field::Ts, Field::Payload] {
        errors.require(field, &fields);
    }
    // Once one record is wrong the batch is refused, but the others are still checked.
    let (true, Some(ts), Some(agent_id), Some(payload)) = (errors.total == before, ts, agent_id, payload) else {
        return;
    };
    out.days.insert(ts.day());
    let row = Row {
        ts,
        batch,
        sequence: i32::try_from(errors.index).expect("a batch has at most RECORDS_MAX records"),
        kind: kind.unwrap_or_default(),
        agent_id: &agent_id,
        session_id: session_id.as_deref(),
        role: role.as_deref(),
        trace_id: trace_id.as_deref(),
        span_id: span_id.as_deref(),
        parent_span_id: parent_span_id.as_deref(),
        name: name.as_deref(),
        duration_ms,
        location,
        payload,
    };
    row.append_to(&mut out.rows);
}

fn check_names(fields: &Fields<'_>, errors: &mut Errors) {
    if let Some(name) = &fields.unknown {
        errors.push(name.clone(), "is not a field of a record; what is your own belongs into payload".into());
    }
    if let Some(field) = fields.repeated {
        errors.push(field.name(), "is given twice".into());
    }
}

fn kind(fields: &Fields<'_>, errors: &mut Errors) -> Option<&'static str> {
    match fields.get(Field::Kind) {
        Some("\"conversation\"") => return Some("conversation"),
        Some("\"trace\"") => return Some("trace"),
        _ => errors.push(Field::Kind.name(), "must be \"conversation\" or \"trace\"".into()),
    }
    None
}

/// Fields that only one kind has.
fn check_kind(fields: &Fields<'_>, kind: Option<&'static str>, errors: &mut Errors) {
    const OF_TRACES: [Field; 5] = [Field::TraceId, Field::SpanId, Field::ParentSpanId, Field::Name, Field::DurationMs];
    let (foreign, reason): (&[Field], _) = match kind {
        Some("conversation") => (&OF_TRACES, "belongs to records of kind \"trace\""),
        Some(_) => (&[Field::Role], "belongs to records of kind \"conversation\""),
        None => return,
    };
    for field in foreign.iter().filter(|field| fields.get(**field).is_some()) {
        errors.push(field.name(), reason.into());
    }
}

fn within(ts: Instant, rules: &Rules) -> Result<Instant, Reason> {
    if ts < rules.oldest || ts > rules.newest {
        return Err(format!("must lie between {} and {}", rules.oldest, rules.newest).into());
    }
    Ok(ts)
}

/// Collects errors; a list of bounded length and a count.
#[derive(Default)]
struct Errors {
    index: usize,
    list: Vec<RecordError>,
    total: usize,
}

impl Errors {
    fn push(&mut self, field: impl Into<Cow<'static, str>>, reason: Reason) {
        self.total += 1;
        if self.list.len() < ERRORS_MAX {
            self.list.push(RecordError { index: self.index, field: field.into(), reason });
        }
    }

    fn take<T>(&mut self, field: Field, value: Option<Result<T, Reason>>) -> Option<T> {
        match value? {
            Ok(value) => Some(value),
            Err(reason) => {
                self.push(field.name(), reason);
                None
            }
        }
    }

    fn require(&mut self, field: Field, fields: &Fields<'_>) {
        if fields.get(field).is_none() {
            self.push(field.name(), "is missing".into());
        }
    }

    fn finish(self) -> Result<(), BatchError> {
        if self.total == 0 { Ok(()) } else { Err(BatchError::Records { errors: self.list, total: self.total }) }
    }
}

fn split(body: &str) -> Result<Vec<&RawValue>, serde_json::Error> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Envelope<'a> {
        #[serde(borrow)]
        records: Records<'a>,
    }
    match body.trim_start().starts_with('{') {
        true => serde_json::from_str::<Envelope<'_>>(body).map(|envelope| envelope.records.0),
        false => serde_json::from_str::<Records<'_>>(body).map(|records| records.0),
    }
}

/// An array of at most [`RECORDS_MAX`] values: a body of a million commas must not become a million entries.
struct Records<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Records<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RecordsVisitor)
    }
}

struct RecordsVisitor;

impl<'de> Visitor<'de> for RecordsVisitor {
    type Value = Records<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut records = Vec::new();
        while let Some(record) = seq.next_element()? {
            if records.len() == RECORDS_MAX {
                return Err(A::Error::custom(format_args!("more than {RECORDS_MAX} records")));
            }
            records.push(record);
        }
        Ok(Records(records))
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
