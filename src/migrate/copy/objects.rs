//! Large objects: which there are at the source, and none at the target when a copy starts over.

use super::error::CopyError;
use crate::migrate::catalog::Oid;
use crate::postgres::Client;
use crate::postgres::wire::Connection;

/// With their sizes in bytes, sorted by number, as the snapshot has them.
pub async fn list(source: &mut Connection) -> Result<Vec<(Oid, u64)>, CopyError> {
    // The last page says enough; its size does not matter here.
    let sql = "SELECT m.oid, coalesce((SELECT (pg_catalog.max(l.pageno) + 1)::bigint * 2048 FROM pg_catalog.pg_largeobject AS l \
               WHERE l.loid = m.oid), 0) FROM pg_catalog.pg_largeobject_metadata AS m ORDER BY 1";
    let operation = "listing the large objects";
    if source.query(operation, "SELECT FROM pg_catalog.pg_largeobject_metadata LIMIT 1").await?.rows.is_empty() {
        // Without any, no right to read their pages is needed.
        return Ok(vec![]);
    }
    let answer = source.query(operation, sql).await?;
    let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    Ok(answer.rows.iter().map(|row| (Oid(number(&row[0]) as u32), number(&row[1]))).collect())
}

/// Removes all, some at a time: each takes a lock.
pub async fn remove(target: &Client) -> Result<(), CopyError> {
    let operation = "removing the large objects of an earlier copy";
    let sql = "SELECT count(pg_catalog.lo_unlink(o.oid)) FROM \
               (SELECT oid FROM pg_catalog.pg_largeobject_metadata LIMIT 1000) AS o";
    while target.row(operation, sql, &[]).await?.get::<_, i64>(0) > 0 {}
    Ok(())
}

pub async fn any(target: &Client) -> Result<bool, CopyError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)";
    Ok(target.row("looking for large objects at the target", sql, &[]).await?.get(0))
}
