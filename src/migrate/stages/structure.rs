//! The schema around the rows: what they need before they come, and everything else after them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use super::StageError;
use super::context::Context;
use crate::migrate::catalog;
use crate::migrate::schema::{self, Entry, Phase, Schema, apply, apply_one, prepare_session};
use crate::postgres::{PostgresError, connect};

const FILE: &str = "schema.json";
/// What exists before the rows come.
const BEFORE: [Phase; 2] = [Phase::Roles, Phase::BeforeData];
/// What follows the indexes, in this order, one after the other.
const AFTER: [Phase; 2] = [Phase::Constraint, Phase::ForeignKey];
const REST: [Phase; 4] = [Phase::AfterData, Phase::Grants, Phase::Refresh, Phase::Settings];

/// Makes the schema's first half at the new database.
pub async fn before(context: &Context) -> Result<String, StageError> {
    let schema = read(context).await?;
    let new = context.new_database().await?;
    let entries = BEFORE.iter().flat_map(|phase| schema.phase(*phase));
    let applied = apply(&new, entries, |_| {}).await?;
    Ok(format!("{} objects", applied.done + applied.already))
}

/// The old schema, and what the new database lets us do with it: read once, the same for all of the migration.
pub async fn read(context: &Context) -> Result<Schema, StageError> {
    if let Some(schema) = context.folder.read(FILE)? {
        return Ok(schema);
    }
    let (old, new) = (context.old().await?, context.new_database().await?);
    let source = catalog::read(&old).await?;
    let target = schema::examine(&new, &source).await?;
    let large_objects = schema::read_large_objects(&old).await;
    let large_objects = large_objects.map_err(|error| PostgresError::of("reading the large objects", error))?;
    let archive = schema::dump(&dump_command(context).await?, None).await?;
    let schema = schema::build(schema::parse(&archive)?, &source, large_objects, &target);
    context.folder.write(FILE, &schema)?;
    Ok(schema)
}

/// pg_dump of the old server's own version, in its own container.
pub async fn dump_command(context: &Context) -> Result<Vec<String>, StageError> {
    let container = context.container().await?;
    let words = ["docker", "exec", "--interactive", &container.id, "pg_dump", "--username", &container.user];
    let mut command: Vec<String> = words.map(str::to_owned).into();
    command.extend(["--dbname".to_owned(), context.job.source.database.clone()]);
    Ok(command)
}

/// Indexes side by side, then constraints, then all that may wait for them, and statistics.
pub async fn after(context: &Context) -> Result<String, StageError> {
    let schema = read(context).await?;
    side_by_side(context, &schema, Phase::Index).await?;
    let new = context.new_database().await?;
    apply(&new, AFTER.iter().flat_map(|phase| schema.phase(*phase)), |_| {}).await?;
    side_by_side(context, &schema, Phase::Validate).await?;
    apply(&new, REST.iter().flat_map(|phase| schema.phase(*phase)), |_| {}).await?;
    new.run("gathering statistics", "ANALYZE").await?;
    let indexes = schema.phase(Phase::Index).count();
    Ok(format!("{indexes} indexes"))
}

/// What acts by itself, or hides rows: once the databases have been compared.
pub async fn last(context: &Context) -> Result<(), StageError> {
    let (schema, new) = (read(context).await?, context.new_database().await?);
    apply(&new, schema.phase(Phase::Last), |_| {}).await?;
    Ok(())
}

/// What was made stays, for a person to look at and to remove: nothing is destroyed unasked.
pub async fn undo(context: &Context) -> Result<(), StageError> {
    context.folder.remove(FILE)?;
    super::finish::clean_new(context).await
}

/// Entries of a phase whose order does not matter, on several connections.
async fn side_by_side(context: &Context, schema: &Schema, phase: Phase) -> Result<(), StageError> {
    let queue: Arc<Mutex<VecDeque<Entry>>> = Arc::new(Mutex::new(schema.phase(phase).cloned().collect()));
    let target = context.target().await?;
    let mut workers = JoinSet::new();
    for _ in 0..context.jobs() {
        let (queue, target) = (Arc::clone(&queue), target.clone());
        workers.spawn(async move {
            let client = connect(&target, "infra migrate").await?;
            prepare_session(&client).await?;
            let next = || queue.lock().expect("nobody panics while it is locked").pop_front();
            while let Some(entry) = next() {
                apply_one(&client, &entry).await?;
            }
            Ok::<(), StageError>(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.expect("a worker neither panics nor is cancelled while it is waited for")?;
    }
    Ok(())
}
