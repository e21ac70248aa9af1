//! Tables that came take part in the way back.

use std::collections::{BTreeMap, BTreeSet};

use super::DdlError;
use super::follow::{Follower, Round, has_rows};
use super::seen::{NamedTable, Seen, tables};
use crate::migrate::carried::unpublished;
use crate::migrate::catalog::{QualifiedName, read};
use crate::migrate::replicate::logged_tables;
use crate::migrate::verify::{ObjectKey, unquoted};
use crate::postgres::PostgresError;

impl Follower<'_> {
    /// New tables that both ends have, with all of their columns, and whose rows are all to come.
    pub(super) async fn publish(&self, now: &Seen, round: &mut Round) -> Result<(), DdlError> {
        let (new, old) = (self.channel.publisher, self.channel.subscriber);
        let published: BTreeSet<QualifiedName> = self.channel.published().await?.into_iter().collect();
        let left_out = unpublished(&read(new).await?);
        let there: BTreeMap<String, NamedTable> =
            tables(old).await?.into_values().map(|table| (table.identity.clone(), table)).collect();
        for table in logged_tables(new).await? {
            if published.contains(&table) || left_out.contains(&table) {
                continue;
            }
            let Some(here) = now.tables.values().find(|one| one.schema == table.schema && one.name == table.name)
            else {
                continue;
            };
            let Some(there) = there.get(&here.identity) else { continue };
            let known: BTreeSet<&String> = there.columns.values().map(|column| &column.name).collect();
            if here.columns.values().any(|column| !known.contains(&column.name))
                || has_rows(old, &table.to_string()).await?
            {
                continue;
            }
            match self.channel.add(&table).await {
                Err(PostgresError::Server { report, .. }) => {
                    let key = ObjectKey { kind: "TABLE".into(), name: unquoted(&here.identity) };
                    round.refused.insert(key, report.message.clone());
                }
                other => other?,
            }
        }
        let published = self.channel.published().await?;
        let followed: BTreeSet<QualifiedName> = self.channel.followed().await?.into_iter().collect();
        let there = logged_tables(old).await?;
        let is_new = |table: &&QualifiedName| !followed.contains(*table);
        // One that waits to be renamed would be refused with all others.
        if published.iter().any(|table| is_new(&table)) && published.iter().all(|table| there.contains(table)) {
            self.channel.refresh().await?;
        }
        Ok(())
    }
}
