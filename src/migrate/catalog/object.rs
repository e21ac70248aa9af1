//! The database itself, and its objects that hold no rows.

use serde::{Deserialize, Serialize};

use super::ServerVersion;
use super::name::{Oid, QualifiedName};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    pub name: String,
    pub server_version: ServerVersion,
    pub owner: String,
    pub encoding: String,
    /// `c` libc, `i` ICU, `b` built in.
    pub locale_provider: String,
    pub collate: String,
    pub ctype: String,
    /// Of a provider that is not libc: what it orders by.
    #[serde(default)]
    pub locale: Option<String>,
    /// As recorded when the database was made, and as the library has it now: indexes on text are wrong if they differ.
    pub collation_version: Option<String>,
    pub actual_collation_version: Option<String>,
    pub tablespace: String,
    pub comment: Option<String>,
    /// None while nobody granted or revoked anything.
    pub privileges: Option<Vec<Privilege>>,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Privilege {
    /// None is PUBLIC.
    pub grantee: Option<String>,
    pub privilege: String,
    pub grantable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    pub name: String,
    pub version: String,
    pub schema: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    pub oid: Oid,
    #[serde(flatten)]
    pub name: QualifiedName,
    pub owner: String,
    pub materialized: bool,
    /// A materialized view that was never refreshed cannot be read.
    pub populated: bool,
    pub definition: String,
    pub bytes: u64,
    /// It selects from itself, which CREATE OR REPLACE lets happen.
    #[serde(default)]
    pub of_itself: bool,
}

/// A function, procedure, aggregate or window function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routine {
    pub oid: Oid,
    #[serde(flatten)]
    pub name: QualifiedName,
    /// Types of its arguments, as they identify it.
    pub arguments: String,
    pub owner: String,
    pub language: String,
    /// False: only a superuser may make functions in it.
    pub language_trusted: bool,
    /// `SET name = value` clauses.
    pub settings: Vec<String>,
    /// Its body was read when it was made (`BEGIN ATOMIC`): it looks no names up when it runs.
    #[serde(default)]
    pub parsed: bool,
    /// A check, a domain or a generated column calls it.
    #[serde(default)]
    pub on_rows: bool,
    /// An index, a statistics object or a materialized view calls it.
    #[serde(default)]
    pub in_builds: bool,
}

impl Routine {
    /// It is called for rows, whoever brings them, and looks names up in the search_path when it runs.
    pub fn is_guided(&self) -> bool {
        let by_text = !self.parsed && !matches!(self.language.as_str(), "c" | "internal");
        let has_own = self.settings.iter().any(|setting| setting.starts_with("search_path="));
        by_text && !has_own && (self.on_rows || self.in_builds)
    }
}

/// Rights on something that belongs to the server or to an extension, where they are not as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsOfOthers {
    /// As pg_dump tags it: `FUNCTION similarity(text, text)`.
    pub object: String,
    pub schema: String,
    /// `REVOKE EXECUTE FROM PUBLIC`; none, where they only repeat what is so anyway.
    pub changes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpecialKind {
    AccessMethod,
    BaseType,
    Cast,
    EventTrigger,
    ForeignDataWrapper,
    ForeignServer,
    Language,
    OperatorClass,
    OperatorFamily,
    Publication,
    SecurityLabel,
    Subscription,
    TextSearchParser,
    TextSearchTemplate,
    Transform,
    UserMapping,
}

/// An object of a kind that only some may make, or that acts beyond its database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Special {
    pub kind: SpecialKind,
    /// As `pg_identify_object` writes it.
    pub identity: String,
    pub owner: Option<String>,
    /// What a decision needs beyond that: of a publication `all tables` or `schemas`, of a cast its method.
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeObjects {
    pub count: u64,
    /// Of all of them, as stored.
    pub bytes: u64,
}
