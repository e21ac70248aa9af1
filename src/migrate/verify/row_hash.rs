//! The SQL that hashes one row, `r`. Pure.
//!
//! Two rows have one hash if and only if their values have the same texts, under the settings that every session pins. Texts
//! cost more than anything else of the verification, so they are written only where nothing cheaper tells values apart as well:
//! each value that the server can hash by itself is hashed under a seed of its own; values whose bytes say what their text says
//! are hashed as they are sent, all at once; the rest as text, all at once.

use crate::migrate::catalog::{Column, Oid, TypeKind, Types, is_made_of, quote_identifier};

/// Other than 0, so that nobody's own hash column is the same. A column's own is this and its place.
const SEED: i64 = -7_046_029_254_386_353_131;
const OF_SENT: i64 = SEED - 1;
const OF_TEXTS: i64 = SEED - 2;
const MIX: &str = " OPERATOR(pg_catalog.#) ";

const BOOL: u32 = 16;
const BYTEA: u32 = 17;
const INT8: u32 = 20;
const INT2: u32 = 21;
const INT4: u32 = 23;
const TEXT: u32 = 25;
const OID: u32 = 26;
const JSON: u32 = 114;
const XML: u32 = 142;
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
pub fn of_row(columns: &[Column], types: &Types<'_>) -> String {
    let (mut hashes, mut sent, mut texts) = (vec![], vec![], vec![]);
    for (column, seed) in columns.iter().zip(SEED..) {
        match by_itself(column, types, seed) {
            Some(hash) => hashes.push(format!("COALESCE({hash}, {seed})")),
            None if column.type_oid.0 == BYTEA => sent.push(value(column, types)),
            None if SENT.contains(&column.type_oid.0) => sent.push(name(column)),
            None => texts.push(value(column, types)),
        }
    }
    if !sent.is_empty() {
        // Only within an array can bytes be hashed, on all versions.
        let bytes = format!("pg_catalog.record_send(ROW({}))", sent.join(", "));
        hashes.push(format!("pg_catalog.hash_array_extended(ARRAY[{bytes}], {OF_SENT})"));
    }
    if !texts.is_empty() || hashes.is_empty() {
        hashes.push(seeded(&format!("ROW({})::text", texts.join(", ")), OF_TEXTS));
    }
    // A seed is mixed too: otherwise the sum of hashes might not notice that two rows have exchanged a value.
    format!("pg_catalog.hashint4extended(1, {})", hashes.join(MIX))
}

/// Of one value, as text: `bigint`, never null.
pub fn of_value(column: &Column, types: &Types<'_>) -> String {
    hashed(&format!("ROW({})::text", value(column, types)))
}

pub fn hashed(text: &str) -> String {
    seeded(text, SEED)
}

/// Collation C: a collation that calls different texts equal gives them one hash.
fn seeded(text: &str, seed: i64) -> String {
    format!("pg_catalog.hashtextextended({text} COLLATE pg_catalog.\"C\", {seed})")
}

fn name(column: &Column) -> String {
    format!("r.{}", quote_identifier(&column.name))
}

/// Where the server has a hash that tells all values apart that have different texts. Null for null.
fn by_itself(column: &Column, types: &Types<'_>, seed: i64) -> Option<String> {
    let name = name(column);
    Some(match column.type_oid.0 {
        BOOL => format!("pg_catalog.hashint4extended({name}::int4, {seed})"),
        INT2 => format!("pg_catalog.hashint2extended({name}, {seed})"),
        INT4 => format!("pg_catalog.hashint4extended({name}, {seed})"),
        // It folds both halves into one, so that -1 and 4294967295 would be the same: in the seed the number is whole.
        INT8 => format!("pg_catalog.hashint8extended({name}, {name}{MIX}{seed})"),
        OID => format!("pg_catalog.hashoidextended({name}, {seed})"),
        // 0 and -0 are one to it, and what is no number was many before 13.5.
        FLOAT4 | FLOAT8 => {
            let text = seeded(&format!("{name}::text"), seed);
            let is = |value: &str| format!("{name} OPERATOR(pg_catalog.=) {value}");
            let (zero, none) = (is("0"), is("'NaN'"));
            format!("CASE WHEN {zero} OR {none} THEN {text} ELSE pg_catalog.hashfloat8extended({name}, {seed}) END")
        }
        UUID => format!("pg_catalog.uuid_hash_extended({name}, {seed})"),
        _ => large(column, types, seed)?,
    })
}

