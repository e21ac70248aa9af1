//! By what replication finds a row, for the time of the migration. A table that is published and has no identity refuses
//! UPDATE and DELETE: without this the tool would stop the application that it moves
//! (docs/decisions/0074-an-identity-for-the-time-of-the-migration.md).
//!
//! What a table had before is remembered in the helper schema, in the same transaction that changes it: whatever is
//! killed whenever, `take_back` knows what to do, and the comparison of schemas knows what is the migration's own.

mod choose;
mod give;
mod trigger;

pub use choose::{Change, Wanted, changes, unfollowed, unpublished};
pub use give::{give, take_back};
pub use trigger::{TRIGGER, give_to_new, look_for_new};

use super::catalog::CatalogError;
use super::{HELPER_SCHEMA, catalog::QualifiedName};
use crate::postgres::{Client, PostgresError};

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(
        "table {} cannot be told how replication finds its rows: for {seconds} s it was in use by {who}; infra migrate resume when that has ended",
        table.plain()
    )]
    Busy { table: QualifiedName, seconds: u64, who: String },
}

/// Its rows are the tables that were changed, by number, with the letter that `pg_class` had for each.
pub const REMEMBERED: &str = "identity";

/// A query of `relation` and `identity`, empty where nothing was remembered: for statements that describe a database as it
/// was before the migration.
pub async fn remembered(client: &Client) -> Result<String, PostgresError> {
    Ok(match is_there(client).await? {
        true => format!("SELECT relation, identity FROM {HELPER_SCHEMA}.{REMEMBERED}"),
        false => "SELECT NULL::oid AS relation, NULL::\"char\" AS identity WHERE false".to_owned(),
    })
}

async fn is_there(client: &Client) -> Result<bool, PostgresError> {
    let sql = format!("SELECT pg_catalog.to_regclass('{HELPER_SCHEMA}.{REMEMBERED}') IS NOT NULL");
    Ok(client.row("looking for remembered identities", &sql, &[]).await?.get(0))
}
