//! Names as PostgreSQL has them: any text, which is why they are always quoted when they are written into a statement.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::migrate::HELPER_SCHEMA;

/// The number of an object within one database. It means nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Oid(pub u32);

impl Oid {
    /// Objects that come with the server have fixed numbers below this (FirstNormalObjectId), so they mean the same on
    /// both ends.
    pub fn is_built_in(self) -> bool {
        self.0 < 16_384
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Displays as `"schema"."name"`, fit for a statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QualifiedName {
    pub schema: String,
    pub name: String,
}

impl QualifiedName {
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }

    /// For people: without quotes where none are needed.
    pub fn plain(&self) -> String {
        format!("{}.{}", plain(&self.schema), plain(&self.name))
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", quote_identifier(&self.schema), quote_identifier(&self.name))
    }
}

pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// SQL: the schema of this name, a column, is a user's. Names that begin with pg_ are the system's own, which users cannot
/// make; the helper schema is the migration's.
pub fn is_users_schema(name: &str) -> String {
    format!("{name} !~ '^pg_' AND {name} NOT IN ('information_schema', '{HELPER_SCHEMA}')")
}

/// SQL: the trigger `t` is a user's. Before 15 those that partitions have from their table are internal, as those of foreign keys
/// and of deferrable constraints are in every version.
pub const IS_USERS_TRIGGER: &str = "(NOT t.tgisinternal OR t.tgparentid <> 0
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.oid = t.tgconstraint AND k.contype <> 't'))";

/// Right whatever `standard_conforming_strings` says.
pub fn quote_literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

fn plain(name: &str) -> String {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let simple = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if starts && simple { name.to_owned() } else { quote_identifier(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_for_statements_and_plain_for_people() {
        let name = QualifiedName::new("public", "Odd \"name\"");
        assert_eq!(name.to_string(), r#""public"."Odd ""name""""#);
        assert_eq!(name.plain(), r#"public."Odd ""name""""#);
    }

    #[test]
    fn literals_survive_quotes_and_backslashes() {
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal(r"a\'b"), r"E'a\\''b'");
    }
}
