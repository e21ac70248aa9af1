//! The schema around the rows: what they need before they come, and everything else after them.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::sleep;

use super::context::{Context, pg_dump};
use super::{StageError, chunks, definitions, identity, look, quiet};
use crate::migrate::catalog::{self, Catalog};
use crate::migrate::copy;
use crate::migrate::index::{self, Builds, Progress};
use crate::migrate::rehearse::{ARRIVES_OTHERWISE, Rehearsal, Source, SourceDefinitions, drop_scratch, rehearsed};
use crate::migrate::saga::Mode;
use crate::migrate::schema::{self, Entry, Item, LargeObject, Names, Phase, Schema, Target, apply, settle};
use crate::migrate::timescale::{self, Timescale};
use crate::migrate::verify::Objects;
use crate::postgres::{Client, PostgresError};

const FILE: &str = "schema.json";
/// What the rehearsal of that schema told: how the new server prints each definition.
pub const REHEARSAL: &str = "rehearsal.json";
/// What the target did not take of it, and how it took the rest.
const TRIED: &str = "tried.json";
/// How the dump writes names.
const NAMES: &str = "names.json";
/// From now on the schema is what was read: the new database is being made of it.
const SETTLED: &str = "schema-settled.json";
const TELL: Duration = Duration::from_secs(1);
/// What exists before the rows come.
const BEFORE: [Phase; 2] = [Phase::Roles, Phase::BeforeData];
/// What follows indexes and constraints, in this order.
const REST: [Phase; 4] = [Phase::AfterData, Phase::Grants, Phase::Refresh, Phase::Settings];

/// Makes the schema's first half at the new database.
pub async fn before(context: &Context) -> Result<String, StageError> {
    read_again(context).await?;
    let schema = read(context).await?;
    let objects = run(context, &schema, &BEFORE).await?;
    Ok(format!("{objects} objects"))
}

/// The last look before anything is made: the schema may have changed since it was read and rehearsed. Offline that was seen
/// when the clients were paused.
async fn read_again(context: &Context) -> Result<(), StageError> {
    if context.job.mode == Mode::Offline || context.folder.read::<bool>(SETTLED)?.unwrap_or(false) {
        return Ok(());
    }
    if definitions::changed(context, &context.old().await?).await? {
        // Whatever else changed since it was asked about.
        look::perform(context).await?;
    }
    Ok(context.folder.write(SETTLED, &true)?)
}

/// The old database, as the schema was built from it.
pub async fn source(context: &Context, schema: &Schema) -> Result<Catalog, StageError> {
    Ok(schema.conversion.seen(catalog::read(&*context.old().await?).await?))
}

/// The schema is read anew.
pub fn forget(context: &Context) -> Result<(), StageError> {
    context.folder.remove(FILE)?;
    definitions::forget(context)?;
    context.folder.remove(TRIED)?;
    Ok(context.folder.remove(REHEARSAL)?)
}

/// The old schema, and what the new database lets us do with it: read and rehearsed once, the same for all of the migration.
pub async fn read(context: &Context) -> Result<Schema, StageError> {
    if let Some(schema) = context.folder.read(FILE)? {
        return Ok(schema);
    }
    let (mut seen, target, (mut schema, rehearsal)) = match rehearse(context, Names::Plain).await? {
        (_, target, _) if target.tried.names_are_words() => rehearse(context, Names::Quoted).await?,
        rehearsed => rehearsed,
    };
    let described = std::mem::take(&mut seen.described);
    chunks::remember(context, &schema, &described.objects)?;
    definitions::rehearsed(context, described, &rehearsal, (&mut schema, &seen.source, &target.user))?;
    context.folder.write(TRIED, &target.tried)?;
    context.folder.write(NAMES, &seen.names)?;
    context.folder.write(REHEARSAL, &rehearsal)?;
    keep(context, &schema)?;
    Ok(schema)
}

async fn rehearse(context: &Context, names: Names) -> Result<(Seen, Target, (Schema, Rehearsal)), StageError> {
    let seen = Seen::read(context, names).await?;
    let mut target = seen.target.clone();
    let (old, endpoint) = (context.old().await?, context.target().await?);
    let source = Source { client: &old, catalog: &seen.source };
    let rehearsed = rehearsed(&source, &endpoint, &mut target, |target| seen.build(target)).await?;
    Ok((seen, target, rehearsed))
}

/// It has been looked at, and can be gone on with.
pub fn is_read(context: &Context) -> Result<bool, StageError> {
    Ok(context.folder.read::<Schema>(FILE)?.is_some())
}

pub fn keep(context: &Context, schema: &Schema) -> Result<(), StageError> {
    Ok(context.folder.write(FILE, schema)?)
}

/// The schema with the chunks that there are now, and what it is made of; otherwise what the target took stands, and what was
/// said of it.
pub async fn read_chunks(context: &Context, before: &Schema) -> Result<(Schema, Objects), StageError> {
    let seen = Seen::read(context, context.folder.read(NAMES)?.unwrap_or(Names::Plain)).await?;
    let tried = context.folder.read(TRIED)?.unwrap_or_default();
    let target = Target { tried, ..seen.target.clone() };
    let mut schema = seen.build(&target).without(&target.tried.refused);
    let arrives = before.losses.iter().filter(|loss| ARRIVES_OTHERWISE.contains(&loss.code.as_str()));
    schema.losses.extend(arrives.cloned());
    Ok((schema, seen.described.objects))
}

