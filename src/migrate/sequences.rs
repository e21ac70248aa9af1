//! The values of sequences, which no snapshot and no replication carries.

use std::collections::HashMap;

use super::catalog::{CatalogError, Sequence, quote_literal, read_sequences};
use crate::postgres::{Client, PostgresError};

/// As many at a time, so that a statement stays of a reasonable size.
const BATCH: usize = 500;

#[derive(Debug, thiserror::Error)]
pub enum SequenceError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error("sequence {name} may not be read")]
    Unreadable { name: String },
    #[error("sequence {name} stands at {here} where it was carried from, and at {there} where it was carried to")]
    Differs { name: String, here: String, there: String },
}

/// Sets every sequence of `to` as it is in `from`. Nobody may draw from them meanwhile. Afterwards both
/// ends are compared.
pub async fn carry(from: &Client, to: &Client) -> Result<(), SequenceError> {
    set(from, to).await?;
    compare(from, to).await
}

/// The same, but for sequences that came at `from` alone.
pub async fn carry_known(from: &Client, to: &Client) -> Result<(), SequenceError> {
    set(from, to).await?;
    compare_all(from, to, Missing::Passed).await
}

async fn set(from: &Client, to: &Client) -> Result<(), SequenceError> {
    let mut values = vec![];
    for sequence in read_sequences(from).await?.iter().filter(|sequence| sequence.extension.is_none()) {
        let (Some(last), Some(called)) = (sequence.last_value, sequence.is_called) else {
            return Err(SequenceError::Unreadable { name: sequence.name.plain() });
        };
        values.push(format!("({}, {last}::bigint, {called})", quote_literal(&sequence.name.to_string())));
    }
    for batch in values.chunks(BATCH) {
        let sql = format!(
            "SELECT pg_catalog.setval(pg_catalog.to_regclass(s.name), s.value, s.called)
             FROM (VALUES {}) AS s (name, value, called) WHERE pg_catalog.to_regclass(s.name) IS NOT NULL",
            batch.join(", ")
        );
        to.rows("setting the sequences", &sql, &[]).await?;
    }
    Ok(())
}

/// Where nobody can say how far they had come: each goes on behind the values in the columns that draw from it.
pub async fn past_rows(client: &Client) -> Result<(), SequenceError> {
    let sql = "SELECT DISTINCT pg_catalog.format('%I.%I', sn.nspname, s.relname),
                      pg_catalog.format('%I.%I', tn.nspname, t.relname), pg_catalog.quote_ident(a.attname), q.seqincrement > 0
                 FROM pg_catalog.pg_sequence q
                 JOIN pg_catalog.pg_class s ON s.oid = q.seqrelid JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
                 JOIN LATERAL (
                     SELECT d.refobjid AS relation, d.refobjsubid AS number FROM pg_catalog.pg_depend d
                      WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = s.oid
                        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                        AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
                     UNION SELECT f.adrelid, f.adnum FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attrdef f ON f.oid = d.objid
                      WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
                        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = s.oid) AS drawn ON true
                 JOIN pg_catalog.pg_class t ON t.oid = drawn.relation JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = drawn.number
                      AND a.atttypid IN ('int2'::pg_catalog.regtype, 'int4'::pg_catalog.regtype, 'int8'::pg_catalog.regtype)
                WHERE t.relkind IN ('r', 'p') ORDER BY 1";
    for row in client.rows("listing who draws from sequences", sql, &[]).await? {
        let (sequence, table, column): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let (far, behind) = if row.get(3) { ("max", ">") } else { ("min", "<") };
        let sql = format!(
            "SELECT pg_catalog.setval({}::pg_catalog.regclass, r.value, true) FROM {sequence} AS s,
                    (SELECT pg_catalog.{far}({column})::pg_catalog.int8 AS value FROM {table}) AS r
              WHERE r.value {behind} s.last_value OR r.value = s.last_value AND NOT s.is_called",
            quote_literal(&sequence)
        );
        client.rows("setting a sequence behind its rows", &sql, &[]).await?;
    }
    Ok(())
}

/// Every sequence stands at the same value at both ends. Nobody may draw from them meanwhile.
pub async fn compare(from: &Client, to: &Client) -> Result<(), SequenceError> {
    compare_all(from, to, Missing::Differs).await
}

#[derive(PartialEq, Eq)]
enum Missing {
    Differs,
    Passed,
}

async fn compare_all(from: &Client, to: &Client, missing: Missing) -> Result<(), SequenceError> {
    let (here, there) = tokio::try_join!(read_sequences(from), read_sequences(to))?;
    let there: HashMap<_, _> = there.iter().map(|sequence| (&sequence.name, told(sequence))).collect();
    for sequence in here.iter().filter(|sequence| sequence.extension.is_none()) {
        let (here, there) = (told(sequence), there.get(&sequence.name).cloned());
        if there.is_none() && missing == Missing::Passed {
            continue;
        }
        let there = there.unwrap_or_else(|| "nothing: it is not there".to_owned());
        if here != there {
            return Err(SequenceError::Differs { name: sequence.name.plain(), here, there });
        }
    }
    Ok(())
}

fn told(sequence: &Sequence) -> String {
    let value = sequence.last_value.map_or("an unreadable value".to_owned(), |value| value.to_string());
    let called = if sequence.is_called == Some(false) { ", not drawn yet" } else { "" };
    format!("{value}{called}")
}
