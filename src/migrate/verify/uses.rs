//! What each object is made of: the functions, operators, types and columns that it refers to. Two servers may write the
//! same view differently, but it means the same only if it is made of the same. An operator that was found by another
//! search_path is seen here and nowhere else: its text stays the same.

use std::collections::{BTreeMap, BTreeSet};

use super::end::VerifyError;
use super::object::{ObjectKey, unquoted};
use crate::migrate::catalog::{IS_USERS_TRIGGER, is_users_schema};
use crate::postgres::Client;

/// By object: what it uses of what does not come with the server, as `operator public.=(public.citext,public.citext)`.
pub type Uses = BTreeMap<ObjectKey, BTreeSet<String>>;

/// Views, rules, policies, checks, defaults, generated columns, indexes, conditions of triggers, statistics, domains, and
/// functions as far as the server knows their bodies. What uses nothing is not among them.
pub async fn read_uses(client: &Client) -> Result<Uses, VerifyError> {
    let user_schema = is_users_schema("n.nspname");
    let sql =
        include_str!("sql/uses.sql").replace("{user_schema}", &user_schema).replace("{user_trigger}", IS_USERS_TRIGGER);
    let mut uses = Uses::new();
    for row in client.rows("reading what objects are made of", &sql, &[]).await? {
        let key = ObjectKey { kind: row.get(0), name: unquoted(row.get(1)) };
        uses.entry(key).or_default().insert(unquoted(row.get(2)));
    }
    Ok(uses)
}

/// An object that is made of something else at either end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherUse {
    pub object: ObjectKey,
    pub only_here: Vec<String>,
    pub only_there: Vec<String>,
}

/// Of all objects, also those that only one end has. Pure.
pub fn other_uses(here: &Uses, there: &Uses) -> Vec<OtherUse> {
    let keys: BTreeSet<&ObjectKey> = here.keys().chain(there.keys()).collect();
    let none = BTreeSet::new();
    let other = |key: &ObjectKey| {
        let (ours, theirs) = (here.get(key).unwrap_or(&none), there.get(key).unwrap_or(&none));
        let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect();
        OtherUse { object: key.clone(), only_here: only(ours, theirs), only_there: only(theirs, ours) }
    };
    keys.into_iter().map(other).filter(|one| !one.only_here.is_empty() || !one.only_there.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_of_something_else_is_named_with_what_it_is() {
        let key = ObjectKey { kind: "VIEW".into(), name: "public.moved".into() };
        let uses = |used: &[&str]| Uses::from([(key.clone(), used.iter().map(ToString::to_string).collect())]);
        let here = uses(&["operator public.=(public.citext,public.citext)", "table column public.person.mail"]);
        let there = uses(&["table column public.person.mail"]);
        assert_eq!(other_uses(&here, &here), []);
        let [found] = &other_uses(&here, &there)[..] else { panic!() };
        assert_eq!(found.only_here, ["operator public.=(public.citext,public.citext)"]);
        assert!(found.only_there.is_empty());
        assert_eq!(other_uses(&Uses::new(), &there).len(), 1);
    }
}
