//! One pass through a schema, within a transaction that its caller rolls back; or in many, in a database that goes.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::Source;
use super::run::RehearseError;
use super::uses::schema_of;
use crate::migrate::catalog::{QualifiedName, TableKind, quote_identifier};
use crate::migrate::rows_path::{RowsPath, leave};
use crate::migrate::schema::Refusal;
use crate::migrate::schema::{Entry, Guided, Paths, Phase, Schema, is_alone, mentions, remarked, under};
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
    /// Functions with text that the server cannot parse, with what it says.
    pub unreadable: Vec<(String, String)>,
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
    /// Commits as it goes, since the server has too few locks for all of it: in a scratch database alone.
    in_batches: bool,
    /// What fails now is tried again when there are no rows and all keys.
    postpones: bool,
    postponed: Vec<&'a Entry>,
}

/// With rows in the tables, in this order.
const WITH_ROWS: [Phase; 5] = [Phase::Index, Phase::Constraint, Phase::AfterData, Phase::Grants, Phase::Refresh];
/// Without: a few rows point to others that are not there.
const WITHOUT_ROWS: [Phase; 2] = [Phase::ForeignKey, Phase::Validate];
const LAST: [Phase; 2] = [Phase::Last, Phase::HandOver];

impl<'a> Pass<'a> {
    pub fn new(client: &'a Client, database: (&'a str, &'a str), schema: &'a Schema, paths: &'a Paths) -> Self {
        let learned = Learned::default();
        Self { client, database, schema, paths, learned, in_batches: false, postpones: false, postponed: vec![] }
    }

    pub fn in_batches(self, in_batches: bool) -> Self {
        Self { in_batches, ..self }
    }

    pub async fn all(&mut self, source: Option<&Source<'_>>) -> Result<(), RehearseError> {
        self.phases(&[Phase::Roles, Phase::BeforeData]).await?;
        let filled = match source {
            Some(source) => self.rows(source).await?,
            None => vec![],
        };
        let without = self.schema.guided.iter().filter(|one| one.tried_without && one.is_set()).map(Guided::reset);
        self.attempt(&without.collect::<Vec<_>>().join(";\n")).await?;
        self.settle().await?;
        self.postpones = true;
        self.phases(&WITH_ROWS).await?;
        self.postpones = false;
        // A trigger may be against it: what is told then is told for another reason.
        for tables in filled.chunks(TOGETHER) {
            self.attempt(&format!("TRUNCATE ONLY {}", tables.join(", ONLY "))).await?;
            self.settle().await?;
        }
        self.phases(&WITHOUT_ROWS).await?;
        for entry in std::mem::take(&mut self.postponed) {
            self.one(entry).await?;
            self.settle().await?;
        }
        self.phases(&LAST).await?;
        // They are the server's, and few.
        self.in_batches = false;
        self.phases(&[Phase::Settings]).await
    }

    /// Gives the locks back.
    async fn settle(&self) -> Result<(), RehearseError> {
        if self.in_batches { Ok(self.send("COMMIT; BEGIN").await?) } else { Ok(()) }
    }

    async fn phases(&mut self, phases: &[Phase]) -> Result<(), RehearseError> {
        let schema = self.schema;
        // Large objects are rows: there is none of them yet.
        let is_row = |entry: &&Entry| entry.kind.starts_with("LARGE OBJECT");
        let elsewhere =
            |entry: &&Entry| is_row(entry) || (self.database.0 != self.database.1 && is_of_one_database(entry));
        let all = phases.iter().flat_map(|phase| schema.phase(*phase));
        let entries: Vec<&'a Entry> = all.filter(|entry| !elsewhere(entry)).collect();
        let together = |one: &&Entry, next: &&Entry| !is_alone(one) && !is_alone(next);
        for batch in entries.chunk_by(together).flat_map(|batch| batch.chunks(TOGETHER)) {
            if batch.len() == 1 || self.attempt(&self.sql(batch)).await?.is_some() {
                for entry in batch {
                    self.one(entry).await?;
                }
            }
            self.settle().await?;
        }
        Ok(())
    }

    /// What a few rows refuse, all of them may not; and comments on foreign keys come before these here.
    fn may_wait(&self, entry: &Entry, error: &PostgresError) -> bool {
        let built = matches!(entry.phase, Phase::Index | Phase::Constraint | Phase::Refresh);
        self.postpones && !(built && is_about_names(error))
    }

