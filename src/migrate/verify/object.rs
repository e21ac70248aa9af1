//! Every object of a database with its definition, in one list: what the catalogue's comparison compares.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::end::VerifyError;
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::carried::{guided, held_triggers, loosened};
use crate::migrate::catalog::{IS_USERS_TRIGGER, Sequence, is_users_schema};
use crate::migrate::identity;
use crate::postgres::Client;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectKey {
    /// `COLUMN`, `GRANT`, `SEQUENCE VALUE`
    pub kind: String,
    pub name: String,
}

/// What an object is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Said alike by every server, with qualified names.
    pub facts: String,
    /// Expressions and queries as the server prints what it has parsed. Another may print the same otherwise, and so may
    /// the same one once it has read its own print.
    pub printed: String,
}

impl Definition {
    pub fn of(facts: impl Into<String>) -> Self {
        Self { facts: facts.into(), printed: String::new() }
    }
}

impl std::fmt::Display for Definition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let space = if self.facts.is_empty() || self.printed.is_empty() { "" } else { " " };
        write!(f, "{}{space}{}", self.facts, self.printed.trim())
    }
}

pub type Objects = BTreeMap<ObjectKey, Definition>;

/// Everything but rows. Names are qualified, because sessions look into pg_catalog only.
pub async fn read_objects(client: &Client) -> Result<Objects, VerifyError> {
    let remembered = identity::remembered(client).await?;
    let loosened = loosened(client).await?;
    let guided = guided(client).await?;
    let held = held_triggers(client).await?;
    let sql = include_str!("sql/objects.sql")
        .replace("{user_schema}", &is_users_schema("n.nspname"))
        .replace("{helper_schema}", &format!("'{HELPER_SCHEMA}'"))
        .replace("{remembered_identities}", &remembered)
        .replace("{loosened_keys}", &loosened)
        .replace("{guided_functions}", &guided)
        .replace("{held_triggers}", &held)
        .replace("{user_trigger}", IS_USERS_TRIGGER)
        .replace("{identity_trigger}", identity::TRIGGER);
    let typed = format!(
        "SELECT kind::text, object::text, COALESCE(facts::text, ''), COALESCE(printed::text, '') FROM ({sql}) AS described"
    );
    let rows = client.rows("describing all objects", &typed, &[]).await?;
    let described = |row: &tokio_postgres::Row| {
        let definition = Definition { facts: unquoted(row.get(2)), printed: row.get(3) };
        (ObjectKey { kind: row.get(0), name: unquoted(row.get(1)) }, definition)
    };
    Ok(rows.iter().map(described).collect())
}

/// Names without quotes where only some versions need them: `json` has been a word of the language since 16.
pub fn unquoted(text: &str) -> String {
    if text.contains('\'') {
        // Within a text quotes are themselves.
        return text.to_owned();
    }
    let mut parts = text.split('"').peekable();
    let mut plain = parts.next().unwrap_or_default().to_owned();
    while let Some(name) = parts.next() {
        let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        let simple = starts && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        match parts.next() {
            // A doubled quote is none of a simple name.
            Some(rest) if simple && !(rest.is_empty() && parts.peek().is_some()) && !plain.ends_with('"') => {
                plain.push_str(name);
                plain.push_str(rest);
            }
            rest => {
                plain.push('"');
                plain.push_str(name);
                plain.extend(rest.map(|rest| format!("\"{rest}")));
            }
        }
    }
    plain
}

/// Values of sequences, as objects of their own.
pub fn sequence_values(sequences: &[Sequence]) -> Objects {
    let told = sequences.iter().filter(|sequence| sequence.extension.is_none()).map(|sequence| {
        let value = sequence.last_value.map_or("not readable".to_owned(), |value| value.to_string());
        let called = if sequence.is_called == Some(false) { ", not called yet" } else { "" };
        let key = ObjectKey { kind: "SEQUENCE VALUE".into(), name: sequence.name.plain() };
        (key, Definition::of(format!("{value}{called}")))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::unquoted;

    #[test]
    fn simple_names_lose_their_quotes_and_no_others() {
        assert_eq!(unquoted("public.event.\"json\""), "public.event.json");
        assert_eq!(unquoted("\"select\".\"Odd name\" (a, \"json\")"), "select.\"Odd name\" (a, json)");
        for kept in ["\"Odd \"\"name\"\"\".c", "\"a\"\"b\"", "plain", "", "one \" quote", "'\"label\"'"] {
            assert_eq!(unquoted(kept), kept);
        }
    }
}
