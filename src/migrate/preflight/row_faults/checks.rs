//! Rows that break a CHECK of their table or of a domain, although it counts as valid: a function that it calls was
//! replaced, or a null of a domain that takes none came out of an outer join. The copy would end at them.

use std::collections::{BTreeMap, BTreeSet};

use super::said;
use crate::migrate::catalog::{Catalog, Oid, QualifiedName, quote_identifier};
use crate::migrate::preflight::facts::RowFault;
use crate::postgres::{Client, PostgresError};

/// What the rows of a table are to keep.
pub struct Rules {
    table: QualifiedName,
    /// Name and expression.
    checks: Vec<(String, String)>,
    /// Name and type: a domain that refuses something, or what consists of such.
    columns: Vec<(String, String)>,
}

/// Of tables that have any.
pub async fn rules(client: &Client, catalog: &Catalog) -> Result<Vec<Rules>, PostgresError> {
    let mut checks: BTreeMap<Oid, Vec<(String, String)>> = BTreeMap::new();
    for row in client.rows("reading the checks", CHECKS, &[]).await? {
        checks.entry(Oid(row.get(0))).or_default().push((row.get(1), row.get(2)));
    }
    let domains = client.rows("reading the domains", DOMAINS, &[]).await?;
    let domains: BTreeSet<Oid> = domains.iter().map(|row| Oid(row.get(0))).collect();
    let of_table = catalog.with_rows().filter(|table| table.slice.is_none()).map(|table| {
        let columns = table.stored_columns().filter(|column| domains.contains(&column.type_oid));
        Rules {
            table: table.name.clone(),
            checks: checks.remove(&table.oid).unwrap_or_default(),
            columns: columns.map(|column| (column.name.clone(), column.type_name.clone())).collect(),
        }
    });
    Ok(of_table.filter(|rules| !rules.checks.is_empty() || !rules.columns.is_empty()).collect())
}

pub async fn find(client: &Client, rules: &[Rules]) -> Result<Vec<RowFault>, PostgresError> {
    let mut found = vec![];
    for rules in rules {
        found.extend(broken_checks(client, rules).await?);
        for (column, of) in &rules.columns {
            found.extend(refused_values(client, rules, column, of).await?);
        }
    }
    Ok(found)
}

/// All checks of a table in one reading of it.
async fn broken_checks(client: &Client, rules: &Rules) -> Result<Vec<RowFault>, PostgresError> {
    let table = &rules.table;
    if rules.checks.is_empty() {
        return Ok(vec![]);
    }
    let counts = rules.checks.iter().map(|(_, check)| format!("pg_catalog.count(*) FILTER (WHERE NOT ({check}))"));
    let sql = format!("SELECT {} FROM ONLY {table}", counts.collect::<Vec<_>>().join(", "));
    let operation = format!("looking for rows of {} that break a check", table.plain());
    let counted = match client.row(&operation, &sql, &[]).await {
        Ok(counted) => counted,
        Err(error) => {
            let object = format!("CHECKS of {}", table.plain());
            return Ok(said(error)?.map(|what| RowFault { object, what }).into_iter().collect());
        }
    };
    let named = rules.checks.iter().enumerate().filter_map(|(place, (name, _))| {
        let what = match counted.get::<_, i64>(place) {
            0 => return None,
            1 => "1 row breaks it".to_owned(),
            rows => format!("{rows} rows break it"),
        };
        Some(RowFault { object: format!("CHECK {name} of {}", table.plain()), what })
    });
    Ok(named.collect())
}

/// As the copy does: out as text, and in again, where the server looks at each value anew.
async fn refused_values(
    client: &Client,
    rules: &Rules,
    column: &str,
    of: &str,
) -> Result<Option<RowFault>, PostgresError> {
    let (table, name) = (&rules.table, quote_identifier(column));
    let sql = format!("SELECT pg_catalog.count(({name}::pg_catalog.text)::{of}) FROM ONLY {table}");
    let operation = format!("looking for values of {}.{column} that {of} refuses", table.plain());
    let Err(error) = client.row(&operation, &sql, &[]).await else { return Ok(None) };
    let object = format!("COLUMN {column} of {}", table.plain());
    Ok(said(error)?.map(|what| RowFault { object, what }))
}

const CHECKS: &str = "SELECT k.conrelid, k.conname::text, pg_get_expr(k.conbin, k.conrelid)
      FROM pg_constraint k WHERE k.contype = 'c' AND k.convalidated AND k.conrelid <> 0 ORDER BY k.conname";

/// Domains that refuse something, and types that have such in them. Those with a constraint that was never checked against
/// old values are left out: they arrive without it, and it comes after the rows.
const DOMAINS: &str = "WITH RECURSIVE refusing(oid) AS (
    SELECT t.oid FROM pg_type t
     WHERE t.typtype = 'd'
       AND (t.typnotnull OR EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'))
       AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = t.oid AND NOT k.convalidated)
    UNION
    SELECT whole.oid
      FROM refusing part
      JOIN pg_type whole
        ON whole.typbasetype = part.oid
        OR (whole.typelem = part.oid AND whole.typlen = -1)
        OR whole.typrelid IN (SELECT a.attrelid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                               WHERE a.atttypid = part.oid AND c.relkind = 'c' AND NOT a.attisdropped)
        OR whole.oid IN (SELECT r.rngtypid FROM pg_range r WHERE r.rngsubtype = part.oid))
  SELECT oid FROM refusing";