/// A column in a row's text.
fn value(column: &Column, types: &Types<'_>) -> String {
    match column.type_oid.0 {
        BYTEA => format!("pg_catalog.sha256({})", name(column)),
        _ => large(column, types, SEED).unwrap_or_else(|| name(column)),
    }
}

/// Values of these types can be so large that the text of the row, with every quote doubled, would not fit into a gigabyte:
/// their own hash stands for them. It is null for null, and no hash is the empty text.
fn large(column: &Column, types: &Types<'_>, seed: i64) -> Option<String> {
    let name = name(column);
    Some(match column.type_oid.0 {
        TEXT | VARCHAR => seeded(&name, seed),
        JSON | JSONB => seeded(&format!("{name}::text"), seed),
        _ => taken_apart(&name, column.type_oid, types, (seed, 0))?,
    })
}

/// XML within arrays, domains and types of several parts is compared as XML is. `depth` tells the names within apart. None for
/// what holds no XML.
fn taken_apart(value: &str, oid: Oid, types: &Types<'_>, (seed, depth): (i64, usize)) -> Option<String> {
    if oid == Oid(XML) {
        return Some(seeded(&sent(value), seed));
    }
    let made = types.get(&oid).filter(|_| is_made_of(types, oid, Oid(XML)))?;
    let name = format!("v{depth}");
    let part = |name: String, oid: Oid| taken_apart(&name, oid, types, (seed, depth + 1)).unwrap_or(name);
    let whole = match (made.element, made.base, made.kind) {
        (Some(element), ..) => {
            let each = part(format!("{name}.e"), element);
            let elements = format!("SELECT {each} FROM (SELECT pg_catalog.unnest({value}) AS e) AS {name}");
            format!("pg_catalog.array_dims({value}), ARRAY({elements})")
        }
        (_, Some(base), TypeKind::Domain) => return Some(part(value.to_owned(), base)),
        _ => {
            let names: Vec<_> = (0..made.fields.len()).map(|place| format!("f{place}")).collect();
            let parts = made.fields.iter().zip(&names).map(|(oid, field)| part(format!("{name}.{field}"), *oid));
            let parts: Vec<_> = parts.collect();
            format!("(SELECT ROW({}) FROM (SELECT ({value}).*) AS {name} ({}))", parts.join(", "), names.join(", "))
        }
    };
    // A value whose parts are all null is not null itself.
    let hash = seeded(&format!("ROW({whole})::text"), seed);
    Some(format!("CASE WHEN pg_catalog.num_nulls({value}) OPERATOR(pg_catalog.=) 0 THEN {hash} END"))
}

/// What arrives of XML, by COPY as by replication. A server keeps a value as it was written, and sends it without a
/// declaration that says nothing; a line feed at the beginning is lost each time.
fn sent(xml: &str) -> String {
    format!("pg_catalog.ltrim(pg_catalog.textin(pg_catalog.xml_out({xml})), E'\\n')")
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
        let value = |oid| value(&column(oid), &Types::new());
        assert_eq!(value(INT4), r#"r."a""b""#);
        assert_eq!(value(BYTEA), r#"pg_catalog.sha256(r."a""b")"#);
        let hashed = format!(r#"pg_catalog.hashtextextended(r."a""b"::text COLLATE pg_catalog."C", {SEED})"#);
        assert_eq!(value(JSON), hashed);
    }

    #[test]
    fn texts_are_written_only_where_nothing_else_tells_values_apart() {
        let interval = 1186;
        let columns = [column(INT4), column(interval), column(TEXT), column(DATE), column(BYTEA), column(interval)];
        let hash = of_row(&columns, &Types::new());
        let column = r#"r."a""b""#;
        let sent = format!("pg_catalog.record_send(ROW({column}, pg_catalog.sha256({column})))");
        let parts = [
            format!("COALESCE(pg_catalog.hashint4extended({column}, {SEED}), {SEED})"),
            format!("COALESCE({}, {})", seeded(column, SEED + 2), SEED + 2),
            format!("pg_catalog.hash_array_extended(ARRAY[{sent}], {OF_SENT})"),
            seeded(&format!("ROW({column}, {column})::text"), OF_TEXTS),
        ];
        assert_eq!(hash, format!("pg_catalog.hashint4extended(1, {})", parts.join(MIX)));
        let nothing = seeded("ROW()::text", OF_TEXTS);
        assert_eq!(of_row(&[], &Types::new()), format!("pg_catalog.hashint4extended(1, {nothing})"));
    }
}
