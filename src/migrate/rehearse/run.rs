//! Runs a schema and takes it back.

use super::outcome::{Refusal, Rehearsal};
use super::scratch::Scratch;
use crate::migrate::catalog::quote_identifier;
use crate::migrate::schema::{ApplyError, Entry, Schema, Target, is_alone, set_session};
use crate::migrate::verify::{VerifyError, read_objects, read_uses};
use crate::postgres::{Client, Endpoint, PostgresError};

#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error("the target refused something else of the schema at each of {rounds} rehearsals, at last {last}")]
    NoEnd { rounds: usize, last: String },
}

/// Entries that are tried under one savepoint.
const TOGETHER: usize = 100;
/// What fails because something else failed mostly fails in the same round.
const ROUNDS: usize = 8;

/// The schema that this target takes: built without what a rehearsal was refused, until nothing is. `facts` comes to know
/// what that is.
pub async fn rehearsed(
    target: &Endpoint,
    facts: &mut Target,
    mut build: impl FnMut(&Target) -> Schema,
) -> Result<(Schema, Rehearsal), RehearseError> {
    let mut last = String::new();
    for _ in 0..ROUNDS {
        let schema = build(facts).without(&facts.refused);
        let rehearsal = rehearse(target, &schema).await?;
        let Some(refusal) = rehearsal.refused.last() else { return Ok((schema, rehearsal)) };
        last = format!("{}: {}", refusal.subject, refusal.message);
        facts.refused.extend(rehearsal.refused.into_iter().map(|refusal| (refusal.subject.clone(), refusal)));
    }
    Err(RehearseError::NoEnd { rounds: ROUNDS, last })
}

/// Makes all of it in a scratch database, and drops that.
pub async fn rehearse(target: &Endpoint, schema: &Schema) -> Result<Rehearsal, RehearseError> {
    let scratch = Scratch::make(target).await?;
    let outcome = within(&scratch, target, schema).await;
    let dropped = scratch.drop().await;
    let rehearsal = outcome?;
    dropped?;
    Ok(rehearsal)
}

async fn within(scratch: &Scratch, target: &Endpoint, schema: &Schema) -> Result<Rehearsal, RehearseError> {
    let client = scratch.connect().await?;
    let run = Run { client: &client, database: (&target.database, &scratch.name) };
    set_session(&client).await?;
    run.send("BEGIN").await?;
    let refused = run.entries(&schema.entries).await?;
    // Names come out qualified.
    run.send("SET LOCAL search_path = pg_catalog").await?;
    let printed = read_objects(&client).await?;
    let uses = read_uses(&client).await?;
    run.send("ROLLBACK").await?;
    Ok(Rehearsal { refused, printed, uses })
}

struct Run<'a> {
    client: &'a Client,
    /// The target's, and the scratch that stands for it.
    database: (&'a str, &'a str),
}

impl Run<'_> {
    async fn entries(&self, entries: &[Entry]) -> Result<Vec<Refusal>, RehearseError> {
        let mut refused = Vec::new();
        let alone = |one: &Entry, next: &Entry| !is_alone(one) && !is_alone(next);
        for batch in entries.chunk_by(alone).flat_map(|batch| batch.chunks(TOGETHER)) {
            if batch.len() > 1 && self.attempt(batch).await?.is_none() {
                continue;
            }
            for entry in batch {
                refused.extend(self.attempt(std::slice::from_ref(entry)).await?.map(|error| refusal(entry, &error)));
            }
        }
        Ok(refused)
    }

    /// What the server has against it; nothing of it is there then.
    async fn attempt(&self, entries: &[Entry]) -> Result<Option<PostgresError>, RehearseError> {
        let statements = entries.iter().flat_map(|entry| entry.statements.iter().map(|one| self.here(entry, one)));
        let statements: Vec<String> = statements.collect();
        // A message of its own: of one that the server cannot parse nothing is run.
        self.send("SAVEPOINT infra").await?;
        let sql = format!("{};\nRELEASE SAVEPOINT infra", statements.join(";\n"));
        match self.send(&sql).await {
            Ok(()) => Ok(None),
            Err(error) if error.sqlstate().is_some() => {
                self.send("ROLLBACK TO SAVEPOINT infra; RELEASE SAVEPOINT infra").await?;
                Ok(Some(error))
            }
            Err(error) => Err(error.into()),
        }
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

    async fn send(&self, sql: &str) -> Result<(), PostgresError> {
        self.client.run("rehearsing the schema", sql).await
    }
}

fn refusal(entry: &Entry, error: &PostgresError) -> Refusal {
    let message = match error {
        PostgresError::Server { report, .. } => report.message.clone(),
        other => other.to_string(),
    };
    Refusal { subject: entry.subject(), sqlstate: error.sqlstate().unwrap_or_default().to_owned(), message }
}
