//! Every object of a database with its definition, in one list: what the catalogue's comparison compares.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::end::VerifyError;
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::carried::loosened;
use crate::migrate::catalog::Sequence;
use crate::migrate::identity;
use crate::postgres::Client;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectKey {
    /// `COLUMN`, `GRANT`, `SEQUENCE VALUE`
    pub kind: String,
    pub name: String,
}

/// As the server writes it, with qualified names.
pub type Definition = String;

/// Everything but rows. Names are qualified, because sessions look into pg_catalog only.
pub async fn read_objects(client: &Client) -> Result<BTreeMap<ObjectKey, Definition>, VerifyError> {
    let remembered = identity::remembered(client).await?;
    let loosened = loosened(client).await?;
    let sql = include_str!("sql/objects.sql")
        .replace(
            "{user_schema}",
            &format!("n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '{HELPER_SCHEMA}')"),
        )
        .replace("{helper_schema}", &format!("'{HELPER_SCHEMA}'"))
        .replace("{remembered_identities}", &remembered)
        .replace("{loosened_keys}", &loosened)
        .replace("{identity_trigger}", identity::TRIGGER);
    let typed = format!("SELECT kind::text, object::text, definition::text FROM ({sql}) AS described");
    let rows = client.rows("describing all objects", &typed, &[]).await?;
    let described = |row: &tokio_postgres::Row| {
        let definition: Option<String> = row.get(2);
        (ObjectKey { kind: row.get(0), name: row.get(1) }, definition.unwrap_or_default())
    };
    Ok(rows.iter().map(described).collect())
}

/// Values of sequences, as objects of their own.
pub fn sequence_values(sequences: &[Sequence]) -> BTreeMap<ObjectKey, Definition> {
    let told = sequences.iter().filter(|sequence| sequence.extension.is_none()).map(|sequence| {
        let value = sequence.last_value.map_or("not readable".to_owned(), |value| value.to_string());
        let called = if sequence.is_called == Some(false) { ", not called yet" } else { "" };
        let key = ObjectKey { kind: "SEQUENCE VALUE".into(), name: sequence.name.plain() };
        (key, format!("{value}{called}"))
    });
    told.collect()
}
