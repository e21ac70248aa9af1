//! The old database's definitions at the moment when its schema is read. From then on each end is compared with itself: the
//! old one with what it was, the new one with how its server prints that.

use sha2::{Digest as _, Sha256};

use super::context::Context;
use super::{StageError, own_objects};
use crate::migrate::catalog::Catalog;
use crate::migrate::files;
use crate::migrate::rehearse::{Rehearsal, SourceDefinitions, arrives_otherwise};
use crate::migrate::schema::{self, Names, Schema};
use crate::migrate::verify::{Prints, is_its_object, read_objects, read_uses};
use crate::postgres::Client;

/// Somebody may be changing the schema while it is dumped.
const ATTEMPTS: usize = 5;

/// How the new database's server prints what the old one's prints.
pub fn prints(context: &Context) -> Result<Prints, StageError> {
    Ok(context.folder.read(files::PRINTS)?.unwrap_or_default())
}

pub fn forget(context: &Context) -> Result<(), StageError> {
    context.folder.remove(files::PRINTS)?;
    Ok(context.folder.remove(files::DEFINITIONS_READ)?)
}

/// The dump, and the definitions that it was made of.
pub async fn dumped(context: &Context, old: &Client, names: Names) -> Result<(Vec<u8>, SourceDefinitions), StageError> {
    let mut before = digest(&read(old).await?);
    let mut attempt = 1;
    loop {
        let archive = schema::dump(&context.dump_command().await?, names).await?;
        let after = read(old).await?;
        let now = digest(&after);
        if now == before || attempt == ATTEMPTS {
            context.folder.write(files::DEFINITIONS_READ, &now)?;
            return Ok((archive, after));
        }
        (before, attempt) = (now, attempt + 1);
    }
}

/// Leaves how the new server prints them; what arrives as something else is a loss of the schema.
pub fn rehearsed(
    context: &Context,
    source: SourceDefinitions,
    rehearsal: &Rehearsal,
    about: (&mut Schema, &Catalog, &str),
) -> Result<(), StageError> {
    let (schema, catalog, user) = about;
    let (prints, losses) = arrives_otherwise(source, rehearsal, (schema, catalog, user));
    schema.losses.extend(losses);
    Ok(context.folder.write(files::PRINTS, &prints)?)
}

/// The old database's schema is not what was read.
pub async fn changed(context: &Context, old: &Client) -> Result<bool, StageError> {
    let Some(read_before) = context.folder.read::<String>(files::DEFINITIONS_READ)? else { return Ok(false) };
    Ok(digest(&read(old).await?) != read_before)
}

/// Without what the migration itself makes there.
async fn read(client: &Client) -> Result<SourceDefinitions, StageError> {
    let mut objects = read_objects(client).await?;
    objects.retain(|key, _| !own_objects::is_ours(key, ""));
    let mut uses = read_uses(client).await?;
    uses.retain(|key, _| !own_objects::is_ours(key, ""));
    Ok(SourceDefinitions { objects, uses })
}

/// Chunks come with the clock.
fn digest(definitions: &SourceDefinitions) -> String {
    let mut hash = Sha256::new();
    for (key, definition) in definitions.objects.iter().filter(|(key, _)| !is_its_object(key)) {
        for part in [&key.kind, &key.name, &definition.facts, &definition.printed] {
            hash.update(part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    for (key, used) in definitions.uses.iter().filter(|(key, _)| !is_its_object(key)) {
        hash.update(format!("{} {} {}", key.kind, key.name, used.iter().cloned().collect::<Vec<_>>().join("\n")));
    }
    hex::encode(&hash.finalize()[..16])
}
