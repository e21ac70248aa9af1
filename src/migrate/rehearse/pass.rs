//! One pass through a schema, within a transaction that its caller rolls back.

use std::collections::{BTreeMap, BTreeSet};

use super::outcome::Refusal;
use super::rows::Source;
use super::run::RehearseError;
use super::uses::schema_of;
use crate::migrate::catalog::{TableKind, quote_identifier};
use crate::migrate::schema::{Entry, Guided, Paths, Phase, Schema, is_alone, mentions, under};
use crate::migrate::verify::{Definition, ObjectKey, Uses};
use crate::postgres::{Client, PostgresError};

/// Entries that are tried under one savepoint.
const TOGETHER: usize = 100;

/// What a pass tells.
#[derive(Debug, Default)]
pub struct Learned {
    pub refused: Vec<Refusal>,
    /// Under which entries were made that could not be made under the empty path.
    pub paths: BTreeMap<String, String>,
    /// Functions without which nothing could be built or filled.
    pub lasting_paths: BTreeSet<String>,
    pub printed: BTreeMap<ObjectKey, Definition>,
    pub uses: Uses,
}

pub struct Pass<'a> {
    pub client: &'a Client,
    /// The target's, and the scratch that stands for it.
    pub database: (&'a str, &'a str),
    pub schema: &'a Schema,
    pub paths: &'a Paths,
    pub learned: Learned,
}

impl Pass<'_> {
    pub async fn all(&mut self, source: Option<&Source<'_>>) -> Result<(), RehearseError> {
        // Large objects are rows: there is none of them yet.
        let schema = self.schema.entries.iter().filter(|entry| !entry.kind.starts_with("LARGE OBJECT"));
        let (before, after): (Vec<&Entry>, Vec<&Entry>) = schema.partition(|entry| entry.phase <= Phase::BeforeData);
        self.entries(&before).await?;
        if let Some(source) = source {
            self.rows(source).await?;
        }
        let without: Vec<String> =
            self.schema.guided.iter().filter(|one| one.tried_without && one.is_set()).map(Guided::reset).collect();
        self.attempt(&without.join(";\n")).await?;
        self.entries(&after).await
    }

    async fn entries(&mut self, entries: &[&Entry]) -> Result<(), RehearseError> {
        let together = |one: &&Entry, next: &&Entry| !is_alone(one) && !is_alone(next);
        for batch in entries.chunk_by(together).flat_map(|batch| batch.chunks(TOGETHER)) {
            if batch.len() > 1 && self.attempt(&self.sql(batch)).await?.is_none() {
                continue;
            }
            for entry in batch {
                self.one(entry).await?;
            }
        }
        Ok(())
    }

    /// As it is, under another path, and with a path for the functions that it runs.
    async fn one(&mut self, entry: &Entry) -> Result<(), RehearseError> {
        let Some(error) = self.attempt(&self.sql(&[entry])).await? else { return Ok(()) };
        if is_about_names(&error) && !entry.statements.iter().any(|one| one.starts_with("SET LOCAL search_path")) {
            for path in self.paths.candidates(schema_of(entry)) {
                if self.attempt(&self.sql(&[&under(entry.clone(), &path)])).await?.is_none() {
                    self.learned.paths.insert(entry.subject(), path);
                    return Ok(());
                }
            }
        }
        let run = self.run_by(entry);
        let sets: Vec<String> = run.iter().map(|function| function.set()).collect();
        if !sets.is_empty() && self.attempt(&format!("{};\n{}", sets.join(";\n"), self.sql(&[entry]))).await?.is_none()
        {
            let subjects: Vec<String> = run.iter().map(|function| function.subject.clone()).collect();
            self.learned.lasting_paths.extend(subjects);
            return Ok(());
        }
        self.learned.refused.push(refusal(entry.subject(), &error));
        Ok(())
    }

    /// Functions that the target runs for it under no session's path.
    fn run_by(&self, entry: &Entry) -> Vec<&Guided> {
        let filled =
            |other: &&Entry| entry.kind == "REFRESH" && other.kind == "MATERIALIZED VIEW" && other.name == entry.name;
        let view = self.schema.entries.iter().filter(filled).flat_map(|view| &view.statements);
        let text: Vec<&String> = entry.statements.iter().chain(view).collect();
        let calls =
            |function: &&Guided| function.tried_without && text.iter().any(|text| mentions(text, &function.name));
        self.schema.guided.iter().filter(calls).collect()
    }

    /// A table that does not take its own rows.
    async fn rows(&mut self, source: &Source<'_>) -> Result<(), RehearseError> {
        for table in source.tables().filter(|table| table.kind == TableKind::Ordinary) {
            let Some(error) = source.bring(table, self.client).await? else { continue };
            // Others may refuse them because rows of other tables are not there.
            if is_about_names(&error) && !is_missing(&error, &table.name.plain()) {
                let Refusal { sqlstate, message, .. } = refusal(String::new(), &error);
                let subject = format!("TABLE {}.{}", table.name.schema, table.name.name);
                let message = format!("its own rows do not go in: {message}");
                self.learned.refused.push(Refusal { subject, sqlstate, message });
            }
        }
        Ok(())
    }

    /// What the server has against it; nothing of it is there then.
    async fn attempt(&self, sql: &str) -> Result<Option<PostgresError>, RehearseError> {
        if sql.is_empty() {
            return Ok(None);
        }
        match self.send(&format!("SAVEPOINT infra;\n{sql};\nRELEASE SAVEPOINT infra")).await {
            Ok(()) => Ok(None),
            Err(error) if error.sqlstate().is_some_and(|state| state != OUT_OF_LOCKS) => {
                self.send("ROLLBACK TO SAVEPOINT infra; RELEASE SAVEPOINT infra").await?;
                Ok(Some(error))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn sql(&self, entries: &[&Entry]) -> String {
        let statements = entries.iter().flat_map(|entry| entry.statements.iter().map(|one| self.here(entry, one)));
        statements.collect::<Vec<_>>().join(";\n")
    }

    /// Statements about the target's database are about the scratch here.
    fn here(&self, entry: &Entry, statement: &str) -> String {
        let statement = statement.trim_end().trim_end_matches(';');
        if !entry.kind.starts_with("DATABASE") && entry.kind != "SETTING" {
            return statement.to_owned();
        }
        let (target, scratch) = self.database;
        let named = |name: &str| format!("DATABASE {}", quote_identifier(name));
        statement.replacen(&named(target), &named(scratch), 1)
    }

    pub async fn send(&self, sql: &str) -> Result<(), PostgresError> {
        self.client.run("rehearsing the schema", sql).await
    }
}

/// out_of_memory, as the server says it of its table of locks too.
pub const OUT_OF_LOCKS: &str = "53200";

/// Something is not found, or not as it was meant.
fn is_about_names(error: &PostgresError) -> bool {
    error.sqlstate().is_some_and(|state| state.starts_with("42") || state == "3F000")
}

/// The table itself could not be made, which was told.
fn is_missing(error: &PostgresError, table: &str) -> bool {
    let told = format!("relation \"{}\" does not exist", table.replace('"', ""));
    matches!(error, PostgresError::Server { report, .. } if report.sqlstate.code() == "42P01" && report.message.replace('\\', "") == told)
}

fn refusal(subject: String, error: &PostgresError) -> Refusal {
    let message = match error {
        PostgresError::Server { report, .. } => report.message.clone(),
        other => other.to_string(),
    };
    Refusal { subject, sqlstate: error.sqlstate().unwrap_or_default().to_owned(), message }
}
