//! What stands in the way home, said while the clients run; and what it takes, for whoever has to agree to it.

use jiff::SignedDuration;

use super::super::StageError;
use super::super::context::Context;
use super::super::source_schema;
use super::{bring, is_possible};
use crate::migrate::catalog::version;
use crate::migrate::saga::{Event, Stage};
use crate::migrate::schema::{Consequence, Schema};
use crate::postgres::Client;

/// The whole schema is read, and tried at the old server, in the database that it is to be made in.
pub async fn look(context: &Context) -> Result<(), StageError> {
    let (old, new) = (context.old_maintenance().await?, context.new_database().await?);
    let mut what = servers(context, &old, &new).await?;
    what.extend(too_little_room(context, &new).await?);
    if what.is_empty() {
        let home = bring::begin(context, &old).await?;
        what = obstacles(&source_schema::read(&home).await?);
    }
    if what.is_empty() { Ok(()) } else { Err(StageError::NotHome { what: what.join("\n") }) }
}

async fn servers(context: &Context, old: &Client, new: &Client) -> Result<Vec<String>, StageError> {
    let mut what = vec![];
    let (here, there) = (version(old).await?.major(), version(new).await?.major());
    if here < there {
        what.push(format!(
            "the old server is of PostgreSQL {here}, the new one of {there}: a schema goes to a later one only"
        ));
    }
    let (user, users) = (context.container().await?.user, context.target().await?.user);
    if user != users {
        what.push(format!("the old server's user is {user}, and what the new database holds is {users}'s"));
    }
    Ok(what)
}

/// The old data stay until the clients are served.
async fn too_little_room(context: &Context, new: &Client) -> Result<Option<String>, StageError> {
    let needed = size(new, &context.target().await?.database).await?;
    let free = context.host.free_beside_data(&context.container().await?).await?;
    let told = |free| {
        format!("the old server's disk has {} free, and a second copy takes {}", megabytes(free), megabytes(needed))
    };
    Ok(free.filter(|free| *free < needed).map(told))
}

/// What the old server would not take, or not as it is.
pub fn obstacles(schema: &Schema) -> Vec<String> {
    let restored = schema.conversion.restore.is_none().then(|| {
        "the old server cannot have TimescaleDB in the new database's version, or not restore into it: ALTER EXTENSION timescaledb UPDATE at one of them".to_owned()
    });
    let lost = schema.losses.iter().filter(|loss| loss.consequence != Consequence::Note);
    restored.into_iter().chain(lost.map(|loss| format!("{}: {}", loss.object, loss.what))).collect()
}

/// Why a rollback without a word to wait is refused where nothing follows, and what that word would take.
pub async fn refusal(context: &Context) -> StageError {
    match is_possible(context).await {
        Ok(true) => StageError::WaitsForRows { told: told(context).await },
        Ok(false) => StageError::NoWayBack,
        Err(error) => error,
    }
}

/// By how it went there. A server that does not answer is the rollback's own affair.
async fn told(context: &Context) -> String {
    let sizes = async {
        let new = size(&context.new_database().await?, &context.target().await?.database).await?;
        let old = size(&context.old_maintenance().await?, &context.job.source.database).await?;
        Ok::<_, StageError>((new, old))
    };
    let Ok((new, old)) = sizes.await else { return "every row".to_owned() };
    let estimate = took(context).map(|took| took.mul_f64(share(new, old))).map(minutes);
    let about = estimate.map(|minutes| format!(", about {minutes} at the rate of the copy there")).unwrap_or_default();
    format!("{}{about}", megabytes(new))
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

/// How much more it is now than it was.
fn share(new: u64, old: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "it is told to the minute")]
    let share = new as f64 / old.max(1) as f64;
    share.max(1.0)
}

/// From the first table to the last comparison.
fn took(context: &Context) -> Option<SignedDuration> {
    let records = context.folder.records().ok()?;
    let last = |is: fn(&Event) -> bool| records.iter().rev().find(|record| is(&record.entry)).map(|record| record.at);
    let began = last(|event| matches!(event, Event::Started { stage: Stage::Schema }))?;
    let ended = last(|event| matches!(event, Event::Done { stage: Stage::Verify, .. }))?;
    Some(ended.duration_since(began)).filter(SignedDuration::is_positive)
}

fn minutes(duration: SignedDuration) -> String {
    match duration.as_mins() {
        0 => "a minute".to_owned(),
        minutes => format!("{} minutes", minutes + 1),
    }
}

async fn size(client: &Client, database: &str) -> Result<u64, StageError> {
    let sql = "SELECT pg_catalog.pg_database_size($1::pg_catalog.name)";
    let bytes: i64 = client.row("asking for a database's size", sql, &[&database]).await?.get(0);
    Ok(u64::try_from(bytes).unwrap_or_default())
}
