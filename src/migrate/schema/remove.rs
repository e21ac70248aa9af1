//! Takes away from the target what `apply` made there, and nothing else: the marks say what was made, and a list from
//! before the first of them says what was there already and how it was. What somebody else made stays, and so does what it
//! needs of what was made here: both are named.

use std::collections::{BTreeMap, BTreeSet};

use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::{is_users_schema, quote_identifier, quote_literal};
use crate::postgres::{Client, PostgresError};

use super::build::Schema;
use super::entry::Entry;

#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    #[error(transparent)]
    Postgres(#[from] PostgresError),
}

/// What there was no need to remove, or no right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    pub objects: usize,
    pub roles: usize,
    /// What something needs that was not made here, or belongs to somebody else by now; and what needs it.
    pub kept: Vec<String>,
    /// Roles that something outside of this database needs, or that own something that was not made here.
    pub kept_roles: Vec<String>,
}

/// Schemas and the database with their owners and rights, roles and extensions: what a migration uses where it is.
/// Taken in the transaction that makes the table of marks.
pub(super) fn remember() -> String {
    format!(
        "CREATE TABLE {HELPER_SCHEMA}.found (kind pg_catalog.text, name pg_catalog.text, owner pg_catalog.text,
             grants pg_catalog.text[], grantees pg_catalog.text[], PRIMARY KEY (kind, name));
         INSERT INTO {HELPER_SCHEMA}.found {}",
        described()
    )
}

fn described() -> String {
    let grantee = "CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END";
    // Two columns: the statements that give everybody's rights, and everybody.
    let rights = |what: &str, name: &str, acl: &str, default: &str| {
        let given = format!("FROM aclexplode(coalesce({acl}, {default})) AS g ORDER BY 1");
        format!(
            "ARRAY(SELECT format('GRANT %s ON {what} %I TO %s%s', g.privilege_type, {name}, {grantee},
                       CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) {given}),
             ARRAY(SELECT DISTINCT {grantee} {given})"
        )
    };
    format!(
        "SELECT 'SCHEMA', nspname::text, pg_get_userbyid(nspowner)::text, {}
           FROM pg_namespace WHERE {}
         UNION ALL SELECT 'DATABASE', datname::text, pg_get_userbyid(datdba)::text, {}
           FROM pg_database WHERE datname = current_database()
         UNION ALL SELECT 'ROLE', rolname::text, NULL, NULL, NULL FROM pg_roles
         UNION ALL SELECT 'EXTENSION', extname::text, NULL, NULL, NULL FROM pg_extension",
        rights("SCHEMA", "nspname", "nspacl", "acldefault('n', nspowner)"),
        is_users_schema("nspname"),
        rights("DATABASE", "datname", "datacl", "acldefault('d', datdba)"),
    )
}

/// Does nothing where nothing was made. May be repeated; the list of what was there stays until the helper schema goes.
pub async fn remove(target: &Client, schema: &Schema) -> Result<Removed, RemoveError> {
    let there = format!("SELECT pg_catalog.to_regclass('{HELPER_SCHEMA}.found') IS NOT NULL");
    if !target.row("looking for what the migration made", &there, &[]).await?.get::<_, bool>(0) {
        return Ok(Removed::default());
    }
    let found = things(target, &format!("SELECT * FROM {HELPER_SCHEMA}.found")).await?;
    let marks: BTreeSet<String> = {
        let rows = target.rows("reading the marks", &format!("SELECT id FROM {HELPER_SCHEMA}.entries"), &[]).await?;
        rows.iter().map(|row| row.get(0)).collect()
    };
    let made = |entry: &&Entry| {
        let kept = found.contains_key(&(entry.kind.clone(), entry.name.clone()));
        marks.contains(&entry.id.0) && !kept
    };
    remove_large_objects(target).await?;
    let mut removed = remove_objects(target, schema.entries.iter().rev().filter(made).collect()).await?;
    restore(target, &found).await?;
    let roles = schema.entries.iter().filter(made).filter(|entry| entry.kind == "ROLE");
    for role in roles {
        if remove_role(target, &role.name).await? {
            removed.roles += 1;
        } else {
            removed.kept_roles.push(role.name.clone());
        }
    }
    Ok(removed)
}

/// The last made first. What something else still needs waits for the next round: two tables may point to each other.
async fn remove_objects(target: &Client, entries: Vec<&Entry>) -> Result<Removed, RemoveError> {
    let mut left: Vec<&Entry> = entries.into_iter().filter(|entry| entry.undo.is_some()).collect();
    let all = left.len();
    loop {
        let before = left.len();
        let (mut waiting, mut kept) = (vec![], vec![]);
        for entry in left {
            match drop_one(target, entry).await {
                Ok(()) => {}
                Err(error) if error.sqlstate().is_some_and(|state| KEPT.contains(&state)) => {
                    kept.push(told(entry, &error));
                    waiting.push(entry);
                }
                Err(error) => return Err(error.into()),
            }
        }
        if waiting.is_empty() || waiting.len() == before {
            return Ok(Removed { objects: all - waiting.len(), kept, ..Removed::default() });
        }
        left = waiting;
    }
}

