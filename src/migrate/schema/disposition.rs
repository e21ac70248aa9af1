//! For each item of the archive: is it carried, done elsewhere, or lost, and why.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::archive::{DumpId, Item};
use super::loss::Loss;
use super::refusal::Refusal;
use super::target::{Ability, ExtensionState, Target};
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::{Catalog, Oid, RightsOfOthers, Routine};
use crate::migrate::identity::TRIGGER;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    Carried,
    /// Other entries do it.
    Elsewhere,
    /// Carried, but something of it is lost.
    Changed(Loss),
    Lost(Loss),
}

/// What the rules look up in the source.
pub struct Classifier<'a> {
    target: &'a Target,
    routines: HashMap<Oid, &'a Routine>,
    /// Views that select from themselves.
    of_themselves: HashSet<Oid>,
    /// Types that come with the schema, tables' row types among them: their owner may make casts of them.
    types: BTreeSet<DumpId>,
    /// All that the archive has.
    items: BTreeSet<DumpId>,
    rights: &'a [RightsOfOthers],
}

impl<'a> Classifier<'a> {
    pub fn new(source: &'a Catalog, target: &'a Target, items: &[Item]) -> Self {
        let is_type = |item: &&Item| matches!(item.kind.as_str(), "DOMAIN" | "TABLE" | "TYPE" | "VIEW");
        Self {
            target,
            routines: source.routines.iter().map(|routine| (routine.oid, routine)).collect(),
            of_themselves: source.views.iter().filter(|view| view.of_itself).map(|view| view.oid).collect(),
            types: items.iter().filter(is_type).map(|item| item.id).collect(),
            items: items.iter().map(|item| item.id).collect(),
            rights: &source.rights_of_others,
        }
    }

    /// At a rehearsal.
    pub fn refusal(&self, subject: &str) -> Option<&Refusal> {
        self.target.tried.refused.get(subject)
    }

    pub fn disposition(&self, item: &Item) -> Disposition {
        let loss = match item.kind.as_str() {
            // The database exists, its settings come from the catalogue, and values of sequences are set at cutover.
            "ENCODING"
            | "STDSTRINGS"
            | "SEARCHPATH"
            | "DATABASE"
            | "DATABASE PROPERTIES"
            | "SEQUENCE SET"
            | "MATERIALIZED VIEW DATA"
            | "BLOB"
            | "BLOB METADATA"
            | "BLOBS" => return Disposition::Elsewhere,
            "ACL" | "COMMENT" if item.tag.starts_with("DATABASE ") => return Disposition::Elsewhere,
            // A server only warns where its user may not, and goes on.
            "ACL" if !self.target.superuser && self.is_of_others(item) => match self.rights(item) {
                Some(loss) => Some(loss),
                None => return Disposition::Elsewhere,
            },
            "PUBLICATION" if item.tag.starts_with(HELPER_SCHEMA) => return Disposition::Elsewhere,
            "EVENT TRIGGER" if item.tag == TRIGGER => return Disposition::Elsewhere,
            "SHELL TYPE" if !self.target.can(Ability::InternalFunction) => return Disposition::Elsewhere,
            "EXTENSION" => self.extension(item),
            "SUBSCRIPTION" | "SUBSCRIPTION TABLE" => Some(subscription(item)),
            "USER MAPPING" => Some(user_mapping(item)),
            "SECURITY LABEL" => Some(security_label(item)),
            // Aggregates count as internal, and are made of functions that are judged themselves.
            "FUNCTION" | "PROCEDURE" => match self.routine(item) {
                None if !self.target.superuser && is_leakproof(item) => return Disposition::Changed(leakproof(item)),
                loss => loss,
            },
            "VIEW" if self.of_themselves.contains(&item.oid) => Some(view_of_itself(item)),
            "CAST" => self.cast(item),
            _ => self.reserved(item),
        };
        loss.map_or(Disposition::Carried, Disposition::Lost)
    }

    fn extension(&self, item: &Item) -> Option<Loss> {
        let what = match self.target.extensions.get(&item.tag) {
            Some(ExtensionState::Installed { .. } | ExtensionState::Available { .. }) => return None,
            Some(ExtensionState::Refused { message }) => format!("the target refuses it: {message}"),
            Some(ExtensionState::Missing) | None => "the target does not have it".to_owned(),
        };
        let remedy = match item.tag.as_str() {
            "timescaledb" => {
                "nothing, if the conversion of its hypertables is agreed to: what else used it is named here"
            }
            name => {
                let refused = matches!(self.target.extensions.get(name), Some(ExtensionState::Refused { .. }));
                self.target.keeper().extension(refused)
            }
        };
        Some(Loss::new("extension-missing", described(item), what, remedy))
    }

