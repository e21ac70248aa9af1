//! What is made of something else than at the source: an operator that was found by another path has the same text. Pure.

use std::collections::BTreeMap;

use super::pass::Learned;
use crate::migrate::schema::{Entry, Paths, Schema, Target};
use crate::migrate::verify::{OtherUse, Uses, other_uses};

/// Entries whose objects are made of something else, with the next path that there is for them. Where all were tried, what
/// differs is told as such.
pub fn again(
    here: &Uses,
    learned: &Learned,
    schema: &Schema,
    facts: &Target,
    paths: &Paths,
) -> BTreeMap<String, String> {
    let both = |one: &OtherUse| here.contains_key(&one.object) && learned.printed.contains_key(&one.object);
    let mut again = BTreeMap::new();
    for one in other_uses(here, &learned.uses).into_iter().filter(both) {
        for entry in making(&one.object.name, &schema.entries) {
            let subject = entry.subject();
            let used = learned.paths.get(&subject).or_else(|| facts.tried.paths.get(&subject));
            let candidates = paths.candidates(schema_of(entry));
            let tried = used.and_then(|used| candidates.iter().position(|path| path == used));
            if let Some(path) = candidates.get(tried.map_or(0, |tried| tried + 1)) {
                again.insert(subject, path.clone());
            }
        }
    }
    again
}

/// `public.t name` → `public`
pub fn schema_of(entry: &Entry) -> Option<&str> {
    entry.name.split_once('.').map(|(schema, _)| schema)
}

/// The entry of this name, or that of the table that it comes with: checks and generated columns have none of their own.
fn making<'a>(object: &str, entries: &'a [Entry]) -> Vec<&'a Entry> {
    let object = flat(object);
    let made: Vec<&Entry> =
        entries.iter().filter(|entry| entry.item.is_some() && !is_said(entry) && flat(&entry.name) == object).collect();
    if !made.is_empty() {
        return made;
    }
    let holds = |entry: &&Entry| {
        let of_table = matches!(entry.kind.as_str(), "TABLE" | "FOREIGN TABLE");
        of_table && object.strip_prefix(&flat(&entry.name)).is_some_and(|rest| rest.starts_with('.'))
    };
    entries.iter().filter(holds).collect()
}

fn is_said(entry: &Entry) -> bool {
    matches!(entry.kind.as_str(), "ACL" | "COMMENT")
}

/// Tags of the archive and names of the comparison, written alike.
fn flat(name: &str) -> String {
    name.replace('"', "").replace(", ", ",").replace(' ', ".")
}
