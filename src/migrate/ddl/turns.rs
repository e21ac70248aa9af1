//! Tables and columns that keep their rows under another name or type, or are others under the same, at the old database too.

use super::DdlError;
use super::changes::{Changes, Turn};
use super::fill::fill;
use super::follow::{Follower, Round, has_rows};
use super::make::attempt;
use super::seen::{NamedColumn, NamedTable, Seen, Statement, tables};
use crate::migrate::catalog::{QualifiedName, quote_identifier};
use crate::migrate::verify::unquoted;
use crate::postgres::PostgresError;

impl Follower<'_> {
    /// One may make room for another. `allows`: those whose time has come.
    pub(super) async fn make_turns(
        &self,
        changes: &Changes,
        (now, made): (&Seen, &[Statement]),
        allows: impl Fn(&Turn) -> bool,
        round: &mut Round,
    ) -> Result<(), DdlError> {
        let mut left: Vec<&Turn> = changes.turns.iter().filter(|turn| allows(turn)).collect();
        loop {
            let (before, mut held) = (left.len(), vec![]);
            round.held.clear();
            for turn in left {
                match self.turn(turn, now, made).await? {
                    None => round.turned.push(turn.clone()),
                    Some(words) => {
                        round.held.push((turn.clone(), words));
                        held.push(turn);
                    }
                }
            }
            if held.is_empty() || held.len() == before {
                return Ok(());
            }
            left = held;
        }
    }

    /// Why it could not be made.
    async fn turn(&self, turn: &Turn, now: &Seen, made: &[Statement]) -> Result<Option<String>, DdlError> {
        let old = self.channel.subscriber;
        let there = tables(old).await?;
        let at_old =
            |name: &QualifiedName| there.values().find(|one| one.schema == name.schema && one.name == name.name);
        let has = |name: &QualifiedName, column: &str| {
            at_old(name).and_then(|table| table.columns.values().find(|one| one.name == column))
        };
        let operation = turn.told();
        let run = async |sql: String| attempt(old, &operation, &sql).await;
        Ok(match turn {
            Turn::RenamedTable { from, to } => match (at_old(from), at_old(to)) {
                (None, Some(_)) => None,
                (None, None) => Some("the old database has no such table".to_owned()),
                (Some(_), _) if from.schema == to.schema => {
                    run(format!("ALTER TABLE {from} RENAME TO {}", quote_identifier(&to.name))).await?
                }
                (Some(_), _) => {
                    let moved = QualifiedName::new(to.schema.clone(), from.name.clone());
                    let rename = format!("ALTER TABLE {moved} RENAME TO {}", quote_identifier(&to.name));
                    let rename = if from.name == to.name { String::new() } else { format!("; {rename}") };
                    run(format!("ALTER TABLE {from} SET SCHEMA {}{rename}", quote_identifier(&to.schema))).await?
                }
            },
            Turn::RemadeTable { table } => match at_old(table) {
                Some(_) => run(format!("DROP TABLE {table}")).await?,
                None => None,
            },
            Turn::RenamedColumn { table, from, to } => match (has(table, from), has(table, to)) {
                (None, Some(_)) => None,
                _ => {
                    let (from, to) = (quote_identifier(from), quote_identifier(to));
                    run(format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}")).await?
                }
            },
            Turn::RemadeColumn { table, column } => {
                let make = column_of(made, now, table, column).and_then(|one| one.make.clone()).unwrap_or_default();
                let drop = format!("ALTER TABLE {table} DROP COLUMN IF EXISTS {}", quote_identifier(column));
                match run(format!("{drop}; {make}")).await? {
                    // Some rows' values had arrived in the one that was dropped.
                    None => self.filled(table, column).await?,
                    words => words,
                }
            }
            Turn::Retyped { table, column, to } => {
                let quoted = quote_identifier(column);
                let retype = format!("ALTER {quoted} TYPE {to} USING {quoted}::pg_catalog.text::{to}");
                let is_done = match has(table, column) {
                    None => return Ok(Some("the old database has no such column".to_owned())),
                    Some(known) if known.data_type == *to => None,
                    // A default may not fit the new type; what counts up by itself has none.
                    Some(_) => match run(format!("ALTER TABLE {table} ALTER {quoted} DROP DEFAULT, {retype}")).await? {
                        None => None,
                        Some(_) => run(format!("ALTER TABLE {table} {retype}")).await?,
                    },
                };
                let preset = column_of(made, now, table, column).and_then(|one| one.alter.clone());
                match (is_done, preset) {
                    (Some(words), _) => Some(words),
                    (None, Some(sql)) => match run(sql).await? {
                        None => self.filled(table, column).await?,
                        words => words,
                    },
                    (None, None) => self.filled(table, column).await?,
                }
            }
        })
    }

    /// Rows that were there before a column have values of it that nobody sent.
    pub(super) async fn fill(
        &self,
        statement: &Statement,
        (before, now): (&Seen, &Seen),
        round: &mut Round,
    ) -> Result<(), DdlError> {
        let of = |(_, table): &(&i64, &NamedTable)| Some(&table.identity) == statement.table.as_ref();
        let Some((number, table)) = now.tables.iter().find(of) else { return Ok(()) };
        let is_it = |(_, column): &(&i16, &NamedColumn)| column_key(table, &column.name) == statement.key.name;
        let Some((place, column)) = table.columns.iter().find(is_it) else { return Ok(()) };
        // Rows of a table that came are copied with all that they have.
        let is_new = before.tables.get(number).is_some_and(|known| !known.columns.contains_key(place));
        if !is_new {
            return Ok(());
        }
        let name = QualifiedName::new(table.schema.clone(), table.name.clone());
        if round.refused.contains_key(&statement.key) || !has_rows(self.channel.subscriber, &name.to_string()).await? {
            return Ok(());
        }
        if let Some(words) = self.filled(&name, &column.name).await? {
            round.refused.insert(statement.key.clone(), words);
        }
        Ok(())
    }

    async fn filled(&self, table: &QualifiedName, column: &str) -> Result<Option<String>, DdlError> {
        match fill(self.channel.publisher, self.channel.subscriber, table, column).await {
            Ok(words) => Ok(words.map(str::to_owned)),
            Err(PostgresError::Server { report, .. }) => Ok(Some(report.message.clone())),
            Err(error) => Err(error.into()),
        }
    }
}

/// What it is called in the comparison of schemas.
pub(super) fn column_key(table: &NamedTable, column: &str) -> String {
    unquoted(&format!("{}.{}", table.identity, quote_identifier(column)))
}

fn column_of<'a>(made: &'a [Statement], now: &Seen, table: &QualifiedName, column: &str) -> Option<&'a Statement> {
    let of = now.tables.values().find(|one| one.schema == table.schema && one.name == table.name)?;
    made.iter().find(|one| one.key.kind == "COLUMN" && one.key.name == column_key(of, column))
}