    /// As it is, under another path, and with a path for the functions that it runs.
    async fn one(&mut self, entry: &'a Entry) -> Result<(), RehearseError> {
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
        if self.may_wait(entry, &error) {
            self.postponed.push(entry);
        } else if !is_about_rows(entry, &error) {
            self.learned.refused.push(refusal(entry.subject(), &error));
        }
        Ok(())
    }

    /// Functions that the target runs for it under no session's path.
    fn run_by(&self, entry: &Entry) -> Vec<&Guided> {
        let filled =
            |other: &&Entry| entry.kind == "REFRESH" && other.kind == "MATERIALIZED VIEW" && other.name == entry.name;
        let view = self.schema.entries.iter().filter(filled).flat_map(|view| &view.statements);
        // A server that plans a build on a table reads the expressions of the table's other indexes and of its statistics.
        let table = entry.table.as_ref().filter(|_| entry.phase == Phase::Index);
        let beside = |other: &&Entry| {
            table.is_some_and(|table| match other.kind.as_str() {
                "INDEX" => other.table.as_ref() == Some(table),
                "STATISTICS" => other.statements.iter().any(|one| mentions(one, &table.name)),
                _ => false,
            })
        };
        let beside = self.schema.entries.iter().filter(beside).flat_map(|other| &other.statements);
        let text: Vec<&String> = entry.statements.iter().chain(view).chain(beside).collect();
        let calls =
            |function: &&Guided| function.tried_without && text.iter().any(|text| mentions(text, &function.name));
        self.schema.guided.iter().filter(calls).collect()
    }

    /// Tables that have some now. One that does not take its own is refused.
    async fn rows(&mut self, source: &Source<'_>) -> Result<Vec<String>, RehearseError> {
        let mut filled = vec![];
        RowsPath::of(source.catalog).enter(source.client).await?;
        for (number, table) in source.tables().filter(|table| table.kind == TableKind::Ordinary).enumerate() {
            if number.is_multiple_of(TOGETHER) {
                self.settle().await?;
            }
            if !self.has(&table.name).await? {
                continue;
            }
            let Some(error) = source.bring(table, self.client).await? else {
                filled.push(table.name.to_string());
                continue;
            };
            // Others may refuse them because rows of other tables are not there.
            if is_about_names(&error) && !is_missing(&error, &table.name.plain()) {
                let Refusal { sqlstate, message, .. } = refusal(String::new(), &error);
                let subject = format!("TABLE {}.{}", table.name.schema, table.name.name);
                let message = format!("its own rows do not go in: {message}");
                self.learned.refused.push(Refusal { subject, sqlstate, message });
            }
        }
        for root in source.routed() {
            self.learned.refused.extend(source.unplaced(root, self.client).await?);
        }
        self.settle().await?;
        leave(source.client).await?;
        Ok(filled)
    }

    async fn has(&self, table: &QualifiedName) -> Result<bool, PostgresError> {
        let sql = "SELECT pg_catalog.to_regclass($1) IS NOT NULL";
        Ok(self.client.row("looking for a table of the rehearsal", sql, &[&table.to_string()]).await?.get(0))
    }

    /// What the server has against it; nothing of it is there then.
    async fn attempt(&self, sql: &str) -> Result<Option<PostgresError>, RehearseError> {
        if sql.is_empty() {
            return Ok(None);
        }
        // A message of its own: of one that the server cannot parse nothing is run.
        self.send("SAVEPOINT infra").await?;
        match self.send(&format!("{sql};\nRELEASE SAVEPOINT infra")).await {
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
        if self.in_batches && entry.kind == "ROLE" {
            return remarked(statement, &entry.name, self.database.1);
        }
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

/// pg_cron can be in one database of a server only. Whether that is the target was tried there.
fn is_of_one_database(entry: &Entry) -> bool {
    (entry.kind == "EXTENSION" && entry.name == "pg_cron") || entry.kind == "JOB"
}

/// out_of_memory, as the server says it of its table of locks too.
pub const OUT_OF_LOCKS: &str = "53200";

/// A few rows may break what all of them keep: whether they keep it is looked at elsewhere.
fn is_about_rows(entry: &Entry, error: &PostgresError) -> bool {
    let broken = error.sqlstate().is_some_and(|state| state.starts_with("23"));
    broken || (entry.phase == Phase::Refresh && !is_about_names(error))
}

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