    fn routine(&self, item: &Item) -> Option<Loss> {
        let routine = self.routines.get(&item.oid)?;
        if let Some(setting) = routine.settings.iter().find(|setting| self.is_refused(setting)) {
            // Its value may be a secret.
            let name = setting.split('=').next().unwrap_or_default();
            let what = format!("the target refuses its clause SET {name}");
            return Some(Loss::new("function-setting", described(item), what, "remove the clause at the source"));
        }
        let language = routine.language.as_str();
        let native = matches!(language, "c" | "internal");
        let can =
            if native { self.target.can(Ability::InternalFunction) } else { self.target.languages.contains(language) };
        // The language itself may come with an extension that is made on the way.
        if can || (!native && routine.language_trusted) {
            return None;
        }
        let what = format!("is written in {language}, which the target's user may not use");
        Some(Loss::new(
            "function-language",
            described(item),
            what,
            "rewrite it in SQL or PL/pgSQL, or keep it in the application",
        ))
    }

    fn is_refused(&self, setting: &str) -> bool {
        setting.split_once('=').is_some_and(|(name, _)| self.target.refused_settings.contains_key(name))
    }

    /// Rights on something that the archive does not make: it came with the server or with an extension. The schema
    /// public is not made either, but is the database's own.
    fn is_of_others(&self, item: &Item) -> bool {
        let kinds = ["COLUMN ", "FUNCTION ", "PROCEDURE ", "SEQUENCE ", "TABLE "];
        let alone = !item.needs.is_empty() && item.needs.is_disjoint(&self.items);
        kinds.iter().any(|kind| item.tag.starts_with(kind)) && (alone || item.schema.as_deref() == Some("pg_catalog"))
    }

    /// None: they repeat what is so anyway.
    fn rights(&self, item: &Item) -> Option<Loss> {
        let schema = item.schema.as_deref().unwrap_or_default();
        let known = self.rights.iter().find(|rights| rights.object == item.tag && rights.schema == schema);
        let changes = known.map_or_else(|| "its rights".to_owned(), |rights| rights.changes.join(", "));
        let (kind, name) = item.tag.split_once(' ').unwrap_or(("", &item.tag));
        let what = format!("loses {changes}: it is another's at the target");
        let remedy = "ask the target's administrator for it, or do without";
        (!changes.is_empty()).then(|| Loss::new("rights-of-others", format!("{kind} {schema}.{name}"), what, remedy))
    }

    /// Of types that belong to the server or to an extension, only a superuser may make one.
    fn cast(&self, item: &Item) -> Option<Loss> {
        let own = !item.needs.is_disjoint(&self.types);
        let binary = item.definition.contains(" WITHOUT FUNCTION") && !self.target.can(Ability::Cast);
        let what = "the target's user may not make a cast between types of others, nor one without a function";
        (!self.target.superuser && (binary || !own))
            .then(|| Loss::new("cast", described(item), what, self.target.keeper().object()))
    }

    /// Kinds that a server may keep for its superuser.
    fn reserved(&self, item: &Item) -> Option<Loss> {
        let (code, ability) = needed(item)?;
        let may = match ability {
            Some(ability) => self.target.can(ability),
            None => self.target.superuser,
        };
        let what = "the target's user may not make such an object";
        (!may).then(|| Loss::new(code, described(item), what, self.target.keeper().object()))
    }
}

