//! What the target has and lets its user do. Abilities are tried, not guessed from a provider's name: each in a
//! transaction that is rolled back, on a target that has no users yet.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use super::refusal::Refusal;
use super::setting;
use crate::migrate::catalog::{Catalog, ServerVersion, quote_identifier, quote_literal};
use crate::migrate::timescale::{self, instead_of};

/// Things that some servers let only their owner do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    BypassRowSecurity,
    Cast,
    CreateDatabase,
    CreateRole,
    EventTrigger,
    ForeignDataWrapper,
    InternalFunction,
    OperatorClass,
    Publication,
    PublicationOfAllTables,
    PublicationOfSchema,
    Replication,
    TextSearchTemplate,
}

impl Ability {
    pub fn all() -> impl Iterator<Item = Self> {
        TRIALS.into_iter().map(|(ability, _)| ability)
    }
}

/// Each with what proves it, in a schema of its own that is rolled back with the rest.
const TRIALS: [(Ability, &str); 13] = [
    (Ability::BypassRowSecurity, "CREATE ROLE infra_trial BYPASSRLS"),
    (Ability::Cast, "CREATE TYPE infra_trial.t AS ENUM ('x'); CREATE CAST (integer AS infra_trial.t) WITHOUT FUNCTION"),
    (Ability::CreateDatabase, "CREATE ROLE infra_trial CREATEDB"),
    (Ability::CreateRole, "CREATE ROLE infra_trial CREATEROLE"),
    (
        Ability::EventTrigger,
        "CREATE FUNCTION infra_trial.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; \
         CREATE EVENT TRIGGER infra_trial ON sql_drop EXECUTE FUNCTION infra_trial.f()",
    ),
    (Ability::ForeignDataWrapper, "CREATE FOREIGN DATA WRAPPER infra_trial"),
    (
        Ability::InternalFunction,
        "CREATE FUNCTION infra_trial.f(integer) RETURNS integer LANGUAGE internal STRICT AS 'int4abs'",
    ),
    (Ability::OperatorClass, "CREATE OPERATOR FAMILY infra_trial.f USING btree"),
    (Ability::Publication, "CREATE PUBLICATION infra_trial"),
    (Ability::PublicationOfAllTables, "CREATE PUBLICATION infra_trial FOR ALL TABLES"),
    (Ability::PublicationOfSchema, "CREATE PUBLICATION infra_trial FOR TABLES IN SCHEMA infra_trial"),
    (Ability::Replication, "CREATE ROLE infra_trial REPLICATION"),
    (Ability::TextSearchTemplate, "CREATE TEXT SEARCH TEMPLATE infra_trial.t (LEXIZE = dsimple_lexize)"),
];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ExtensionState {
    Installed {
        version: String,
    },
    /// It could be made just now, in its default version or in the one that it has to have.
    Available {
        version: String,
    },
    /// The server has it, but does not let this user make it, or not without preparation.
    Refused {
        message: String,
    },
    Missing,
}

/// What a rehearsal of the schema told, by subjects of entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    pub refused: BTreeMap<String, Refusal>,
    /// Under which it was made where the empty path did not do.
    pub paths: BTreeMap<String, String>,
    /// Functions that the target runs under no session's path.
    pub lasting_paths: BTreeSet<String>,
}

impl Tried {
    /// Statements that no server of that version can read: names in them are words of the language there.
    pub fn names_are_words(&self) -> bool {
        self.refused.values().any(|refusal| refusal.sqlstate == SYNTAX_ERROR)
    }
}

const SYNTAX_ERROR: &str = "42601";

/// Facts of the target, as far as the source's schema asks for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub version: ServerVersion,
    pub database: String,
    pub user: String,
    pub superuser: bool,
    pub abilities: BTreeSet<Ability>,
    /// All that exist.
    pub roles: BTreeSet<String>,
    /// Roles that exist and that the user may grant to others.
    pub grantable: BTreeSet<String>,
    /// Of the source's extensions.
    pub extensions: BTreeMap<String, ExtensionState>,
    /// Of the languages of the source's functions: those that functions may be made in.
    pub languages: BTreeSet<String>,
    /// Settings of the source's roles and functions that the target refuses, by name, with its words.
    pub refused_settings: BTreeMap<String, String>,
    #[serde(default)]
    pub tried: Tried,
}

