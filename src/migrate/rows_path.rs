//! The search_path under which rows of the user's tables are read and written. An index, a check or a statistics object on a
//! function that finds names by it makes the server look these up as soon as it plans a statement on the table, so that the
//! path of the catalogue's sessions, in which names come out qualified, would make every one of them fail.
//!
//! It is the same at both ends, whatever the sessions of either have: what is written as `'box'::regclass` at one is read so at the other.
//! What infra itself says in such sessions names the server's own functions and operators: a user's may fit better.

use super::catalog::Catalog;
use super::schema::Paths;
use crate::postgres::{Client, PostgresError};

const OPERATION: &str = "setting the search_path for rows";

/// Of the old database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsPath(String);

impl RowsPath {
    /// What its sessions have, then whatever else its functions may have been made for.
    pub fn of(source: &Catalog) -> Self {
        Self(Paths::of(source).for_rows())
    }

    /// For a session that does nothing else.
    pub fn set(&self) -> String {
        format!("SET search_path TO {}", self.0)
    }

    pub fn set_local(&self) -> String {
        format!("SET LOCAL search_path TO {}", self.0)
    }

    /// For a session that does nothing else from now on.
    pub async fn enter(&self, client: &Client) -> Result<(), PostgresError> {
        client.run(OPERATION, &self.set()).await
    }

    /// Both sessions have it until `work` has ended, however it ends.
    pub async fn within<T, E: From<PostgresError>>(
        &self,
        (one, other): (&Client, &Client),
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        tokio::try_join!(self.enter(one), self.enter(other))?;
        let done = work.await;
        let left = tokio::try_join!(leave(one), leave(other));
        match done {
            Ok(done) => Ok(left.map(|_| done)?),
            Err(error) => Err(error),
        }
    }
}

/// As all sessions begin.
pub async fn leave(client: &Client) -> Result<(), PostgresError> {
    client.run(OPERATION, "SET search_path TO pg_catalog").await
}
