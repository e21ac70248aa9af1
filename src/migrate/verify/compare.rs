//! Two lists of objects side by side. Pure.

use std::collections::BTreeSet;

use super::object::{Definition, ObjectKey, Objects};
use super::prints::Prints;
use super::report::ObjectDifference;
use super::subject::explained;
use super::uses::{Uses, other_uses};
use crate::migrate::catalog::Catalog;
use crate::migrate::schema::Loss;

/// What is no fault.
pub struct Terms<'a> {
    /// Of the target.
    pub user: &'a str,
    pub losses: &'a [Loss],
    pub before_last: bool,
    pub prints: &'a Prints,
}

/// What is not the same, with the loss that explains it. `catalog` is the source's.
pub fn compare(source: &Objects, target: &Objects, catalog: &Catalog, terms: &Terms<'_>) -> Vec<ObjectDifference> {
    let renamed = given_by_user(source, target, catalog, terms.user);
    let source = renamed.as_ref().unwrap_or(source);
    let keys: BTreeSet<_> = source.keys().chain(target.keys()).collect();
    let mut found = Vec::new();
    for key in keys {
        let (before, after) = (source.get(key), target.get(key));
        let same = match (before, after) {
            (Some(before), Some(after)) => {
                let facts =
                    before.facts == after.facts || (terms.before_last && until_last(key, &before.facts) == after.facts);
                facts && terms.prints.are_one(key, &before.printed, &after.printed)
            }
            // Roles of the server belong to others too.
            (Some(_), None) => terms.before_last && comes_last(key),
            // And a provider changes rights on what came with it.
            (None, Some(after)) => {
                matches!(key.kind.as_str(), "ROLE" | "MEMBERSHIP")
                    || (matches!(key.kind.as_str(), "GRANT" | "REVOKE")
                        && OF_WHAT_CAME.contains(&first_words(&after.facts)))
            }
            _ => false,
        };
        if !same && !is_by_server(key, before, after, catalog, terms.user) {
            found.push(ObjectDifference {
                object: key.clone(),
                source: before.map(ToString::to_string),
                target: after.map(ToString::to_string),
                explained: explained(key, terms.losses),
            });
        }
    }
    found
}

/// What it is before the clients come.
fn until_last(key: &ObjectKey, facts: &str) -> String {
    match key.kind.as_str() {
        "TABLE" => facts.replace(" row security", ""),
        "TRIGGER" => match facts.strip_suffix(" enabled A").or(facts.strip_suffix(" enabled R")) {
            Some(rest) => format!("{rest} enabled O"),
            None => facts.to_owned(),
        },
        _ => facts.to_owned(),
    }
}

/// What acts by itself is made at last, with what is said about it.
fn comes_last(key: &ObjectKey) -> bool {
    let said = |prefix: &str| key.name.starts_with(prefix);
    match key.kind.as_str() {
        "EVENT TRIGGER" | "PUBLICATION" => true,
        "OWNER" => said("PUBLICATION "),
        "COMMENT" => said("event trigger ") || said("publication "),
        _ => false,
    }
}

/// What a superuser gives by default, the target's user gives there: under its name, where the target has that.
fn given_by_user(source: &Objects, target: &Objects, catalog: &Catalog, user: &str) -> Option<Objects> {
    let supers: Vec<String> =
        catalog.roles.iter().filter(|role| role.superuser).map(|role| format!("{} ", role.name)).collect();
    let by_user = |key: &ObjectKey| {
        let by_default = key.kind.starts_with("DEFAULT ") && !target.contains_key(key);
        let rest = supers.iter().find_map(|name| key.name.strip_prefix(name.as_str())).filter(|_| by_default)?;
        let renamed = ObjectKey { kind: key.kind.clone(), name: format!("{user} {rest}") };
        target.contains_key(&renamed).then_some(renamed)
    };
    let pairs: Vec<_> = source.keys().filter_map(|key| Some((key.clone(), by_user(key)?))).collect();
    let mut all = (!pairs.is_empty()).then(|| source.clone())?;
    for (key, renamed) in pairs {
        if let Some(definition) = all.remove(&key) {
            all.insert(renamed, definition);
        }
    }
    Some(all)
}

/// Of rights on objects of the server and of extensions, as they are described.
const OF_WHAT_CAME: [&str; 2] = ["beside what came", "of what came"];

fn first_words(facts: &str) -> &str {
    facts.split(" with ").next().unwrap_or_default()
}

/// The kind of a difference in what an object is made of; its name is the object's, with its kind.
pub const USES: &str = "USES";

/// Objects that both ends have, and that are made of something else: the same text may mean another thing. Whatever is
/// missing at one end is told by `compare`.
pub fn compare_uses(
    (source, target): (&Uses, &Uses),
    (here, there): (&Objects, &Objects),
    losses: &[Loss],
) -> Vec<ObjectDifference> {
    let both = |key: &ObjectKey| here.contains_key(key) && there.contains_key(key);
    let different = other_uses(source, target).into_iter().filter(|other| both(&other.object));
    let told = |other: super::uses::OtherUse| {
        let name = format!("{} {}", other.object.kind, other.object.name);
        let object = ObjectKey { kind: USES.into(), name };
        ObjectDifference {
            source: Some(other.only_here.join(", ")),
            target: Some(other.only_there.join(", ")),
            explained: explained(&object, losses).or_else(|| explained(&other.object, losses)),
            object,
        }
    };
    different.map(told).collect()
}

fn superusers(catalog: &Catalog) -> impl Iterator<Item = &str> {
    catalog.roles.iter().filter(|role| role.superuser).map(|role| role.name.as_str())
}

/// What follows from the servers: a superuser's things belong to the target's user, and 17 knows a right that 15 does not.
fn is_by_server(
    key: &ObjectKey,
    before: Option<&Definition>,
    after: Option<&Definition>,
    source: &Catalog,
    user: &str,
) -> bool {
    match key.kind.as_str() {
        "OWNER" => {
            let superuser =
                source.roles.iter().any(|role| role.superuser && before.is_some_and(|owner| owner.facts == role.name));
            superuser && after.is_some_and(|owner| owner.facts == user)
        }
        "GRANT" | "REVOKE" | "DEFAULT GRANT" | "DEFAULT REVOKE" if key.name.ends_with(": MAINTAIN") => true,
        // What a superuser granted itself where it was the owner: at the target another is.
        "GRANT" | "DEFAULT GRANT" => {
            before.is_none() && superusers(source).any(|name| key.name.contains(&format!(" to {name}: ")))
        }
        "EVENT TRIGGER" | "SETTING" => before.is_none() && key.name.starts_with("infra"),
        _ => false,
    }
}
