//! What only the rows tell: those that the target would refuse after hours of copying, although the old server keeps them.
//! Reads all rows of the tables concerned, so a look at a large database leaves it to the stage.

mod checks;
mod fk_violations;
mod large_values;
mod materialized_views;

use super::facts::{RowFault, RowFaults};
use crate::migrate::catalog::Catalog;
use crate::migrate::rows_path::{RowsPath, leave};
use crate::postgres::{Client, PostgresError};

impl RowFaults {
    pub async fn find(client: &Client, catalog: &Catalog) -> Result<Self, PostgresError> {
        // Expressions are printed before: under the catalogue's own path every name of theirs is qualified.
        let (rules, views) =
            (checks::rules(client, catalog).await?, materialized_views::filled(client, catalog).await?);
        RowsPath::of(catalog).enter(client).await?;
        let unreadable = unreadable(client, catalog).await?;
        // Nothing else can be asked of such a table.
        let found = match unreadable.is_empty() {
            true => Self {
                fk_violations: fk_violations::find(client, catalog).await?,
                unreadable,
                checks: checks::find(client, &rules).await?,
                views: materialized_views::find(client, &views).await?,
                large_rows: large_values::find(client, catalog).await?,
            },
            false => Self { unreadable, ..Self::default() },
        };
        leave(client).await?;
        Ok(found)
    }
}

/// Tables of which no statement can be planned: a function of an index, a check or a statistics object finds its names
/// under no path that infra knows.
async fn unreadable(client: &Client, catalog: &Catalog) -> Result<Vec<RowFault>, PostgresError> {
    let mut found = vec![];
    for table in catalog.with_rows().filter(|table| table.slice.is_none()) {
        let operation = format!("looking whether {} can be read", table.name.plain());
        let read = client.rows(&operation, &format!("SELECT * FROM ONLY {} LIMIT 0", table.name), &[]).await;
        if let Err(error) = read {
            found.extend(said(error)?.map(|what| RowFault { object: format!("TABLE {}", table.name.plain()), what }));
        }
    }
    Ok(found)
}

/// What the server said against it; None where the user may not look, which is told of in another place.
fn said(error: PostgresError) -> Result<Option<String>, PostgresError> {
    const INSUFFICIENT_PRIVILEGE: &str = "42501";
    match error {
        PostgresError::Server { report, .. } if !report.sqlstate.is_transient() => {
            Ok((report.sqlstate.code() != INSUFFICIENT_PRIVILEGE).then_some(report.message))
        }
        error => Err(error),
    }
}
