//! Rehearses a schema until nothing of it fails.

use std::collections::BTreeMap;

use super::memberships::Memberships;
use super::outcome::Rehearsal;
use super::pass::{Learned, OUT_OF_LOCKS, Pass};
use super::rows::Source;
use super::scratch::{APPLICATION, Scratch};
use super::{bodies, uses};
use crate::migrate::schema::{ApplyError, Loss, Paths, Schema, Target, set_session};
use crate::migrate::verify::{VerifyError, read_objects, read_uses};
use crate::postgres::{Client, Endpoint, PostgresError, ROLL_BACK, connect};

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

/// What fails because something else failed mostly fails in the same round.
const ROUNDS: usize = 8;

/// The schema that this target takes: built without what a rehearsal was refused, and under the paths that it found, until
/// nothing fails. `facts` comes to know what that is.
pub async fn rehearsed(
    source: &Source<'_>,
    target: &Endpoint,
    facts: &mut Target,
    mut build: impl FnMut(&Target) -> Schema,
) -> Result<(Schema, Rehearsal), RehearseError> {
    let paths = Paths::of(source.catalog);
    let here = read_uses(source.client).await?;
    let mut last = String::new();
    for _ in 0..ROUNDS {
        let mut schema = build(facts).without(&facts.tried.refused);
        let learned = match learn(Some(source), target, &schema, &paths).await {
            Err(RehearseError::Postgres(error)) if error.sqlstate() == Some(OUT_OF_LOCKS) => {
                schema.losses.push(not_rehearsed());
                return Ok((schema, Rehearsal::default()));
            }
            other => other?,
        };
        let again = match is_as_it_was(&schema) {
            true => uses::again(&here, &learned, &schema, facts, &paths),
            false => BTreeMap::new(),
        };
        last = learned.refused.last().map_or(last, |refusal| format!("{}: {}", refusal.subject, refusal.message));
        let settled = learned.refused.is_empty() && learned.paths.is_empty() && learned.lasting_paths.is_empty();
        if settled && again.is_empty() {
            schema.losses.extend(bodies::told(learned.unreadable, source.client).await?);
            return Ok((schema, Rehearsal { refused: vec![], printed: learned.printed, uses: learned.uses }));
        }
        facts.tried.refused.extend(learned.refused.into_iter().map(|refusal| (refusal.subject.clone(), refusal)));
        facts.tried.paths.extend(learned.paths.into_iter().chain(again));
        facts.tried.lasting_paths.extend(learned.lasting_paths);
    }
    Err(RehearseError::NoEnd { rounds: ROUNDS, last })
}

/// What was converted is made of something else on purpose.
fn is_as_it_was(schema: &Schema) -> bool {
    !schema.conversion.active && schema.conversion.restore.is_none()
}

fn not_rehearsed() -> Loss {
    Loss::new(
        "not-rehearsed",
        "SCHEMA",
        "could not be tried at the target before the rows are copied: the server has too few locks for it",
        "raise max_locks_per_transaction at the target; else what it refuses is told when it refuses it",
    )
}

/// Once, as it is: without rows, and under no other paths.
pub async fn rehearse(target: &Endpoint, schema: &Schema) -> Result<Rehearsal, RehearseError> {
    let Learned { refused, printed, uses, .. } = learn(None, target, schema, &Paths::default()).await?;
    Ok(Rehearsal { refused, printed, uses })
}

/// In a scratch database, which is dropped; or, where none can be made or none is like the target's, in the target's own.
async fn learn(
    source: Option<&Source<'_>>,
    target: &Endpoint,
    schema: &Schema,
    paths: &Paths,
) -> Result<Learned, RehearseError> {
    let scratch = match Scratch::make(target).await {
        Err(RehearseError::Postgres(error)) if error.sqlstate() == Some(MAY_NOT) => None,
        made => Some(made?),
    };
    if let Some(scratch) = scratch {
        let outcome = in_scratch(&scratch, source, target, schema, paths).await;
        let dropped = scratch.drop().await;
        let learned = outcome?;
        dropped?;
        // The trials made these in the target's database: such as pg_cron, they belong into one database alone.
        let extension = learned.refused.iter().any(|refusal| refusal.subject.starts_with("EXTENSION "));
        // And who may restore into TimescaleDB without being a superuser may it in one database.
        let restore = schema.conversion.restore.is_some() && !learned.refused.is_empty();
        if !extension && !restore {
            return Ok(learned);
        }
    }
    within(&connect(target, APPLICATION).await?, source, target, schema, paths, false).await
}

/// In one transaction, or in batches where the server has too few locks for that.
async fn in_scratch(
    scratch: &Scratch,
    source: Option<&Source<'_>>,
    target: &Endpoint,
    schema: &Schema,
    paths: &Paths,
) -> Result<Learned, RehearseError> {
    if has_room(&scratch.connect().await?, schema).await? {
        match within(&scratch.connect().await?, source, target, schema, paths, false).await {
            // Others have them.
            Err(RehearseError::Postgres(error)) if error.sqlstate() == Some(OUT_OF_LOCKS) => {}
            other => return other,
        }
    }
    let client = scratch.connect().await?;
    let before = Memberships::read(&client).await?;
    let learned = within(&client, source, target, schema, paths, true).await;
    before.restore(&client).await?;
    learned
}

/// With its row type, what is out of line, its key: seen of a table that is made.
const LOCKS_OF_A_TABLE: usize = 8;

/// Others shall have locks too.
async fn has_room(client: &Client, schema: &Schema) -> Result<bool, RehearseError> {
    let sql = "SELECT current_setting('max_locks_per_transaction')::int8
                    * (current_setting('max_connections')::int8 + current_setting('max_prepared_transactions')::int8)";
    let room: i64 = client.row("reading how many locks the target has", sql, &[]).await?.get(0);
    let tables = schema.entries.iter().filter(|entry| entry.kind == "TABLE").count();
    let needed = schema.entries.len() + (LOCKS_OF_A_TABLE - 1) * tables;
    Ok(i64::try_from(needed).is_ok_and(|needed| needed < room / 2))
}

/// insufficient_privilege
const MAY_NOT: &str = "42501";

async fn within(
    client: &Client,
    source: Option<&Source<'_>>,
    target: &Endpoint,
    schema: &Schema,
    paths: &Paths,
    in_batches: bool,
) -> Result<Learned, RehearseError> {
    set_session(client).await?;
    let database = (target.database.as_str(), client.endpoint().database.as_str());
    let mut pass = Pass::new(client, database, schema, paths).in_batches(in_batches);
    pass.send("BEGIN").await?;
    pass.all(source.filter(|_| is_as_it_was(schema))).await?;
    pass.learned.unreadable = bodies::unreadable(client).await?;
    // Names come out qualified.
    pass.send("SET LOCAL search_path = pg_catalog").await?;
    pass.learned.printed = read_objects(client).await?;
    pass.learned.uses = read_uses(client).await?;
    pass.send(ROLL_BACK).await?;
    Ok(pass.learned)
}
