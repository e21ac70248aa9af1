//! For each item of the archive: is it carried, done elsewhere, or lost, and why.

use super::archive::Item;
use super::loss::Loss;
use super::target::{Ability, ExtensionState, Target};
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::{Catalog, Oid, Routine};
use crate::migrate::identity::TRIGGER;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Carried,
    /// Other entries do it.
    Elsewhere,
    Lost(Loss),
}

/// What the rules look up in the source.
pub struct Judge<'a> {
    target: &'a Target,
    routines: std::collections::HashMap<Oid, &'a Routine>,
}

impl<'a> Judge<'a> {
    pub fn new(source: &'a Catalog, target: &'a Target) -> Self {
        Self { target, routines: source.routines.iter().map(|routine| (routine.oid, routine)).collect() }
    }

    pub fn fate(&self, item: &Item) -> Fate {
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
            | "BLOBS" => return Fate::Elsewhere,
            "ACL" | "COMMENT" if item.tag.starts_with("DATABASE ") => return Fate::Elsewhere,
            "PUBLICATION" if item.tag.starts_with(HELPER_SCHEMA) => return Fate::Elsewhere,
            "EVENT TRIGGER" if item.tag == TRIGGER => return Fate::Elsewhere,
            "SHELL TYPE" if !self.target.can(Ability::InternalFunction) => return Fate::Elsewhere,
            "EXTENSION" => self.extension(item),
            "SUBSCRIPTION" | "SUBSCRIPTION TABLE" => Some(subscription(item)),
            "USER MAPPING" => Some(user_mapping(item)),
            "SECURITY LABEL" => Some(security_label(item)),
            // Aggregates count as internal, and are made of functions that are judged themselves.
            "FUNCTION" | "PROCEDURE" => self.routine(item),
            _ => self.reserved(item),
        };
        loss.map_or(Fate::Carried, Fate::Lost)
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
            let what = format!("the target refuses its clause SET {setting}");
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
        "CAST" if item.definition.contains(" WITHOUT FUNCTION") => ("cast", Some(Ability::Cast)),
        "OPERATOR CLASS" | "OPERATOR FAMILY" => ("operator-class", Some(Ability::OperatorClass)),
        "TYPE" if item.definition.contains(" (\n    INTERNALLENGTH = ") => {
            ("base-type", Some(Ability::InternalFunction))
        }
        "TEXT SEARCH PARSER" | "TEXT SEARCH TEMPLATE" => ("text-search", Some(Ability::TextSearchTemplate)),
        "ACCESS METHOD" => ("access-method", None),
        "PROCEDURAL LANGUAGE" => ("language", None),
        _ => return None,
    })
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

/// `EXTENSION hstore`, `FUNCTION shop.f(integer)`.
pub fn described(item: &Item) -> String {
    match &item.schema {
        Some(schema) => format!("{} {schema}.{}", item.kind, item.tag),
        None => format!("{} {}", item.kind, item.tag),
    }
}

#[cfg(test)]
pub mod fixture {
    //! Small items and targets.

    use std::collections::{BTreeMap, BTreeSet};

    use super::super::archive::{DumpId, Item};
    use super::super::target::Target;
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::{item, target};
    use super::*;

    fn code(item: &Item, target: &Target) -> Option<String> {
        let judge = Judge { target, routines: std::collections::HashMap::new() };
        match judge.fate(item) {
            Fate::Lost(loss) => Some(loss.code),
            Fate::Carried | Fate::Elsewhere => None,
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
    fn passwords_are_not_carried() {
        let superuser = Target { superuser: true, ..target() };
        assert_eq!(
            code(&item("USER MAPPING", "USER MAPPING app SERVER x"), &superuser).as_deref(),
            Some("user-mapping")
        );
        assert_eq!(code(&item("SUBSCRIPTION", "s"), &superuser).as_deref(), Some("subscription"));
    }
}
