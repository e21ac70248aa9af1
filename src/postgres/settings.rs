//! What every session sets first. A value's text then means the same on both ends, no query is cut off by a timeout that
//! somebody set for a role or a database, and names in answers are qualified.

use postgres_protocol::escape::escape_literal as literal;

/// Those that the server does not know (older versions) are passed over.
const PINNED: [(&str, &str); 17] = [
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("bytea_output", "hex"),
    // Of a database or a role: while the old one is the way back, it is read-only for everybody else.
    ("default_transaction_read_only", "off"),
    ("extra_float_digits", "3"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
    // Queries of the catalogue have hundreds of expressions and few rows: compiling one takes minutes, running it a second.
    ("jit", "off"),
    ("lc_monetary", "C"),
    ("lock_timeout", "0"),
    ("search_path", "pg_catalog"),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("transaction_timeout", "0"),
    ("xmlbinary", "base64"),
    ("xmloption", "content"),
];

/// One statement that sets all that the server knows. Not in the startup message: there an unknown name ends the
/// connection.
pub fn pin() -> String {
    set(&PINNED)
}

/// One statement that sets these for the session where the server knows them.
pub fn set(settings: &[(&str, &str)]) -> String {
    let values: Vec<String> =
        settings.iter().map(|(name, value)| format!("({},{})", literal(name), literal(value))).collect();
    format!(
        "SELECT pg_catalog.set_config(v.name, v.value, false) FROM (VALUES {}) AS v (name, value) \
         JOIN pg_catalog.pg_settings AS s ON s.name = v.name",
        values.join(",")
    )
}
