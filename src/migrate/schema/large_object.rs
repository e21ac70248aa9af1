//! Owners, rights and comments of large objects. pg_dump leaves them out of a schema, and the copy carries bytes alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use super::entry::{Entry, Phase};
use super::target::Target;
use crate::migrate::catalog::{Oid, quote_identifier, quote_literal};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeObject {
    pub oid: Oid,
    pub owner: String,
    pub comment: Option<String>,
    /// `GRANT … TO …` without the object, of everybody but the owner.
    pub grants: Vec<(String, String, bool)>,
}

/// So many in one statement: a transaction that changes a million locks a million.
const BATCH: usize = 1000;

pub async fn read_large_objects(client: &Client) -> Result<Vec<LargeObject>, tokio_postgres::Error> {
    let sql = "SELECT m.oid, pg_get_userbyid(m.lomowner)::text, obj_description(m.oid, 'pg_largeobject'),
                      ARRAY(SELECT CASE WHEN grantee = 0 THEN '' ELSE pg_get_userbyid(grantee)::text END
                              FROM aclexplode(m.lomacl) WHERE grantee <> m.lomowner ORDER BY grantee, privilege_type),
                      ARRAY(SELECT privilege_type FROM aclexplode(m.lomacl) WHERE grantee <> m.lomowner ORDER BY grantee, privilege_type),
                      ARRAY(SELECT is_grantable FROM aclexplode(m.lomacl) WHERE grantee <> m.lomowner ORDER BY grantee, privilege_type)
                 FROM pg_largeobject_metadata m ORDER BY m.oid";
    let rows = client.query(sql, &[]).await?;
    let grants = |row: &tokio_postgres::Row| {
        let (grantees, rights): (Vec<String>, Vec<String>) = (row.get(3), row.get(4));
        let grantable: Vec<bool> = row.get(5);
        grantees
            .into_iter()
            .zip(rights)
            .zip(grantable)
            .map(|((grantee, right), option)| (grantee, right, option))
            .collect()
    };
    Ok(rows
        .iter()
        .map(|row| LargeObject { oid: Oid(row.get(0)), owner: row.get(1), comment: row.get(2), grants: grants(row) })
        .collect())
}

pub fn entries(objects: &[LargeObject], target: &Target) -> Vec<Entry> {
    let mut by_owner: BTreeMap<&str, Vec<Oid>> = BTreeMap::new();
    for object in objects.iter().filter(|object| object.owner != target.user) {
        by_owner.entry(&object.owner).or_default().push(object.oid);
    }
    let owned = by_owner.iter().flat_map(|(owner, oids)| oids.chunks(BATCH).map(|oids| give(owner, oids)));
    owned.chain(objects.iter().filter_map(said)).collect()
}

fn give(owner: &str, oids: &[Oid]) -> Entry {
    let list = oids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let change =
        quote_literal(&format!("ALTER LARGE OBJECT %s OWNER TO {}", quote_identifier(owner).replace('%', "%%")));
    let statement = format!(
        "DO $infra$ DECLARE large pg_catalog.oid; BEGIN FOREACH large IN ARRAY '{{{list}}}'::pg_catalog.oid[] LOOP \
         EXECUTE pg_catalog.format({change}, large); END LOOP; END $infra$"
    );
    let name = format!("{} from {} to {owner}", oids.len(), oids.first().copied().unwrap_or(Oid(0)));
    Entry::new(Phase::AfterData, "LARGE OBJECT OWNER", name, vec![statement])
}

fn said(object: &LargeObject) -> Option<Entry> {
    let oid = object.oid;
    let comment = object.comment.iter().map(|text| format!("COMMENT ON LARGE OBJECT {oid} IS {}", quote_literal(text)));
    let grants = object.grants.iter().map(|(grantee, right, grantable)| {
        let grantee = if grantee.is_empty() { "PUBLIC".to_owned() } else { quote_identifier(grantee) };
        let option = if *grantable { " WITH GRANT OPTION" } else { "" };
        format!("GRANT {right} ON LARGE OBJECT {oid} TO {grantee}{option}")
    });
    let statements: Vec<_> = comment.chain(grants).collect();
    (!statements.is_empty()).then(|| Entry::new(Phase::Grants, "LARGE OBJECT", oid.to_string(), statements))
}
