//! Two lists of objects side by side. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::object::{Definition, ObjectKey};
use super::report::ObjectDifference;
use crate::migrate::catalog::{Catalog, ServerVersion};
use crate::migrate::schema::Loss;

/// What is no fault.
pub struct Terms<'a> {
    /// Of the target.
    pub user: &'a str,
    pub losses: &'a [Loss],
    pub before_last: bool,
}

/// What is not the same, with the loss that explains it.
pub fn compare(
    source: &BTreeMap<ObjectKey, Definition>,
    target: &BTreeMap<ObjectKey, Definition>,
    catalogs: (&Catalog, &Catalog),
    terms: &Terms<'_>,
) -> Vec<ObjectDifference> {
    let (here, there) = (catalogs.0.database.server_version, catalogs.1.database.server_version);
    let keys: BTreeSet<_> = source.keys().chain(target.keys()).collect();
    let mut found = Vec::new();
    for key in keys {
        let (before, after) = (source.get(key), target.get(key));
        let same = match (before, after) {
            (Some(before), Some(after)) => {
                let later = terms.before_last && key.kind == "TABLE";
                before == after
                    || (later && before.replace(" row security", "") == *after)
                    || across(key, here, there).is_some_and(|normal| normal(before) == normal(after))
            }
            // Roles of the server belong to others too.
            (Some(_), None) => terms.before_last && key.kind == "EVENT TRIGGER",
            (None, Some(_)) => matches!(key.kind.as_str(), "ROLE" | "MEMBERSHIP"),
            _ => false,
        };
        if !same && !is_by_server(key, before, after, catalogs.0, terms.user) {
            found.push(ObjectDifference {
                object: key.clone(),
                source: before.cloned(),
                target: after.cloned(),
                explained: explained(key, terms.losses),
            });
        }
    }
    found
}

/// Versions write the same view differently: from 16 on, without the table's name before a column where there is one
/// table only.
fn across(key: &ObjectKey, here: ServerVersion, there: ServerVersion) -> Option<fn(&str) -> String> {
    let deparsed = matches!(key.kind.as_str(), "VIEW" | "MATERIALIZED VIEW" | "RULE" | "FUNCTION");
    (deparsed && here.major() != there.major()).then_some(unqualified)
}

fn unqualified(definition: &str) -> String {
    let last = |word: &str| word.rsplit('.').next().unwrap_or_default().to_owned();
    definition.split_inclusive([' ', '\n', ',', '(', ')']).map(last).collect()
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
            let superuser = source.roles.iter().any(|role| role.superuser && Some(&role.name) == before);
            superuser && after.is_some_and(|owner| owner == user)
        }
        "GRANT" | "REVOKE" => key.name.ends_with(": MAINTAIN"),
        "EVENT TRIGGER" | "SETTING" => before.is_none() && key.name.starts_with("infra"),
        _ => false,
    }
}

/// The code of the loss that names this object, or something that it is part of. Owners, grants, columns and comments of
/// what is lost are lost with it.
pub fn explained(key: &ObjectKey, losses: &[Loss]) -> Option<String> {
    let (name, full) = (plain(&key.name), plain(&format!("{} {}", key.kind, key.name)));
    let concerns = |named: &String| {
        let object = plain(without_kind(named));
        full == plain(named) || (object.len() < named.len() && mentions(&name, &object))
    };
    // What is said about roles in general explains no object.
    // Nor does what is said of hypertables: what follows from their conversion is expected, and nothing else.
    let general = |loss: &Loss| {
        ["hypertable", "timescaledb-call", "timescaledb-job"].iter().any(|code| loss.code.starts_with(code))
    };
    let telling =
        losses.iter().filter(|loss| !general(loss) && (!loss.code.starts_with("role-") || key.kind == "ROLE"));
    let found = telling.into_iter().find(|loss| concerns(&loss.object) || loss.takes.iter().any(concerns));
    found.map(|loss| loss.code.clone())
}

/// `FOREIGN TABLE public.t` → `public.t`
fn without_kind(named: &str) -> &str {
    let is_kind = |word: &str| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase());
    let mut rest = named;
    while let Some((_, after)) = rest.split_once(' ').filter(|(word, _)| is_kind(word)) {
        rest = after;
    }
    rest
}

/// The name of an object, or of something that belongs to it.
pub fn mentions(name: &str, object: &str) -> bool {
    let end = |rest: &str| rest.is_empty() || rest.starts_with([' ', '.', ':', '(']);
    name.match_indices(object).any(|(at, _)| {
        let begins = at == 0 || name[..at].ends_with(' ');
        begins && end(&name[at + object.len()..])
    })
}

/// Losses name objects without quotes and case-insensitively, as people do.
fn plain(name: &str) -> String {
    name.replace('"', "").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, name: &str) -> ObjectKey {
        ObjectKey { kind: kind.into(), name: name.into() }
    }

    #[test]
    fn a_loss_explains_its_object_and_what_is_said_about_it() {
        let loss = Loss::for_tests("index-invalid", "INDEX public.Broken");
        let explained = |kind, name| explained(&key(kind, name), std::slice::from_ref(&loss)).is_some();
        assert!(explained("INDEX", "public.\"Broken\""));
        assert!(explained("COMMENT", "index public.\"Broken\""));
        assert!(!explained("INDEX", "public.broken_too"));
        assert!(!explained("TABLE", "other"));
        let taken = Loss {
            takes: vec!["FOREIGN TABLE public.far".into()],
            ..Loss::for_tests("extension-missing", "EXTENSION x")
        };
        let roles =
            Loss { takes: vec!["Mixed Case".into()], ..Loss::for_tests("role-password", "2 roles that log in") };
        let losses = [roles, taken];
        let column = super::explained(&key("COLUMN", "public.far.id"), &losses);
        assert_eq!(column.as_deref(), Some("extension-missing"));
        assert_eq!(super::explained(&key("GRANT", "DATABASE to Mixed Case: CONNECT"), &losses), None);
    }

    #[test]
    fn views_of_two_versions_are_the_same_without_the_tables_name() {
        assert_eq!(
            unqualified(" SELECT orders.customer,\n    sum(orders.amount)"),
            unqualified(" SELECT customer,\n    sum(amount)")
        );
        assert_ne!(unqualified("SELECT a FROM t"), unqualified("SELECT b FROM t"));
    }
}
