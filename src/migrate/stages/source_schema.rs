//! The old schema, and what the new database lets us do with it: read, rehearsed and kept in the folder, from which every
//! stage has the same. Makes nothing of it.

use super::context::Context;
use super::{StageError, definitions, own_objects};
use crate::migrate::catalog::{self, Catalog};
use crate::migrate::rehearse::{ARRIVES_OTHERWISE, Rehearsal, Source, SourceDefinitions, drop_scratch, rehearsed};
use crate::migrate::schema::{self, Item, LargeObject, Names, Schema, Target};
use crate::migrate::timescale::{self, Timescale};
use crate::migrate::verify::Objects;
use crate::migrate::{files, strategy};
use crate::postgres::PostgresError;

/// The old database, as the schema was built from it.
pub async fn source(context: &Context, schema: &Schema) -> Result<Catalog, StageError> {
    Ok(schema.conversion.seen(catalog::read(&*context.old().await?).await?))
}

/// The schema is read anew.
pub fn forget(context: &Context) -> Result<(), StageError> {
    context.folder.remove(files::SCHEMA)?;
    definitions::forget(context)?;
    context.folder.remove(files::TRIED)?;
    Ok(context.folder.remove(files::REHEARSAL)?)
}

/// The old schema, and what the new database lets us do with it: read and rehearsed once, the same for all of the migration.
pub async fn read(context: &Context) -> Result<Schema, StageError> {
    if let Some(schema) = context.folder.read(files::SCHEMA)? {
        return Ok(schema);
    }
    let (mut seen, target, (mut schema, rehearsal)) = match rehearse(context, Names::Plain).await? {
        (_, target, _) if target.tried.names_are_words() => rehearse(context, Names::Quoted).await?,
        rehearsed => rehearsed,
    };
    let described = std::mem::take(&mut seen.described);
    remember(context, &schema, &described.objects)?;
    definitions::rehearsed(context, described, &rehearsal, (&mut schema, &seen.source, &target.user))?;
    context.folder.write(files::TRIED, &target.tried)?;
    context.folder.write(files::DUMP_NAMES, &seen.names)?;
    context.folder.write(files::REHEARSAL, &rehearsal)?;
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
    Ok(context.folder.read::<Schema>(files::SCHEMA)?.is_some())
}

pub fn keep(context: &Context, schema: &Schema) -> Result<(), StageError> {
    Ok(context.folder.write(files::SCHEMA, schema)?)
}

/// Written down before the schema is.
fn remember(context: &Context, schema: &Schema, objects: &Objects) -> Result<(), StageError> {
    let seen: Vec<_> = schema.conversion.besides_chunks(objects.clone()).into_iter().collect();
    Ok(context.folder.write(files::OBJECTS_SEEN, &seen)?)
}

/// The schema with the chunks that there are now, and what it is made of; otherwise what the target took stands, and what was
/// said of it.
pub async fn read_chunks(context: &Context, before: &Schema) -> Result<(Schema, Objects), StageError> {
    let seen = Seen::read(context, context.folder.read(files::DUMP_NAMES)?.unwrap_or(Names::Plain)).await?;
    let tried = context.folder.read(files::TRIED)?.unwrap_or_default();
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
        let source = own_objects::without_ours(context, catalog::read(&old).await?)?;
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
        strategy::build(items, &self.source, self.timescale.as_ref(), large_objects, target)
    }
}
