//! The comparison of both ends' objects, where the source has hypertables: what it says of them is what it would say of
//! partitioned tables, and partitions are compared by their rows.

use std::collections::BTreeSet;

use super::object::{Definition, ObjectKey, Objects};
use super::subject::mentions;
use crate::migrate::catalog::{Catalog, QualifiedName, quote_identifier};
use crate::migrate::timescale::{
    Conversion, Converted, MANAGER, MANAGER_SCHEMA, RESTORE_MODE, SCHEDULER, is_its_schema,
};

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
    pub fn compared(&self, mut objects: Objects) -> Objects {
        if self.restore.is_some() {
            objects.retain(|key, _| !is_servers_own(key));
        }
        if !self.active {
            return objects;
        }
        let theirs = self.partitions(&objects);
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

    /// Of hypertables, those that were made ahead among them, and their indexes.
    fn partitions(&self, objects: &Objects) -> BTreeSet<String> {
        let roots: Vec<String> =
            self.hypertables.iter().map(|one| format!("of {}", plain(&one.name.plain()))).collect();
        let of_root = |(key, definition): &(&ObjectKey, &Definition)| {
            // Only partitions have a bound.
            let bound = key.kind == "TABLE" && !definition.printed.is_empty();
            bound && roots.iter().any(|root| plain(&definition.facts).ends_with(root))
        };
        let mut found: BTreeSet<String> = objects.iter().filter(of_root).map(|(key, _)| plain(&key.name)).collect();
        let on_one = |(key, definition): &(&ObjectKey, &Definition)| {
            let table = definition.facts.strip_prefix("on ").map(first_name);
            key.kind == "INDEX" && table.is_some_and(|table| found.contains(&plain(table)))
        };
        let indexes: Vec<String> = objects.iter().filter(on_one).map(|(key, _)| plain(&key.name)).collect();
        found.extend(indexes);
        found
    }

    /// Without what lies in the extension's own schemas, as chunks do, its triggers, and chunks that lie elsewhere.
    pub fn besides_chunks(&self, mut objects: Objects) -> Objects {
        let elsewhere: Vec<String> = self.elsewhere.iter().map(|name| plain(&name.plain())).collect();
        objects.retain(|key, definition| {
            let (bare, facts) = (plain(&key.name), plain(&definition.facts));
            let trigger = key.kind == "TRIGGER" && facts.contains(" EXECUTE FUNCTION _timescaledb_");
            let index = |chunk: &String| key.kind == "INDEX" && facts.starts_with(&format!("on {chunk} "));
            let chunk = |chunk: &String| mentions(&bare, chunk) || index(chunk);
            !trigger && !is_its_object(key) && !elsewhere.iter().any(chunk)
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

/// Lies in the extension's own schemas, or is one.
pub fn is_its_object(ObjectKey { kind, name }: &ObjectKey) -> bool {
    (kind == "SCHEMA" && is_its_schema(name))
        || concerns(name, |word| word.split_once('.').is_some_and(|(of, _)| is_its_schema(of)))
        || concerns(name, |word| is_its_schema(word.trim_end_matches(':')))
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

/// Up to the first space that is in no quotes.
fn first_name(text: &str) -> &str {
    let mut quoted = false;
    let end = text.find(|c| {
        quoted ^= c == '"';
        c == ' ' && !quoted
    });
    &text[..end.unwrap_or(text.len())]
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