/// The loss's code, and what it takes; without an ability, a superuser.
fn needed(item: &Item) -> Option<(&'static str, Option<Ability>)> {
    Some(match item.kind.as_str() {
        "EVENT TRIGGER" => ("event-trigger", Some(Ability::EventTrigger)),
        "PUBLICATION" if item.definition.contains(" FOR ALL TABLES") => {
            ("publication", Some(Ability::PublicationOfAllTables))
        }
        "PUBLICATION" | "PUBLICATION TABLE" => ("publication", Some(Ability::Publication)),
        "PUBLICATION TABLES IN SCHEMA" => ("publication", Some(Ability::PublicationOfSchema)),
        "FOREIGN DATA WRAPPER" => ("foreign-data-wrapper", Some(Ability::ForeignDataWrapper)),
        "AGGREGATE" if has_internal_state(item) => ("aggregate-internal", None),
        "OPERATOR CLASS" | "OPERATOR FAMILY" => ("operator-class", Some(Ability::OperatorClass)),
        "TYPE" if item.definition.contains(" (\n    INTERNALLENGTH = ") => {
            ("base-type", Some(Ability::InternalFunction))
        }
        "TYPE" if !item.definition.contains(" AS ") => ("shell-type", Some(Ability::InternalFunction)),
        "TRANSFORM" => ("transform", None),
        "TEXT SEARCH PARSER" | "TEXT SEARCH TEMPLATE" => ("text-search", Some(Ability::TextSearchTemplate)),
        "ACCESS METHOD" => ("access-method", None),
        "PROCEDURAL LANGUAGE" => ("language", None),
        _ => return None,
    })
}

/// Such a state may crash the server when the functions do not fit each other.
fn has_internal_state(item: &Item) -> bool {
    let state = |line: &str| {
        matches!(line.trim().trim_end_matches(',').replace('"', "").as_str(), "STYPE = internal" | "MSTYPE = internal")
    };
    item.definition.lines().any(state)
}

/// pg_dump writes a function's attributes into one line, before its body.
fn is_leakproof(item: &Item) -> bool {
    item.definition.lines().find(|line| line.starts_with(ATTRIBUTES)).is_some_and(|line| line.contains(LEAKPROOF))
}

const ATTRIBUTES: &str = "    LANGUAGE ";
const LEAKPROOF: &str = " LEAKPROOF";

/// The statement that makes it by somebody who may not vouch for it.
pub(super) fn without_leakproof(definition: &str) -> String {
    let Some(at) = definition.find(&format!("\n{ATTRIBUTES}")) else { return definition.to_owned() };
    let (head, rest) = definition.split_at(at + 1);
    let (line, body) = rest.split_at(rest.find('\n').unwrap_or(rest.len()));
    format!("{head}{}{body}", line.replacen(LEAKPROOF, "", 1))
}

fn leakproof(item: &Item) -> Loss {
    let what = "is no longer LEAKPROOF: only a superuser may say so";
    let remedy = "nothing; queries that hide rows run its conditions later, and may be slower";
    Loss::new("function-leakproof", described(item), what, remedy)
}

fn view_of_itself(item: &Item) -> Loss {
    let what = "selects from itself: no query can use it, and no server makes it anew";
    Loss::new("view-of-itself", described(item), what, "drop it at the source, or do without")
}

fn subscription(item: &Item) -> Loss {
    let what = "is not made at the target: two subscribers of one slot would each get a part";
    Loss::new("subscription", described(item), what, "after cutover, make it at the target and drop it at the source")
}

fn user_mapping(item: &Item) -> Loss {
    let what = "is not carried: it holds a password";
    Loss::new("user-mapping", described(item), what, "CREATE USER MAPPING at the target")
}

fn security_label(item: &Item) -> Loss {
    let what = "is not carried: its provider must be loaded in the server";
    Loss::new("security-label", described(item), what, "load the provider at the target and set the label there")
}

/// `EXTENSION hstore`, `FUNCTION shop.f(integer)`: what it is called in losses, and in every dump alike.
pub fn described(item: &Item) -> String {
    // Operators share their tags; what would drop them says which one it is.
    if let Some(drop) = item.drop.trim().strip_prefix("DROP ").filter(|_| item.kind.starts_with("OPERATOR")) {
        return drop.trim_end_matches(';').to_owned();
    }
    match &item.schema {
        Some(schema) => format!("{} {schema}.{}", item.kind, item.tag),
        // `CAST (a AS b)` is its whole tag.
        None if item.tag.strip_prefix(&item.kind).is_some_and(|rest| rest.starts_with(' ')) => item.tag.clone(),
        None => format!("{} {}", item.kind, item.tag),
    }
}

#[cfg(test)]
pub mod fixture {
    //! Small items and targets.

    use std::collections::{BTreeMap, BTreeSet};

    use super::super::archive::{DumpId, Item};
    use super::super::target::{Target, Tried};
    use crate::migrate::catalog::{Oid, ServerVersion};

