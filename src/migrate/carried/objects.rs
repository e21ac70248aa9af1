//! Large objects that were made, changed or removed since the copy, with their owners and rights.

use std::collections::BTreeMap;

use super::CarriedError;
use crate::migrate::catalog::{quote_identifier, quote_literal};
use crate::postgres::{Client, PostgresError};

/// Moved in one statement: less than the server's own page of them would be slow, more would be kept in memory.
const PIECE: i32 = 1 << 20;

/// What was carried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Objects {
    pub written: usize,
    pub removed: usize,
}

/// Of one object, as it is to be at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Object {
    hash: String,
    owner: String,
    comment: Option<String>,
    /// Each `SELECT TO "role" WITH GRANT OPTION`, without the owner's own.
    grants: Vec<String>,
}

/// Every object of `from` is at `to`, and no other. Owners and rights are carried where they can be: roles may be missing.
pub async fn carry_objects(from: &Client, to: &Client) -> Result<Objects, CarriedError> {
    let unreadable = foreign_objects(from).await?;
    if !unreadable.is_empty() {
        return Err(super::unreadable(&unreadable, from));
    }
    let (here, there) = tokio::try_join!(objects(from), objects(to))?;
    let mut carried = Objects::default();
    for oid in there.keys().filter(|oid| !here.contains_key(oid)) {
        to.rows("removing a large object", "SELECT lo_unlink($1)", &[oid]).await?;
        carried.removed += 1;
    }
    for (oid, object) in &here {
        let known = there.get(oid);
        if known.is_none_or(|known| known.hash != object.hash) {
            write(from, to, *oid, known.is_some()).await?;
            carried.written += 1;
        }
        if known.is_none() {
            hand_over(from, to, *oid, object).await?;
        }
    }
    let after = objects(to).await?;
    match here.iter().find(|(oid, object)| after.get(oid).is_none_or(|after| after.hash != object.hash)) {
        Some((oid, _)) => Err(CarriedError::ObjectDiffers { oid: *oid }),
        None => Ok(carried),
    }
}

/// Objects that this session's user may not read: `16400 of app`.
pub async fn foreign_objects(client: &Client) -> Result<Vec<String>, PostgresError> {
    let sql = "SELECT format('%s of %s', m.oid, pg_get_userbyid(m.lomowner)) FROM pg_largeobject_metadata m
                WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
                  AND NOT pg_has_role(m.lomowner, 'USAGE')
                  AND NOT EXISTS (SELECT FROM aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT'
                                     AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE'))) ORDER BY m.oid";
    let rows = client.rows("looking for large objects of others", sql, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn objects(client: &Client) -> Result<BTreeMap<u32, Object>, PostgresError> {
    let sql = "SELECT m.oid, encode(sha256(lo_get(m.oid)), 'hex'), pg_get_userbyid(m.lomowner)::text,
                      obj_description(m.oid, 'pg_largeobject'),
                      ARRAY(SELECT format('%s TO %s%s', a.privilege_type,
                                     CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
                                     CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
                              FROM aclexplode(m.lomacl) a WHERE a.grantee <> m.lomowner ORDER BY 1)
                 FROM pg_largeobject_metadata m ORDER BY m.oid";
    let rows = client.rows("comparing large objects", sql, &[]).await?;
    let object = |row: &tokio_postgres::Row| Object {
        hash: row.get(1),
        owner: row.get(2),
        comment: row.get(3),
        grants: row.get(4),
    };
    Ok(rows.iter().map(|row| (row.get(0), object(row))).collect())
}

/// In one transaction at the other end: nobody sees half of it.
async fn write(from: &Client, to: &Client, oid: u32, is_there: bool) -> Result<(), PostgresError> {
    let operation = format!("carrying large object {oid}");
    to.run(&operation, "BEGIN").await?;
    let written = async {
        if !is_there {
            to.rows(&operation, "SELECT lo_create($1)", &[&oid]).await?;
        } else {
            let empty = "SELECT lo_truncate64(lo_open($1, 131072), 0)";
            to.rows(&operation, empty, &[&oid]).await?;
        }
        let mut at = 0_i64;
        loop {
            let piece = from.row(&operation, "SELECT lo_get($1, $2, $3)", &[&oid, &at, &PIECE]).await?;
            let bytes: Vec<u8> = piece.get(0);
            if bytes.is_empty() {
                break;
            }
            to.rows(&operation, "SELECT lo_put($1, $2, $3)", &[&oid, &at, &bytes]).await?;
            at += i64::from(PIECE);
        }
        to.run(&operation, "COMMIT").await
    };
    let written = written.await;
    if written.is_err() {
        to.run(&operation, "ROLLBACK").await?;
    }
    written
}

async fn hand_over(from: &Client, to: &Client, oid: u32, object: &Object) -> Result<(), PostgresError> {
    let name = format!("LARGE OBJECT {oid}");
    let grants =
        object.grants.iter().map(|grant| format!("GRANT {}", grant.replacen(" TO ", &format!(" ON {name} TO "), 1)));
    let comment = object.comment.iter().map(|text| format!("COMMENT ON {name} IS {}", quote_literal(text)));
    for statement in grants.chain(comment) {
        try_to(to, oid, &statement).await?;
    }
    // The last: who has given it away may do nothing else with it. What belongs to the migration's user belongs to it at the
    // other end, and so does what cannot be given to its owner: the role that this session may have taken goes, with all
    // that is its own.
    let give = |owner: &str| format!("ALTER {name} OWNER TO {}", quote_identifier(owner));
    let ours = &to.endpoint().user;
    if object.owner == from.endpoint().user || !try_to(to, oid, &give(&object.owner)).await? {
        try_to(to, oid, &give(ours)).await?;
    }
    Ok(())
}

/// False: a role is at one end only, or may not be given anything.
async fn try_to(to: &Client, oid: u32, statement: &str) -> Result<bool, PostgresError> {
    match to.run(&format!("handing over large object {oid}"), statement).await {
        // undefined_object, insufficient_privilege
        Err(error) if matches!(error.sqlstate(), Some("42704" | "42501")) => {
            tracing::warn!("{}", crate::error::chain(&error));
            Ok(false)
        }
        other => other.map(|()| true),
    }
}
