//! TimescaleDB to a server that has it, of the same version: everything stays what it is, by the extension's own rules for a
//! restore. While both databases are in restore mode, chunks, compressed ones too, are tables like all others: they are
//! made, copied, indexed and compared as such. What the extension knows of them is carried by `carry`, when all of them are
//! there. Restore mode ends when the clients are about to come.
//!
//! Pure.

use std::collections::BTreeSet;

use crate::migrate::catalog::{Catalog, QualifiedName, quote_identifier, quote_literal};
use crate::migrate::schema::{self, Entry, Item, LargeObject, Loss, Phase, Schema, Target};
use crate::migrate::timescale::{Conversion, EXTENSION, OwnTable, Restore, Timescale, schema_of_functions};

/// As `schema::build`. `catalog` is the source's as it is.
pub fn build(
    mut items: Vec<Item>,
    catalog: &Catalog,
    timescale: &Timescale,
    large_objects: Vec<LargeObject>,
    target: &Target,
) -> Schema {
    let restore = Restore {
        hypertables: timescale.hypertables.len(),
        tables: in_order_of_need(timescale.own_tables.clone()),
        sequences: timescale.own_sequences.clone(),
        replaced: schema::replaced(catalog, target),
    };
    items.iter_mut().filter(|item| is_extension(&item.kind, &item.tag)).for_each(|item| versioned(item, catalog));
    let [begin, end] = around(&restore, schema_of_functions(catalog));
    let elsewhere = timescale.chunks_elsewhere.iter().cloned().collect();
    let conversion = Conversion { restore: Some(restore), elsewhere, ..Conversion::default() };
    let mut built = schema::build(items, &conversion.seen(catalog.clone()), large_objects, target);
    let after = built.entries.iter().position(|entry| is_extension(&entry.kind, &entry.name));
    built.entries.insert(after.map_or(0, |place| place + 1), begin);
    built.entries.push(end);
    built.losses.push(note(timescale));
    built.conversion = conversion;
    built
}

fn is_extension(kind: &str, name: &str) -> bool {
    kind == "EXTENSION" && name == EXTENSION
}

/// The catalogue of one version means nothing to another.
fn versioned(item: &mut Item, catalog: &Catalog) {
    let Some(extension) = catalog.extensions.iter().find(|extension| extension.name == EXTENSION) else { return };
    let (schema, version) = (quote_identifier(&extension.schema), quote_literal(&extension.version));
    item.definition = format!("CREATE EXTENSION IF NOT EXISTS {EXTENSION} WITH SCHEMA {schema} VERSION {version};\n");
}

/// Its begin, which also says how to leave it when the tables are gone, and its end.
fn around(restore: &Restore, functions: &str) -> [Entry; 2] {
    let schema = quote_identifier(functions);
    let (pre, post) =
        (format!("SELECT {schema}.timescaledb_pre_restore()"), format!("SELECT {schema}.timescaledb_post_restore()"));
    let forget: String = restore.tables.iter().rev().map(|table| format!("{};\n", table.delete())).collect();
    let name = "of timescaledb";
    [
        Entry::new(Phase::BeforeData, "RESTORE MODE", name, vec![pre.clone()]).undone_by(format!("{forget}{post};")),
        Entry::new(Phase::HandOver, "END OF RESTORE MODE", name, vec![format!("{post};")]).undone_by(format!("{pre};")),
    ]
}

fn note(timescale: &Timescale) -> Loss {
    let ranges = || timescale.hypertables.iter().flat_map(|hypertable| &hypertable.ranges);
    let (chunks, compressed): (u32, u32) =
        (ranges().map(|range| range.chunks).sum(), ranges().map(|range| range.compressed).sum());
    let what = format!(
        "{} hypertables with {chunks} chunks, {compressed} of them compressed, {} continuous aggregates and {} jobs stay \
         what they are; jobs rest from the pause on, until the clients are switched. Nothing that is written afterwards follows \
         to the old server by itself: infra migrate rollback --offline copies all of it back, while the clients wait",
        timescale.hypertables.len(),
        timescale.aggregates.len(),
        timescale.jobs.len()
    );
    Loss::note("hypertables-kept", format!("EXTENSION {EXTENSION}"), what, "nothing")
}

/// Foreign keys to the table itself do not count; if others went round in a circle, their tables would come last.
fn in_order_of_need(mut left: Vec<OwnTable>) -> Vec<OwnTable> {
    let mut ordered: Vec<OwnTable> = vec![];
    while !left.is_empty() {
        let waiting: BTreeSet<QualifiedName> = left.iter().map(|table| table.name.clone()).collect();
        let (ready, rest): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|table| table.needs.iter().all(|need| !waiting.contains(need)));
        if ready.is_empty() {
            ordered.extend(rest);
            break;
        }
        ordered.extend(ready);
        left = rest;
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, needs: &[&str]) -> OwnTable {
        let named = |name: &str| QualifiedName::new("t", name);
        let needs = needs.iter().map(|name| named(name)).collect();
        OwnTable { name: named(name), filter: String::new(), columns: vec![], needs }
    }

    #[test]
    fn rows_that_others_point_to_come_first() {
        let given = vec![
            table("a", &["c", "b"]),
            table("b", &["c"]),
            table("c", &["elsewhere"]),
            table("x", &["y"]),
            table("y", &["x"]),
        ];
        let names: Vec<_> = in_order_of_need(given).into_iter().map(|table| table.name.name).collect();
        assert_eq!(names, ["c", "b", "a", "x", "y"]);
    }
}