    pub fn item(kind: &str, tag: &str) -> Item {
        Item {
            id: DumpId(1),
            oid: Oid(0),
            tag: tag.into(),
            kind: kind.into(),
            definition: String::new(),
            drop: String::new(),
            schema: Some("s".into()),
            owner: None,
            needs: BTreeSet::new(),
        }
    }

    /// A server that lets its user do nothing special.
    pub fn target() -> Target {
        Target {
            version: ServerVersion(170_004),
            database: "d".into(),
            user: "master".into(),
            superuser: false,
            abilities: BTreeSet::new(),
            roles: BTreeSet::from(["master".to_owned()]),
            grantable: BTreeSet::new(),
            extensions: BTreeMap::new(),
            languages: BTreeSet::from(["sql".to_owned(), "plpgsql".to_owned()]),
            refused_settings: BTreeMap::new(),
            tried: Tried::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::{item, target};
    use super::*;

    fn code(item: &Item, target: &Target) -> Option<String> {
        let classifier = Classifier {
            target,
            routines: HashMap::new(),
            of_themselves: HashSet::from([Oid(7)]),
            types: BTreeSet::from([DumpId(9)]),
            items: BTreeSet::new(),
            rights: &[],
        };
        match classifier.disposition(item) {
            Disposition::Lost(loss) | Disposition::Changed(loss) => Some(loss.code),
            Disposition::Carried | Disposition::Elsewhere => None,
        }
    }

    #[test]
    fn what_a_server_keeps_for_its_owner_is_lost_unless_a_trial_said_otherwise() {
        let everything = Item { definition: "CREATE PUBLICATION p FOR ALL TABLES;".into(), ..item("PUBLICATION", "p") };
        assert_eq!(code(&everything, &target()).as_deref(), Some("publication"));
        let able = Target { abilities: [Ability::PublicationOfAllTables].into(), ..target() };
        assert_eq!(code(&everything, &able), None);
    }

    #[test]
    fn extensions_need_a_target_that_has_them() {
        assert_eq!(code(&item("EXTENSION", "hstore"), &target()).as_deref(), Some("extension-missing"));
        let state = ExtensionState::Available { version: "1.8".into() };
        let with = Target { extensions: [("hstore".to_owned(), state)].into(), ..target() };
        assert_eq!(code(&item("EXTENSION", "hstore"), &with), None);
    }

    #[test]
    fn what_only_a_superuser_may_make_is_told_by_rule() {
        let defined = |kind: &str, definition: &str| Item { definition: definition.into(), ..item(kind, "x") };
        let function = "CREATE FUNCTION s.x(text) RETURNS boolean\n    LANGUAGE sql IMMUTABLE LEAKPROOF\n    AS $$SELECT ' LEAKPROOF'$$;\n";
        let of_own =
            Item { needs: [DumpId(9)].into(), ..defined("CAST", "CREATE CAST (a AS b) WITH FUNCTION s.f(a);") };
        let itself = Item { oid: Oid(7), ..item("VIEW", "v") };
        for (item, expected) in [
            (defined("TRANSFORM", "CREATE TRANSFORM FOR integer …"), Some("transform")),
            (defined("TYPE", "CREATE TYPE s.x;\n"), Some("shell-type")),
            (defined("TYPE", "CREATE TYPE s.x AS ENUM ();\n"), None),
            (
                defined("AGGREGATE", "CREATE AGGREGATE s.x(…) (\n    SFUNC = f,\n    STYPE = internal,\n"),
                Some("aggregate-internal"),
            ),
            (defined("AGGREGATE", "CREATE AGGREGATE s.x(…) (\n    SFUNC = f,\n    STYPE = integer,\n"), None),
            (defined("FUNCTION", function), Some("function-leakproof")),
            (defined("CAST", "CREATE CAST (a AS b) WITH FUNCTION s.f(a);"), Some("cast")),
            (of_own, None),
            (itself, Some("view-of-itself")),
        ] {
            assert_eq!(code(&item, &target()).as_deref(), expected, "{}", item.definition);
        }
        assert_eq!(without_leakproof(function).matches(LEAKPROOF).count(), 1);
    }

    #[test]
    fn passwords_are_not_carried() {
        let superuser = Target { superuser: true, ..target() };
        assert_eq!(
            code(&item("USER MAPPING", "USER MAPPING app SERVER x"), &superuser).as_deref(),
            Some("user-mapping")
        );
        assert_eq!(code(&item("SUBSCRIPTION", "s"), &superuser).as_deref(), Some("subscription"));
    }
}
