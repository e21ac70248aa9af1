//! Materialized views that could not be filled anew: rows that they read have changed since, and now break a unique index of
//! theirs, or the query itself. At the target each is filled after all rows were copied.

use std::collections::BTreeMap;

use crate::migrate::catalog::{Catalog, Oid, quote_identifier};
use crate::migrate::preflight::facts::RowFault;
use crate::postgres::{Client, PostgresError};

/// A view that computes longer is not waited for.
const LONGEST: &str = "1min";

pub struct Filled {
    name: String,
    query: String,
    indexes: Vec<UniqueIndex>,
}

struct UniqueIndex {
    name: String,
    columns: Vec<String>,
    nulls_distinct: bool,
}

/// Those that have rows at the source.
pub async fn filled(client: &Client, catalog: &Catalog) -> Result<Vec<Filled>, PostgresError> {
    let mut indexes: BTreeMap<Oid, Vec<UniqueIndex>> = BTreeMap::new();
    for row in client.rows("reading the indexes of materialized views", UNIQUE_INDEXES, &[]).await? {
        let index = UniqueIndex { name: row.get(1), columns: row.get(2), nulls_distinct: row.get(3) };
        indexes.entry(Oid(row.get(0))).or_default().push(index);
    }
    let filled = catalog.views.iter().filter(|view| view.materialized && view.populated).map(|view| Filled {
        name: view.name.plain(),
        query: view.definition.trim_end().trim_end_matches(';').to_owned(),
        indexes: indexes.remove(&view.oid).unwrap_or_default(),
    });
    Ok(filled.collect())
}

pub async fn find(client: &Client, views: &[Filled]) -> Result<Vec<RowFault>, PostgresError> {
    let mut found = vec![];
    for view in views {
        let operation = format!("looking whether {} can be filled", view.name);
        client.run(&operation, &format!("BEGIN READ ONLY; SET LOCAL statement_timeout = '{LONGEST}'")).await?;
        let computed = client.row(&operation, &view.sql(), &[]).await;
        client.run(&operation, "ROLLBACK").await?;
        let what = match computed {
            Ok(row) => view.doubled(|place| row.get(place)),
            Err(error) => fails(error)?,
        };
        found.extend(what.map(|what| RowFault { object: format!("MATERIALIZED VIEW {}", view.name), what }));
    }
    Ok(found)
}

/// Names that are not found are the rehearsal's; a query that writes, or takes long, is not tried.
fn fails(error: PostgresError) -> Result<Option<String>, PostgresError> {
    const READ_ONLY: &str = "25006";
    const CANCELED: &str = "57014";
    match error {
        PostgresError::Server { report, .. } if !report.sqlstate.is_transient() => {
            let code = report.sqlstate.code();
            let is_of_rows = ![READ_ONLY, CANCELED, "3F000"].contains(&code) && !code.starts_with("42");
            Ok(is_of_rows.then(|| format!("its query fails: {}", report.message)))
        }
        error => Err(error),
    }
}

impl Filled {
    /// For each unique index, how many keys the query's rows have more than once.
    fn sql(&self) -> String {
        let doubled = |index: &UniqueIndex| {
            let columns: Vec<_> = index.columns.iter().map(|column| quote_identifier(column)).collect();
            let counted: Vec<_> = columns.iter().map(|column| format!("{column} IS NOT NULL")).collect();
            let counted = if index.nulls_distinct { counted.join(" AND ") } else { "true".to_owned() };
            format!(
                "(SELECT pg_catalog.count(*) FROM (SELECT FROM filled WHERE {counted} \
                 GROUP BY {} HAVING pg_catalog.count(*) > 1) AS doubled)",
                columns.join(", ")
            )
        };
        let mut counts: Vec<_> = self.indexes.iter().map(doubled).collect();
        counts.push("(SELECT pg_catalog.count(*) FROM filled)".to_owned());
        format!("WITH filled AS MATERIALIZED ({}) SELECT {}", self.query, counts.join(", "))
    }

    fn doubled(&self, count: impl Fn(usize) -> i64) -> Option<String> {
        let counted = self.indexes.iter().enumerate().map(|(place, index)| (count(place), index));
        let told = counted.filter(|(keys, _)| *keys > 0).map(|(keys, index)| match keys {
            1 => format!("1 key of its unique index {} is there more than once", index.name),
            _ => format!("{keys} keys of its unique index {} are there more than once", index.name),
        });
        let told: Vec<_> = told.collect();
        (!told.is_empty()).then(|| format!("filled today, {}", told.join(", ")))
    }
}

/// On columns alone, over all rows. That nulls are not distinct came with 15.
const UNIQUE_INDEXES: &str = "SELECT i.indrelid, c.relname::text,
           ARRAY(SELECT a.attname::text FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k(number, place)
                   JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number ORDER BY k.place),
           NOT coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false)
      FROM pg_index i
      JOIN pg_class c ON c.oid = i.indexrelid
      JOIN pg_class v ON v.oid = i.indrelid
     WHERE v.relkind = 'm' AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
     ORDER BY c.relname";
