//! PostgreSQL's binary COPY format, as far as the table `telemetry` needs it.
//!
//! Source: PostgreSQL documentation, COPY, "Binary Format". Integers are big-endian; a field is its length as `i32`
//! (−1 for NULL) and its bytes; a `jsonb` field is version 1 and the JSON text.

use super::time::Instant;
use uuid::Uuid;

/// The columns in the order in which [`Row::append_to`] writes them.
pub const COLUMNS: &str = "ts, batch_id, seq, kind, agent_id, session_id, role, trace_id, span_id, parent_span_id, \
                           name, duration_ms, location, payload";
const FIELDS: i16 = 14;

/// Signature, flags and the length of an extension that is not there.
pub const COPY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// A field count of −1 ends the data.
pub const COPY_TRAILER: &[u8] = &[0xff, 0xff];
const JSONB_VERSION: u8 = 1;

/// One record, ready to be written. Texts are unescaped; `location` and `payload` are JSON as it came.
#[derive(Debug)]
pub struct Row<'a> {
    pub ts: Instant,
    pub batch: Uuid,
    pub sequence: i32,
    pub kind: &'static str,
    pub agent_id: &'a str,
    pub session_id: Option<&'a str>,
    pub role: Option<&'a str>,
    pub trace_id: Option<&'a str>,
    pub span_id: Option<&'a str>,
    pub parent_span_id: Option<&'a str>,
    pub name: Option<&'a str>,
    pub duration_ms: Option<f64>,
    pub location: Option<&'a str>,
    pub payload: &'a str,
}

impl Row<'_> {
    pub fn append_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&FIELDS.to_be_bytes());
        field(out, &self.ts.to_postgres().to_be_bytes());
        field(out, self.batch.as_bytes());
        field(out, &self.sequence.to_be_bytes());
        field(out, self.kind.as_bytes());
        field(out, self.agent_id.as_bytes());
        for text in [self.session_id, self.role, self.trace_id, self.span_id, self.parent_span_id, self.name] {
            optional(out, text.map(str::as_bytes));
        }
        optional(out, self.duration_ms.map(f64::to_be_bytes).as_ref().map(|bytes| &bytes[..]));
        jsonb(out, self.location);
        jsonb(out, Some(self.payload));
    }
}

fn optional(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => field(out, bytes),
        None => out.extend_from_slice(&(-1_i32).to_be_bytes()),
    }
}

fn jsonb(out: &mut Vec<u8>, text: Option<&str>) {
    let Some(text) = text else { return optional(out, None) };
    length(out, text.len() + 1);
    out.push(JSONB_VERSION);
    out.extend_from_slice(text.as_bytes());
}

fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn length(out: &mut Vec<u8>, bytes: usize) {
    let bytes = i32::try_from(bytes).expect("a field is shorter than the body, which is limited to megabytes");
    out.extend_from_slice(&bytes.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_fields_are_as_many() {
        assert_eq!(COLUMNS.split(',').count(), FIELDS as usize);
    }

    #[test]
    fn bytes_are_as_documented() {
        let row = Row {
            ts: Instant::from_rfc3339("2000-01-01T00:00:01Z").unwrap(),
            batch: Uuid::from_u128(7),
            sequence: 3,
            kind: "trace",
            agent_id: "a",
            session_id: None,
            role: None,
            trace_id: None,
            span_id: None,
            parent_span_id: None,
            name: Some("é"),
            duration_ms: Some(1.5),
            location: None,
            payload: "{}",
        };
        let mut out = Vec::new();
        row.append_to(&mut out);
        let null = [0xff; 4];
        let expected = [
            &[0, 14][..],
            &[0, 0, 0, 8, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x40],
            &[0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
            &[0, 0, 0, 4, 0, 0, 0, 3],
            &[0, 0, 0, 5, b't', b'r', b'a', b'c', b'e'],
            &[0, 0, 0, 1, b'a'],
            &null,
            &null,
            &null,
            &null,
            &null,
            &[0, 0, 0, 2, 0xc3, 0xa9],
            &[0, 0, 0, 8, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0],
            &null,
            &[0, 0, 0, 3, 1, b'{', b'}'],
        ]
        .concat();
        assert_eq!(out, expected);
        assert_eq!(COPY_HEADER.len(), 19);
    }
}
