//! The comparison of both ends' objects, where the source has hypertables: what it says of them is what it would say of
//! partitioned tables, and partitions are compared by their rows.

use super::conversion::Conversion;
use super::is_its_schema;
use super::partition::Converted;
use super::policy::{MANAGER, MANAGER_SCHEMA, SCHEDULER};
use super::restore::RESTORE_MODE;
use crate::migrate::catalog::{Catalog, QualifiedName, quote_identifier};
use crate::migrate::verify::{Definition, ObjectKey, Objects, mentions};

impl Conversion {
    /// Of the source: how it would describe its objects. `catalog` is the source's as it is.
    pub fn expected(&self, mut objects: Objects, catalog: &Catalog) -> Objects {
        if self.restore.is_some() {
            objects.retain(|key, _| !is_servers_own(key));
        }
        if !self.active {
            return objects;
        }
        let expected = self.besides_chunks(objects).into_iter();
        expected.map(|(key, definition)| self.expected_one(key, definition, catalog)).collect()
    }

    fn expected_one(&self, key: ObjectKey, definition: Definition, catalog: &Catalog) -> (ObjectKey, Definition) {
        let table = |name: &QualifiedName| self.hypertables.iter().find(|one| one.name == *name);
        let definition = match key.kind.as_str() {
            "TABLE" => self.hypertable(&key).map_or(definition.clone(), |one| as_partitioned(&definition, &one.column)),
            "INDEX" => {
                let index = catalog.indexes.iter().find(|index| plain(&index.name.plain()) == plain(&key.name));
                let of = index.and_then(|index| catalog.table(index.table)).and_then(|of| table(&of.name));
                let facts = |facts: &str| facts.replace(" CLUSTERED", "").replace(" REPLICA IDENTITY", "");
                match of {
                    Some(_) => Definition { facts: facts(&definition.facts), ..definition },
                    None => definition,
                }
            }
            _ => definition,
        };
        (key, definition)
    }

    /// Of the target: without partitions and what makes them.
    pub fn compared(&self, mut objects: Objects, catalog: &Catalog) -> Objects {
        if self.restore.is_some() {
            objects.retain(|key, _| !is_servers_own(key));
        }
        if !self.active {
            return objects;
        }
        let roots: Vec<_> = catalog
            .tables
            .iter()
            .filter(|table| self.hypertables.iter().any(|one| one.name == table.name))
            .map(|table| table.oid)
            .collect();
        let partitions: Vec<_> =
            catalog.tables.iter().filter(|table| table.parents.iter().any(|parent| roots.contains(parent))).collect();
        let indexes = catalog.indexes.iter().filter(|index| partitions.iter().any(|table| table.oid == index.table));
        let names = partitions.iter().map(|table| &table.name).chain(indexes.map(|index| &index.name));
        let theirs: Vec<String> = names.map(|name| plain(&name.plain())).collect();
        let is_helper = |ObjectKey { kind, name }: &ObjectKey| {
            let extension = kind == "EXTENSION" && [MANAGER, SCHEDULER].contains(&name.as_str());
            let schema = [MANAGER_SCHEMA, "cron"];
            let within = |word: &str| word.split_once('.').is_some_and(|(of, _)| schema.contains(&of));
            extension || concerns(name, |word| schema.contains(&word.trim_end_matches(':')) || within(word))
        };
        let is_partition = |key: &ObjectKey| {
            let name = plain(&key.name);
            theirs.iter().any(|one| mentions(&name, one))
        };
        let left = objects.into_iter().filter(|(key, _)| !is_partition(key) && !is_helper(key));
        left.map(|(key, definition)| {
            let column = self.hypertable(&key).map(|one| &one.column);
            let definition = column.map_or(definition.clone(), |column| bare(&definition, column));
            (key, definition)
        })
        .collect()
    }

    /// Without what lies in the extension's own schemas, as chunks do, its triggers, and chunks that lie elsewhere.
    pub fn besides_chunks(&self, mut objects: Objects) -> Objects {
        let elsewhere: Vec<String> = self.elsewhere.iter().map(|name| plain(&name.plain())).collect();
        objects.retain(|ObjectKey { kind, name }, definition| {
            let trigger = kind == "TRIGGER" && definition.facts.contains(" EXECUTE FUNCTION _timescaledb_");
            let schema = kind == "SCHEMA" && is_its_schema(name);
            let (bare, defined) = (plain(name), plain(&definition.to_string()));
            let index = |chunk: &String| kind == "INDEX" && defined.starts_with(&format!("on {chunk} "));
            !trigger
                && !schema
                && !concerns(name, |word| word.split_once('.').is_some_and(|(of, _)| is_its_schema(of)))
                && !concerns(name, |word| is_its_schema(word.trim_end_matches(':')))
                && !elsewhere.iter().any(|chunk| mentions(&bare, chunk) || index(chunk))
        });
        objects
    }

    fn hypertable(&self, key: &ObjectKey) -> Option<&Converted> {
        if key.kind != "TABLE" {
            return None;
        }
        self.hypertables.iter().find(|one| plain(&one.name.plain()) == plain(&key.name))
    }
}

/// Restore mode, until the clients come; and who may use the extension's schemas.
fn is_servers_own(ObjectKey { kind, name }: &ObjectKey) -> bool {
    let [(restore_mode, _)] = RESTORE_MODE;
    let of_schema = || name.strip_prefix("SCHEMA ").and_then(|rest| rest.split(' ').next()).is_some_and(is_its_schema);
    (kind == "SETTING" && name.ends_with(restore_mode)) || (kind == "GRANT" && of_schema())
}

/// Names have their kind before them, and more behind.
fn concerns(name: &str, is_it: impl Fn(&str) -> bool) -> bool {
    name.split(' ').any(is_it)
}

/// Both are written by servers, which quote where they must.
fn plain(name: &str) -> String {
    name.replace('"', "")
}

/// As the description of a table is put together: kind, persistence, replica identity, settings; its key is printed.
fn as_partitioned(definition: &Definition, column: &str) -> Definition {
    let facts = definition.facts.strip_prefix("r ").unwrap_or(&definition.facts);
    let facts = facts.replace("replica identity i", "replica identity d");
    let kept = facts.split_once(" with ").map_or(facts.as_str(), |(before, _)| before);
    Definition { facts: format!("p {kept}"), printed: format!("by {}", bare_key(column)) }
}

/// A server quotes the words of its own version, such as `time`: the key is compared by its column.
fn bare(definition: &Definition, column: &str) -> Definition {
    let quoted = format!("RANGE ({})", quote_identifier(column));
    Definition { printed: definition.printed.replace(&quoted, &bare_key(column)), ..definition.clone() }
}

fn bare_key(column: &str) -> String {
    format!("RANGE ({column})")
}