impl Target {
    pub fn can(&self, ability: Ability) -> bool {
        self.abilities.contains(&ability)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error("cannot examine the {what} of the target")]
    Query { what: &'static str, source: tokio_postgres::Error },
    #[error("the target's version is no number")]
    Version,
}

pub async fn examine(client: &Client, source: &Catalog) -> Result<Target, TargetError> {
    let trial = Trial { client };
    let about = "SELECT current_setting('server_version_num'), current_database()::text, current_user::text,
                        (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)";
    let row = client.query_one(about, &[]).await.map_err(query("settings"))?;
    let version: String = row.get(0);
    let superuser: bool = row.get(3);
    let mut abilities = BTreeSet::new();
    for (ability, statements) in TRIALS {
        if trial.refusal(&format!("CREATE SCHEMA infra_trial; {statements}")).await?.is_none() {
            abilities.insert(ability);
        }
    }
    Ok(Target {
        version: version.parse().map(ServerVersion).map_err(|_| TargetError::Version)?,
        database: row.get(1),
        user: row.get(2),
        superuser,
        abilities,
        roles: names(client, "roles", "SELECT rolname::text FROM pg_roles").await?,
        grantable: names(client, "roles", GRANTABLE).await?,
        extensions: trial.extensions(source).await?,
        languages: names(client, "languages", LANGUAGES).await?,
        refused_settings: trial.settings(source).await?,
        tried: Tried::default(),
    })
}

/// Superusers may grant every role; others those that they administer.
const GRANTABLE: &str = "SELECT r.rolname::text FROM pg_roles r
     WHERE (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
        OR pg_has_role(current_user, r.oid, 'MEMBER WITH ADMIN OPTION')";

const LANGUAGES: &str = "SELECT lanname::text FROM pg_language
     WHERE (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
        OR lanpltrusted AND has_language_privilege(oid, 'USAGE')";

fn query(what: &'static str) -> impl FnOnce(tokio_postgres::Error) -> TargetError {
    move |source| TargetError::Query { what, source }
}

async fn names(client: &Client, what: &'static str, sql: &str) -> Result<BTreeSet<String>, TargetError> {
    let rows = client.query(sql, &[]).await.map_err(query(what))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn creation(name: &str, schema: &str, version: Option<&str>) -> String {
    let (name, quoted) = (quote_identifier(name), quote_identifier(schema));
    // Reserved names, such as pg_catalog, exist everywhere, and are refused even IF NOT EXISTS.
    let make =
        if schema.starts_with("pg_") { String::new() } else { format!("CREATE SCHEMA IF NOT EXISTS {quoted}; ") };
    let version = version.map(|version| format!(" VERSION {}", quote_literal(version))).unwrap_or_default();
    format!("{make}CREATE EXTENSION {name} WITH SCHEMA {quoted}{version} CASCADE")
}

struct Trial<'a> {
    client: &'a Client,
}

impl Trial<'_> {
    /// Runs and rolls back; what the server has against it, if it refuses.
    async fn refusal(&self, statements: &str) -> Result<Option<String>, TargetError> {
        let result =
            self.client.batch_execute(&format!("BEGIN; SET LOCAL client_min_messages = error; {statements}")).await;
        self.client.batch_execute("ROLLBACK").await.map_err(query("abilities"))?;
        match result {
            Ok(()) => Ok(None),
            Err(error) => match error.as_db_error() {
                Some(refused) => Ok(Some(refused.message().to_owned())),
                None => Err(query("abilities")(error)),
            },
        }
    }

    async fn extensions(&self, source: &Catalog) -> Result<BTreeMap<String, ExtensionState>, TargetError> {
        let sql = "SELECT name::text, default_version, installed_version FROM pg_available_extensions";
        let rows = self.client.query(sql, &[]).await.map_err(query("extensions"))?;
        let known: BTreeMap<String, (Option<String>, Option<String>)> =
            rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect();
        let mut states = BTreeMap::new();
        let of_source = source.extensions.iter().map(|extension| {
            let proof = if extension.name == timescale::EXTENSION { timescale::MAY_RESTORE } else { "" };
            (extension.name.as_str(), extension.schema.as_str(), proof)
        });
        let helpers = instead_of(source).into_iter().map(|helper| (helper.name, helper.schema, helper.proof));
        let same = self.same_version(source).await?;
        for (name, schema, proof) in of_source.chain(helpers) {
            let same = same.as_ref().filter(|_| name == timescale::EXTENSION);
            let state = match known.get(name) {
                None => ExtensionState::Missing,
                Some((_, Some(version))) => match self.refusal(proof).await? {
                    None => ExtensionState::Installed { version: version.clone() },
                    Some(message) => ExtensionState::Refused { message },
                },
                Some((version, None)) => {
                    let create = creation(name, schema, same.map(String::as_str));
                    match self.refusal(&format!("{create}; {proof}")).await? {
                        None => {
                            let version = same.or(version.as_ref());
                            ExtensionState::Available { version: version.cloned().unwrap_or_default() }
                        }
                        Some(message) => ExtensionState::Refused { message },
                    }
                }
            };
            states.insert(name.to_owned(), state);
        }
        Ok(states)
    }

    /// Of TimescaleDB: the source's version, if the target can make it; no other can read the source's catalogue.
    async fn same_version(&self, source: &Catalog) -> Result<Option<String>, TargetError> {
        let Some(own) = source.extensions.iter().find(|extension| extension.name == timescale::EXTENSION) else {
            return Ok(None);
        };
        let sql = "SELECT version FROM pg_available_extension_versions WHERE name = $1 AND version = $2";
        let row = self.client.query_opt(sql, &[&own.name, &own.version]).await.map_err(query("extensions"))?;
        Ok(row.map(|row| row.get(0)))
    }

    async fn settings(&self, source: &Catalog) -> Result<BTreeMap<String, String>, TargetError> {
        let mut refused = BTreeMap::new();
        let of_roles = source.settings.iter().map(|setting| (setting.name.as_str(), setting.value.as_str()));
        let of_routines =
            source.routines.iter().flat_map(|routine| &routine.settings).filter_map(|set| set.split_once('='));
        for (name, value) in of_roles.chain(of_routines).collect::<BTreeSet<_>>() {
            // A session may set what nobody knows; to keep it for other sessions takes more.
            let set = format!("ALTER ROLE CURRENT_USER SET {}", setting::assigned(name, value));
            if let Some(message) = self.refusal(&set).await? {
                refused.insert(name.to_owned(), hidden(&message, value));
            }
        }
        Ok(refused)
    }
}

/// A value may be a secret.
fn hidden(message: &str, value: &str) -> String {
    if value.is_empty() { message.to_owned() } else { message.replace(value, "…") }
}