/// Both ends at a moment.
struct Seen {
    names: Names,
    source: Catalog,
    items: Vec<Item>,
    timescale: Option<Timescale>,
    large_objects: Vec<LargeObject>,
    described: SourceDefinitions,
    target: Target,
}

impl Seen {
    async fn read(context: &Context, names: Names) -> Result<Self, StageError> {
        let (old, new) = (context.old().await?, context.new_database().await?);
        let source = quiet::without_ours(context, catalog::read(&old).await?)?;
        // What a killed rehearsal left is not the target's.
        drop_scratch(&new).await?;
        let target = schema::examine(&new, &source).await?;
        let large_objects = schema::read_large_objects(&old).await;
        let large_objects = large_objects.map_err(|error| PostgresError::of("reading the large objects", error))?;
        let (archive, described) = definitions::dumped(context, &old, names).await?;
        let timescale = timescale::read(&old).await?;
        Ok(Self { names, source, items: schema::parse(&archive)?, timescale, large_objects, described, target })
    }

    fn build(&self, target: &Target) -> Schema {
        let (items, large_objects) = (self.items.clone(), self.large_objects.clone());
        timescale::build(items, &self.source, self.timescale.as_ref(), large_objects, target)
    }
}

pub async fn dump_command(context: &Context) -> Result<Vec<String>, StageError> {
    Ok(pg_dump(&context.container().await?, &context.job.source))
}

/// What to build around these tables.
pub async fn builds(context: &Context, schema: &Schema, source: &Catalog) -> Result<Builds, StageError> {
    let memory = index::memory(&context.new_database().await?).await?;
    Ok(Builds::of(source, schema.entries.clone(), context.target().await?, context.jobs(), memory))
}

/// Indexes, constraints and statistics, then all that may wait for them.
pub async fn after(context: &Context) -> Result<String, StageError> {
    let schema = read(context).await?;
    tokio::select! {
        built = built(context, &schema) => built?,
        never = tell(context, &schema) => match never {},
    }
    run(context, &schema, &REST).await?;
    if let Some(restore) = &schema.conversion.restore {
        timescale::carry(&context.old().await?, &context.new_database().await?, restore).await?;
    }
    identity::at_target(context, &context.old().await?, &context.new_database().await?).await?;
    let indexes = schema.phase(Phase::Index).count();
    Ok(format!("{indexes} indexes"))
}

async fn built(context: &Context, schema: &Schema) -> Result<(), StageError> {
    if context.overlap.finish().await { Ok(()) } else { build(context, schema).await }
}

/// Only shown: what cannot be told now is told in a second.
async fn tell(context: &Context, schema: &Schema) -> Infallible {
    loop {
        if let Ok(progress) = progress(context, schema).await {
            drop(context.folder.write("progress.json", &progress));
        }
        sleep(TELL).await;
    }
}

async fn progress(context: &Context, schema: &Schema) -> Result<Progress, StageError> {
    Ok(index::progress(&*context.new_database().await?, &schema.entries).await?)
}

/// All rows are there. What builds beside the copy did is marked, and passed over.
async fn build(context: &Context, schema: &Schema) -> Result<(), StageError> {
    let source = source(context, schema).await?;
    let (announce, complete) = tokio::sync::mpsc::unbounded_channel();
    for tables in copy::tables(&context.folder)? {
        announce.send(tables).expect("the receiver is here");
    }
    drop(announce);
    Ok(index::build(builds(context, schema, &source).await?, complete, |_| {}).await?)
}

/// Indexes go with the tables.
pub async fn undo_after(context: &Context) -> Result<(), StageError> {
    context.overlap.stop().await;
    Ok(())
}

/// What acts by itself: once the databases have been compared.
pub async fn last(context: &Context) -> Result<(), StageError> {
    run(context, &read(context).await?, &[Phase::Last]).await.map(drop)
}

/// The clients are about to come, and nothing is to be brought or compared any more.
pub async fn hand_over(context: &Context, new: &Client) -> Result<(), StageError> {
    let schema = read(context).await?;
    schema::hand_over(new, &schema).await?;
    if schema.conversion.restore.is_some() {
        // A session that saw the end of restore mode may know too little.
        timescale::same_counts(&context.old().await?, &context.new_database().await?).await?;
    }
    Ok(())
}

/// Open to the migration again.
pub async fn take_back(context: &Context, new: &Client) -> Result<(), StageError> {
    Ok(schema::take_back(new, &read(context).await?).await?)
}

/// Entries of phases, one after the other; they outlive a crash of the new server when it returns.
async fn run(context: &Context, schema: &Schema, phases: &[Phase]) -> Result<usize, StageError> {
    let new = context.new_database().await?;
    let entries: Vec<&Entry> = phases.iter().flat_map(|phase| schema.phase(*phase)).collect();
    apply(&new, entries.iter().copied(), |_| {}).await?;
    settle(&new, entries.iter().copied(), |_| {}).await?;
    Ok(entries.len())
}

/// What the migration made at the new database goes; what was there before, and what others made there, stays, and is named.
pub async fn undo(context: &Context) -> Result<String, StageError> {
    let mut left = vec![];
    if let Some(schema) = context.folder.read::<Schema>(FILE)? {
        let removed = schema::remove(&context.new_database().await?, &schema).await?;
        left = removed.kept;
        left.extend(removed.kept_roles.iter().map(|role| format!("ROLE {role}, which owns something else")));
    }
    forget(context)?;
    context.folder.remove(SETTLED)?;
    super::finish::clean_new(context).await?;
    Ok(left.join("; "))
}
