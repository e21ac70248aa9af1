//! What replication does not bring, carried while nobody writes: rows of unlogged tables, which are not in the log, rows of
//! tables whose changes no subscriber can apply, and large objects. From the old database to the new one in the pause of
//! the cutover, and back at a rollback (docs/decisions/0075-carried-in-the-pause.md).

mod forced;
mod guide;
mod loosen;
mod objects;
mod rows;
mod triggers;

pub use forced::{hidden, seeing_all};
pub use guide::{guide, guided, release};
pub use loosen::{loosen, loosened, tighten};
pub use objects::{Objects, carry_objects, foreign_objects};
pub use rows::carry_rows;
pub use triggers::{held_triggers, hold_triggers, release_triggers};

pub use super::identity::unpublished;

use std::collections::BTreeSet;

use super::catalog::{Catalog, Persistence, QualifiedName, Table, quote_identifier};
use super::identity::unfollowed;
use super::verify::VerifyError;
use crate::postgres::{Client, PostgresError, ROLL_BACK};

/// More takes longer than the seconds that a pause has, and needs the user's consent.
pub const MOST_IN_PAUSE: u64 = 512 << 20;
/// The code by which the user consents to more.
pub const ACCEPTED_BY: &str = "carried-in-pause";
const MOST_TOLD: usize = 5;

#[derive(Debug, thiserror::Error)]
pub enum CarriedError {
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error("the rows of {} are not the same after they were carried", table.plain())]
    Differs { table: QualifiedName },
    #[error("large object {oid} is not the same after it was carried")]
    ObjectDiffers { oid: u32 },
    #[error(
        "large objects that this user may not read: {objects}; as their owner: GRANT SELECT ON LARGE OBJECT … TO {user}, then try again"
    )]
    Unreadable { objects: String, user: String },
}

/// Objects as `foreign_objects` lists them.
pub fn unreadable(objects: &[String], client: &Client) -> CarriedError {
    let more = objects.len().saturating_sub(MOST_TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let objects = objects.iter().take(MOST_TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
    CarriedError::Unreadable { objects: objects + &more, user: quote_identifier(&client.endpoint().user) }
}

/// Tables whose rows are carried whole.
pub fn tables(catalog: &Catalog) -> Vec<&Table> {
    let unlogged = |table: &&Table| table.persistence == Persistence::Unlogged && table.extension.is_none();
    catalog.with_rows().filter(unlogged).chain(unfollowed(catalog)).collect()
}

pub fn names(catalog: &Catalog) -> BTreeSet<QualifiedName> {
    tables(catalog).into_iter().map(|table| table.name.clone()).collect()
}

/// Those, and the partitioned tables above them: a foreign key of a partition belongs to these.
pub fn with_roots(catalog: &Catalog) -> BTreeSet<QualifiedName> {
    let carried = tables(catalog);
    let above = carried.iter().flat_map(|table| catalog.above(table));
    carried.iter().copied().chain(above).map(|table| table.name.clone()).collect()
}

/// What the pause has to carry, in bytes.
pub fn bytes(catalog: &Catalog) -> u64 {
    tables(catalog).iter().map(|table| table.bytes()).sum::<u64>() + catalog.large_objects.bytes
}

/// Several statements that begin and end their own transaction.
pub async fn all_or_nothing(client: &Client, operation: &str, sql: &str) -> Result<(), PostgresError> {
    let result = client.run(operation, sql).await;
    if result.is_err() {
        client.run("ending the attempt", ROLL_BACK).await?;
    }
    result
}
