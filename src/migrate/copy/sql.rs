//! The statements of a part.

use super::plan::{Blocks, Relation};
use crate::migrate::catalog::{Oid, QualifiedName, Slice, quote_identifier};

/// Reads a whole table, or its blocks. `ONLY`, and COPY of a table by its name: rows of children are theirs.
pub fn read(relation: &Relation, blocks: Option<Blocks>) -> String {
    let (name, options) = (&relation.name, format!("(FORMAT {})", relation.format.word()));
    if let Some(Slice { of, condition }) = &relation.slice {
        let columns = names(&relation.columns);
        return format!("COPY (SELECT {columns} FROM {of} WHERE {condition}) TO STDOUT {options}");
    }
    let condition = match (blocks, &relation.filter) {
        (Some(Blocks { from, to: None }), _) => format!("WHERE ctid OPERATOR(pg_catalog.>=) '({from},0)'"),
        (Some(Blocks { from, to: Some(to) }), _) => {
            format!("WHERE ctid OPERATOR(pg_catalog.>=) '({from},0)' AND ctid OPERATOR(pg_catalog.<) '({to},0)'")
        }
        (None, Some(filter)) => filter.clone(),
        (None, None) => return format!("COPY {name} {}TO STDOUT {options}", list(&relation.columns)),
    };
    let columns = names(&relation.columns);
    format!("COPY (SELECT {columns} FROM ONLY {name} {condition}) TO STDOUT {options}")
}

pub fn write(relation: &Relation, frozen: bool) -> String {
    let (word, freeze) = (relation.format.word(), if frozen { ", FREEZE" } else { "" });
    format!("COPY {} {}FROM STDIN (FORMAT {word}{freeze})", relation.counted(), list(&relation.columns))
}

/// FREEZE asks for a table that was emptied in the same transaction.
pub fn truncate<'a>(names: impl IntoIterator<Item = &'a QualifiedName>) -> String {
    let only: Vec<String> = names.into_iter().map(|name| format!("ONLY {name}")).collect();
    format!("TRUNCATE {}", only.join(", "))
}

/// Objects without pages have a row too: empty ones exist.
pub fn read_objects(first: Oid, last: Oid) -> String {
    format!(
        "COPY (SELECT m.oid, l.pageno, l.data FROM pg_catalog.pg_largeobject_metadata AS m \
         LEFT JOIN pg_catalog.pg_largeobject AS l ON l.loid OPERATOR(pg_catalog.=) m.oid \
         WHERE m.oid OPERATOR(pg_catalog.>=) {first} AND m.oid OPERATOR(pg_catalog.<=) {last} \
         ORDER BY 1, 2) TO STDOUT (FORMAT binary)"
    )
}

/// Pages go through a table of the session: nobody but a superuser may write where large objects are stored.
pub const STAGE_OBJECTS: &str = "CREATE TEMPORARY TABLE infra_objects (id oid, page int, data bytea) ON COMMIT DROP; \
     COPY pg_temp.infra_objects FROM STDIN (FORMAT binary)";

/// LOBLKSIZE is a quarter of a block of the source's.
pub fn write_objects(block_size: u64) -> String {
    let page = block_size / 4;
    format!(
        "SELECT pg_catalog.lo_create(o.id) FROM (SELECT DISTINCT id FROM pg_temp.infra_objects) AS o \
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata AS m WHERE m.oid OPERATOR(pg_catalog.=) o.id); \
         SELECT pg_catalog.count(pg_catalog.lo_put(id, page::bigint OPERATOR(pg_catalog.*) {page}, data)) FROM pg_temp.infra_objects WHERE page IS NOT NULL"
    )
}

fn names(columns: &[String]) -> String {
    columns.iter().map(|column| quote_identifier(column)).collect::<Vec<_>>().join(", ")
}

fn list(columns: &[String]) -> String {
    if columns.is_empty() { String::new() } else { format!("({}) ", names(columns)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::copy::format::Format;

    fn relation(columns: &[&str]) -> Relation {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        Relation {
            name: QualifiedName::new("s", "T"),
            columns,
            format: Format::Binary,
            filter: None,
            into: None,
            slice: None,
        }
    }

    #[test]
    fn a_table_is_read_by_its_name_and_blocks_by_a_query() {
        let table = relation(&["a", "B"]);
        assert_eq!(read(&table, None), r#"COPY "s"."T" ("a", "B") TO STDOUT (FORMAT binary)"#);
        let blocks = Blocks { from: 3, to: Some(7) };
        assert_eq!(
            read(&table, Some(blocks)),
            r#"COPY (SELECT "a", "B" FROM ONLY "s"."T" WHERE ctid OPERATOR(pg_catalog.>=) '(3,0)' AND ctid OPERATOR(pg_catalog.<) '(7,0)') TO STDOUT (FORMAT binary)"#
        );
        let slice = Slice { of: QualifiedName::new("s", "hyper"), condition: "\"at\" < '2026-01-01'".into() };
        assert_eq!(
            read(&Relation { slice: Some(slice), ..table.clone() }, None),
            r#"COPY (SELECT "a", "B" FROM "s"."hyper" WHERE "at" < '2026-01-01') TO STDOUT (FORMAT binary)"#
        );
        let through = Relation { into: Some(QualifiedName::new("s", "root")), ..table.clone() };
        assert_eq!(write(&through, false), r#"COPY "s"."root" ("a", "B") FROM STDIN (FORMAT binary)"#);
        assert_eq!(write(&table, true), r#"COPY "s"."T" ("a", "B") FROM STDIN (FORMAT binary, FREEZE)"#);
    }

    #[test]
    fn tables_without_columns_and_of_extensions() {
        let mut empty = relation(&[]);
        empty.format = Format::Text;
        assert_eq!(read(&empty, None), r#"COPY "s"."T" TO STDOUT (FORMAT text)"#);
        assert_eq!(
            read(&empty, Some(Blocks { from: 9, to: None })),
            r#"COPY (SELECT  FROM ONLY "s"."T" WHERE ctid OPERATOR(pg_catalog.>=) '(9,0)') TO STDOUT (FORMAT text)"#
        );
        let theirs = Relation { filter: Some("WHERE id > 10".into()), ..relation(&["a"]) };
        assert_eq!(
            read(&theirs, None),
            r#"COPY (SELECT "a" FROM ONLY "s"."T" WHERE id > 10) TO STDOUT (FORMAT binary)"#
        );
    }
}
