//! Who owns an object: pg_dump keeps that beside the definition, and pg_restore writes the statement, as here.

use super::archive::Item;
use crate::migrate::catalog::quote_identifier;

/// Kinds that are named by schema and name.
const IN_SCHEMA: [&str; 11] = [
    "COLLATION",
    "CONVERSION",
    "DOMAIN",
    "FOREIGN TABLE",
    "MATERIALIZED VIEW",
    "SEQUENCE",
    "STATISTICS",
    "TABLE",
    "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY",
    "TYPE",
];

/// Kinds that are named by name alone.
const WITHOUT_SCHEMA: [&str; 6] =
    ["EVENT TRIGGER", "FOREIGN DATA WRAPPER", "PROCEDURAL LANGUAGE", "PUBLICATION", "SCHEMA", "SERVER"];

/// Kinds whose name is more than a name: the statement that would drop them says it.
const BY_SIGNATURE: [&str; 6] = ["AGGREGATE", "FUNCTION", "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY", "PROCEDURE"];

/// The statement that gives the object to its owner; None for kinds that have none of their own.
pub fn statement(item: &Item) -> Option<String> {
    let owner = item.owner.as_deref()?;
    if item.drop.is_empty() || is_given_already(item, owner) {
        return None;
    }
    Some(format!("ALTER {} OWNER TO {}", described(item)?, quote_identifier(owner)))
}

/// The schema public belongs to this role in every new database.
fn is_given_already(item: &Item, owner: &str) -> bool {
    item.kind == "SCHEMA" && owner == "pg_database_owner"
}

/// `FUNCTION s.f(a integer)`: how statements name what is named by more than a name.
pub fn signature(item: &Item) -> Option<String> {
    item.drop.strip_prefix("DROP ")?.strip_suffix(";\n").map(str::to_owned)
}

fn described(item: &Item) -> Option<String> {
    let kind = item.kind.as_str();
    if IN_SCHEMA.contains(&kind) || kind == "VIEW" {
        let schema = quote_identifier(item.schema.as_deref()?);
        return Some(format!("{kind} {schema}.{}", quote_identifier(&item.tag)));
    }
    if WITHOUT_SCHEMA.contains(&kind) {
        return Some(format!("{kind} {}", quote_identifier(&item.tag)));
    }
    if BY_SIGNATURE.contains(&kind) {
        return signature(item);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::schema::disposition::fixture::item;

    #[test]
    fn objects_are_named_as_their_kind_wants() {
        let owned = |kind: &str, tag: &str, drop: &str| {
            statement(&Item { owner: Some("a b".into()), drop: drop.into(), ..item(kind, tag) })
        };
        assert_eq!(owned("TABLE", "T", "DROP TABLE s.\"T\";\n").unwrap(), r#"ALTER TABLE "s"."T" OWNER TO "a b""#);
        assert_eq!(owned("SCHEMA", "x", "DROP SCHEMA x;\n").unwrap(), r#"ALTER SCHEMA "x" OWNER TO "a b""#);
        assert_eq!(
            owned("FUNCTION", "f(integer)", "DROP FUNCTION s.f(integer);\n").unwrap(),
            r#"ALTER FUNCTION s.f(integer) OWNER TO "a b""#
        );
        assert_eq!(owned("INDEX", "i", "DROP INDEX s.i;\n"), None);
    }
}
