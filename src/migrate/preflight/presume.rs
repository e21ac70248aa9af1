//! A new database that does not exist yet: an empty one that has everything the old one asks for, but for what RDS is
//! known not to have, where that is what infra makes. What preflight finds with it is about the old database alone.

use std::collections::BTreeMap;

use super::facts::ServerFacts;
use crate::migrate::catalog::{Catalog, Extension, LargeObjects, ServerVersion};
use crate::migrate::schema::{Ability, ExtensionState, RDS_ROLE, Target, Tried};
use crate::migrate::timescale::instead_of;

/// A situation's half.
pub struct Presumed {
    pub facts: ServerFacts,
    pub catalog: Catalog,
    pub abilities: Target,
}

/// What is still to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// RDS or Aurora.
    Managed,
    /// Another server of the old one's image, entered by its superuser.
    SameImage,
}

/// What RDS and Aurora do not have, whatever their version.
const NOT_ON_RDS: [&str; 1] = ["timescaledb"];
/// What its master user may, of what others keep for a superuser.
const ON_RDS: [Ability; 4] =
    [Ability::CreateDatabase, Ability::CreateRole, Ability::EventTrigger, Ability::Publication];
/// Libraries that it loads at its start.
const LOADED_ON_RDS: [&str; 2] = ["pg_stat_statements", "rds"];
/// What infra makes there.
const MADE: ServerVersion = ServerVersion(170_000);
/// At least; pg_cron is there too, but only for who loads it by a parameter.
const PARTMAN_OF_RDS: &str = "5.1";

pub fn presume(source: &Catalog, facts: &ServerFacts, made: Made) -> Presumed {
    let (mut server, mut abilities) = (server(facts), abilities(source, &facts.user));
    if made == Made::SameImage {
        server.superuser = true;
        abilities = of_same_image(source, abilities);
    }
    Presumed { facts: server, catalog: empty(source), abilities }
}

/// What the old server has, this one has too, and its user may everything.
fn of_same_image(source: &Catalog, managed: Target) -> Target {
    let same = |extension: &Extension| {
        (extension.name.clone(), ExtensionState::Available { version: extension.version.clone() })
    };
    Target {
        version: source.database.server_version,
        superuser: true,
        abilities: Ability::all().collect(),
        roles: [managed.user.clone()].into(),
        extensions: source.extensions.iter().map(same).collect(),
        languages: source.routines.iter().map(|routine| routine.language.clone()).collect(),
        refused_settings: BTreeMap::new(),
        ..managed
    }
}

/// As many of everything as anybody may ask for.
fn server(source: &ServerFacts) -> ServerFacts {
    let plenty =
        ["max_connections", "max_replication_slots", "max_worker_processes", "max_logical_replication_workers"];
    let settings = plenty.iter().map(|name| ((*name).to_owned(), "1000".to_owned()));
    let logical = ("wal_level".to_owned(), "logical".to_owned());
    ServerFacts {
        tls: true,
        pooled: false,
        in_recovery: false,
        user: source.user.clone(),
        superuser: false,
        replication: true,
        bypass_row_security: true,
        may_create: true,
        settings: settings.chain([logical]).collect(),
        connections: 0,
        slots: vec![],
        senders: 0,
        long_transactions: vec![],
        prepared: vec![],
        xid_age: 0,
        unreadable: vec![],
        left_over: vec![],
        firing_event_triggers: vec![],
        path_dependent_views: vec![],
        cron_jobs: 0,
        money: source.money.clone(),
    }
}

/// Of the same encoding and order, without anything in it.
fn empty(source: &Catalog) -> Catalog {
    Catalog {
        database: source.database.clone(),
        tables: vec![],
        types: vec![],
        indexes: vec![],
        constraints: vec![],
        sequences: vec![],
        views: vec![],
        routines: vec![],
        extensions: vec![],
        roles: vec![],
        memberships: vec![],
        settings: vec![],
        special: vec![],
        rights_of_others: vec![],
        large_objects: LargeObjects { count: 0, bytes: 0 },
    }
}

/// The clients keep their name, and it may what the master user may.
fn abilities(source: &Catalog, user: &str) -> Target {
    let extensions: BTreeMap<_, _> = source
        .extensions
        .iter()
        .map(|extension| {
            let available = ExtensionState::Available { version: extension.version.clone() };
            let state = if NOT_ON_RDS.contains(&extension.name.as_str()) { ExtensionState::Missing } else { available };
            (extension.name.clone(), state)
        })
        .chain(
            instead_of(source).into_iter().filter(|helper| helper.name == "pg_partman").map(|helper| {
                (helper.name.to_owned(), ExtensionState::Available { version: PARTMAN_OF_RDS.to_owned() })
            }),
        )
        .collect();
    let trusted = source.routines.iter().filter(|routine| routine.language_trusted);
    Target {
        version: source.database.server_version.max(MADE),
        database: source.database.name.clone(),
        user: user.to_owned(),
        superuser: false,
        abilities: ON_RDS.into(),
        roles: [user, RDS_ROLE].map(str::to_owned).into(),
        grantable: [].into(),
        extensions,
        languages: trusted.map(|routine| routine.language.clone()).collect(),
        refused_settings: refused_settings(source),
        tried: Tried::default(),
    }
}

/// From 15 on only a superuser may keep a setting that no loaded library knows.
fn refused_settings(source: &Catalog) -> BTreeMap<String, String> {
    let of_routines = source.routines.iter().flat_map(|routine| &routine.settings);
    let names = of_routines.filter_map(|set| set.split_once('=')).map(|(name, _)| name);
    let names = names.chain(source.settings.iter().map(|setting| setting.name.as_str()));
    let refused =
        names.filter(|name| name.split_once('.').is_some_and(|(library, _)| !LOADED_ON_RDS.contains(&library)));
    refused.map(|name| (name.to_owned(), format!("permission denied to set parameter \"{name}\""))).collect()
}