/// `SCHEMA shop: table shop.audit depends on schema shop`
fn told(entry: &Entry, error: &PostgresError) -> String {
    let why = match error {
        PostgresError::Server { report, .. } => report.detail.as_ref().unwrap_or(&report.message).replace('\n', ", "),
        other => other.to_string(),
    };
    format!("{} {}: {why}", entry.kind, entry.name)
}

/// dependent_objects_still_exist
const NEEDED: &str = "2BP01";
/// Or it has another owner now: insufficient_privilege.
const KEPT: [&str; 2] = [NEEDED, "42501"];
/// It went with what it belonged to, or a killed run did it: undefined table, function, object, schema, column.
const GONE: [&str; 5] = ["42P01", "42883", "42704", "3F000", "42703"];

async fn drop_one(target: &Client, entry: &Entry) -> Result<(), PostgresError> {
    let Some(undo) = &entry.undo else { return Ok(()) };
    match target.run(&format!("removing the {} {}", entry.kind, entry.name), undo).await {
        Err(error) if !error.sqlstate().is_some_and(|state| GONE.contains(&state)) => Err(error),
        _ => Ok(()),
    }
}

/// The copy begins only where there are none: all of them are its own, once it has begun. What belongs to a role that this
/// user may not act for was made by others since, and stays.
async fn remove_large_objects(target: &Client) -> Result<(), PostgresError> {
    let operation = "removing the large objects";
    let begun = format!("SELECT pg_catalog.to_regclass('{HELPER_SCHEMA}.parts') IS NOT NULL");
    if !target.row(operation, &begun, &[]).await?.get::<_, bool>(0) {
        return Ok(());
    }
    // Some at a time: each takes a lock.
    let some = format!(
        "SELECT count(lo_unlink(o.oid)) FROM (SELECT oid FROM pg_largeobject_metadata
          WHERE EXISTS (SELECT FROM {HELPER_SCHEMA}.parts) AND pg_has_role(lomowner, 'USAGE') LIMIT 1000) AS o"
    );
    while target.row(operation, &some, &[]).await?.get::<_, i64>(0) > 0 {}
    Ok(())
}

/// By kind and name.
type Things = BTreeMap<(String, String), State>;

#[derive(Debug, PartialEq, Eq)]
struct State {
    owner: Option<String>,
    grants: Option<Vec<String>>,
    grantees: Option<Vec<String>>,
}

async fn things(target: &Client, sql: &str) -> Result<Things, PostgresError> {
    let rows = target.rows("describing what was there", sql, &[]).await?;
    let state = |row: &tokio_postgres::Row| State { owner: row.get(2), grants: row.get(3), grantees: row.get(4) };
    Ok(rows.iter().map(|row| ((row.get(0), row.get(1)), state(row))).collect())
}

/// Owners and rights of what was there before are again as they were.
async fn restore(target: &Client, found: &Things) -> Result<(), PostgresError> {
    let now = things(target, &described()).await?;
    for ((kind, name), before) in found {
        let Some(after) = now.get(&(kind.clone(), name.clone())).filter(|after| *after != before) else { continue };
        let object = format!("{kind} {}", quote_identifier(name));
        let operation = format!("giving the {} {name} back its rights", kind.to_lowercase());
        if let Some(owner) = before.owner.as_ref().filter(|_| before.owner != after.owner) {
            target.run(&operation, &format!("ALTER {object} OWNER TO {}", quote_identifier(owner))).await?;
        }
        let taken = after.grantees.iter().flatten().map(|grantee| format!("REVOKE ALL ON {object} FROM {grantee}"));
        let statements: Vec<String> = taken.chain(before.grants.iter().flatten().cloned()).collect();
        target.run(&operation, &statements.join("; ")).await?;
    }
    Ok(())
}

/// False: it is needed elsewhere, or owns what was not made here.
async fn remove_role(target: &Client, role: &str) -> Result<bool, RemoveError> {
    let name = quote_identifier(role);
    let owns = "SELECT EXISTS (SELECT FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
                 WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o' AND r.rolname = $1
                   AND d.classid <> 'pg_default_acl'::regclass)";
    if target.row("looking for what a role owns", owns, &[&role]).await?.get(0) {
        return Ok(false);
    }
    // It owns nothing but its own default privileges: this takes them and its rights away.
    let known = quote_literal(role);
    let sql = format!(
        "DO $infra$ BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {known})
             THEN DROP OWNED BY {name}; DROP ROLE {name}; END IF; END $infra$"
    );
    match target.run(&format!("removing the role {role}"), &sql).await {
        Ok(()) => Ok(true),
        Err(error) if error.sqlstate() == Some(NEEDED) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
