//! The SQL that hashes one row, `r`. Pure.
//!
//! Two rows have one hash if and only if their values have the same texts, under the settings that every session pins. Texts
//! cost more than anything else of the verification, so they are written only where nothing cheaper tells values apart as well:
//! each value that the server can hash by itself is hashed under a seed of its own; values whose bytes say what their text says
//! are hashed as they are sent, all at once; the rest as text, all at once.

use crate::migrate::catalog::{Column, quote_identifier};

/// Other than 0, so that nobody's own hash column is the same. A column's own is this and its place.
const SEED: i64 = -7_046_029_254_386_353_131;
const OF_SENT: i64 = SEED - 1;
const OF_TEXTS: i64 = SEED - 2;

const BOOL: u32 = 16;
const BYTEA: u32 = 17;
const INT8: u32 = 20;
const INT2: u32 = 21;
const INT4: u32 = 23;
const TEXT: u32 = 25;
const OID: u32 = 26;
const JSON: u32 = 114;
const XML: u32 = 142;
const ARRAY_OF_XML: u32 = 143;
const FLOAT4: u32 = 700;
const FLOAT8: u32 = 701;
const VARCHAR: u32 = 1043;
const DATE: u32 = 1082;
const TIME: u32 = 1083;
const TIMESTAMP: u32 = 1114;
const TIMESTAMPTZ: u32 = 1184;
const NUMERIC: u32 = 1700;
const UUID: u32 = 2950;
const JSONB: u32 = 3802;

/// Two values of these have the same bytes, as every server sends them, if and only if they have the same text. That does not
/// hold for all types: texts are sent in the session's encoding, arrays with the number of a type.
const SENT: [u32; 5] = [DATE, TIME, TIMESTAMP, TIMESTAMPTZ, NUMERIC];

/// `bigint`, never null.
pub fn of_row(columns: &[Column]) -> String {
    let (mut hashes, mut sent, mut texts) = (vec![], vec![], vec![]);
    for (column, seed) in columns.iter().zip(SEED..) {
        match by_itself(column, seed) {
            Some(hash) => hashes.push(format!("COALESCE({hash}, {seed})")),
            None if column.type_oid.0 == BYTEA => sent.push(value(column)),
            None if SENT.contains(&column.type_oid.0) => sent.push(name(column)),
            None => texts.push(value(column)),
        }
    }
    if !sent.is_empty() {
        // Only within an array can bytes be hashed, on all versions.
        hashes.push(format!("hash_array_extended(ARRAY[record_send(ROW({}))], {OF_SENT})", sent.join(", ")));
    }
    if !texts.is_empty() || hashes.is_empty() {
        hashes.push(seeded(&format!("ROW({})::text", texts.join(", ")), OF_TEXTS));
    }
    // A seed is mixed too: otherwise the sum of hashes might not notice that two rows have exchanged a value.
    format!("hashint4extended(1, {})", hashes.join(" # "))
}

/// Of one value, as text: `bigint`, never null.
pub fn of_value(column: &Column) -> String {
    hashed(&format!("ROW({})::text", value(column)))
}

pub fn hashed(text: &str) -> String {
    seeded(text, SEED)
}

/// Collation C: a collation that calls different texts equal gives them one hash.
fn seeded(text: &str, seed: i64) -> String {
    format!("hashtextextended({text} COLLATE \"C\", {seed})")
}

fn name(column: &Column) -> String {
    format!("r.{}", quote_identifier(&column.name))
}

/// Where the server has a hash that tells all values apart that have different texts. Null for null.
fn by_itself(column: &Column, seed: i64) -> Option<String> {
    let name = name(column);
    Some(match column.type_oid.0 {
        BOOL => format!("hashint4extended({name}::int4, {seed})"),
        INT2 => format!("hashint2extended({name}, {seed})"),
        INT4 => format!("hashint4extended({name}, {seed})"),
        // It folds both halves into one, so that -1 and 4294967295 would be the same: in the seed the number is whole.
        INT8 => format!("hashint8extended({name}, {name} # {seed})"),
        OID => format!("hashoidextended({name}, {seed})"),
        // 0 and -0 are one to it, and what is no number was many before 13.5.
        FLOAT4 | FLOAT8 => {
            let text = seeded(&format!("{name}::text"), seed);
            format!("CASE WHEN {name} = 0 OR {name} = 'NaN' THEN {text} ELSE hashfloat8extended({name}, {seed}) END")
        }
        UUID => format!("uuid_hash_extended({name}, {seed})"),
        _ => large(column, seed)?,
    })
}

/// A column in a row's text.
fn value(column: &Column) -> String {
    match column.type_oid.0 {
        BYTEA => format!("sha256({})", name(column)),
        _ => large(column, SEED).unwrap_or_else(|| name(column)),
    }
}

/// Values of these types can be so large that the text of the row, with every quote doubled, would not fit into a gigabyte:
/// their own hash stands for them. It is null for null, and no hash is the empty text.
fn large(column: &Column, seed: i64) -> Option<String> {
    let name = name(column);
    Some(match column.type_oid.0 {
        TEXT | VARCHAR => seeded(&name, seed),
        JSON | JSONB => seeded(&format!("{name}::text"), seed),
        XML => seeded(&sent(&name), seed),
        ARRAY_OF_XML => {
            let elements = format!("SELECT {} FROM unnest({name}) WITH ORDINALITY AS u (e, n) ORDER BY n", sent("e"));
            let all = seeded(&format!("ROW(array_dims({name}), ARRAY({elements}))::text"), seed);
            format!("CASE WHEN {name} IS NOT NULL THEN {all} END")
        }
        _ => return None,
    })
}

/// What arrives of XML, by COPY as by replication. A server keeps a value as it was written, and sends it without a
/// declaration that says nothing; a line feed at the beginning is lost each time.
fn sent(xml: &str) -> String {
    format!("ltrim(textin(xml_out({xml})), E'\\n')")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::catalog::Oid;

    fn column(oid: u32) -> Column {
        Column {
            number: 1,
            name: "a\"b".into(),
            type_oid: Oid(oid),
            type_name: String::new(),
            not_null: false,
            identity: None,
            generated: None,
            has_default: false,
        }
    }

    #[test]
    fn large_values_are_hashed_by_themselves() {
        assert_eq!(value(&column(INT4)), r#"r."a""b""#);
        assert_eq!(value(&column(BYTEA)), r#"sha256(r."a""b")"#);
        assert_eq!(value(&column(JSON)), format!(r#"hashtextextended(r."a""b"::text COLLATE "C", {SEED})"#));
    }

    #[test]
    fn texts_are_written_only_where_nothing_else_tells_values_apart() {
        let interval = 1186;
        let hash =
            of_row(&[column(INT4), column(interval), column(TEXT), column(DATE), column(BYTEA), column(interval)]);
        let column = r#"r."a""b""#;
        let parts = [
            format!("COALESCE(hashint4extended({column}, {SEED}), {SEED})"),
            format!("COALESCE({}, {})", seeded(column, SEED + 2), SEED + 2),
            format!("hash_array_extended(ARRAY[record_send(ROW({column}, sha256({column})))], {OF_SENT})"),
            seeded(&format!("ROW({column}, {column})::text"), OF_TEXTS),
        ];
        assert_eq!(hash, format!("hashint4extended(1, {})", parts.join(" # ")));
        assert_eq!(of_row(&[]), format!("hashint4extended(1, {})", seeded("ROW()::text", OF_TEXTS)));
    }
}
