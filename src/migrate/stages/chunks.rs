//! Chunks of hypertables come with the clock: the schema is read once more when nobody writes. Nothing but chunks may have
//! changed since it was looked at; whatever else did was never tried, and is told by its name while the clients still run.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::{StageError, compare, drift, structure};
use crate::migrate::schema::{Consequence, Loss, Schema};
use crate::migrate::verify::{Definition, ObjectKey, read_objects};
use crate::postgres::Client;

/// In the migration's folder: what the old database with hypertables was made of when its schema was looked at.
const OBJECTS: &str = "looked-at.json";

type Objects = BTreeMap<ObjectKey, Definition>;

/// Written down before the schema is.
pub async fn remember(context: &Context, old: &Client, schema: &Schema) -> Result<(), StageError> {
    if !schema.conversion.has_hypertables() {
        return Ok(());
    }
    Ok(context.folder.write(OBJECTS, &objects(old, schema).await?.into_iter().collect::<Vec<_>>())?)
}

/// In the pause. What was looked at is forgotten where it is not true any more: it has to be looked at again.
pub async fn settle(context: &Context) -> Result<(), StageError> {
    if !structure::read(context).await?.conversion.has_hypertables() {
        return Ok(());
    }
    let before: Vec<(ObjectKey, Definition)> = context.folder.read(OBJECTS)?.unwrap_or_default();
    let schema = structure::fresh(context).await?;
    let changed = changes(&before.into_iter().collect(), &objects(&context.old().await?, &schema).await?);
    let told = if changed.is_empty() { open(&schema.losses, &context.accepted()?) } else { changed };
    if told.is_empty() {
        return structure::keep(context, &schema);
    }
    structure::forget(context)?;
    Err(StageError::ChangedBeforePause { what: drift::first_of(context, &told)? })
}

/// Without chunks, and without what the migration does itself: readers only, and how rows are recognised.
async fn objects(old: &Client, schema: &Schema) -> Result<Objects, StageError> {
    let mut objects = schema.conversion.besides_chunks(read_objects(old).await?);
    objects.retain(|key, _| !compare::is_ours(key, ""));
    for definition in objects.values_mut() {
        for way in ["d", "i", "f", "n"] {
            definition.facts = definition.facts.replace(&format!(" replica identity {way}"), "");
        }
        definition.facts = definition.facts.replace(" REPLICA IDENTITY", "");
    }
    Ok(objects)
}

fn changes(before: &Objects, after: &Objects) -> Vec<String> {
    let keys: BTreeSet<&ObjectKey> = before.keys().chain(after.keys()).collect();
    let told = |key: &ObjectKey| {
        let object = format!("{} {}", key.kind, key.name);
        match (before.get(key), after.get(key)) {
            (Some(was), Some(is)) if was == is => None,
            (Some(was), Some(is)) => Some(format!("{object} was `{was}` and is `{is}`")),
            (None, _) => Some(format!("{object} is new")),
            (_, None) => Some(format!("{object} is gone")),
        }
    };
    keys.into_iter().filter_map(told).collect()
}

/// What chunks may bring and nobody was asked about: the first that is compressed.
fn open(losses: &[Loss], accepted: &[String]) -> Vec<String> {
    let open = losses.iter().filter(|loss| match loss.consequence {
        Consequence::Blocks => true,
        Consequence::Consent => !accepted.contains(&loss.code),
        Consequence::Note => false,
    });
    open.map(|loss| format!("{} [{}]: {}", loss.object, loss.code, loss.what)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_changed_is_told_by_its_name() {
        let objects = |all: &[(&str, &str)]| -> Objects {
            let key = |name: &str| ObjectKey { kind: "COLUMN".into(), name: name.into() };
            all.iter().map(|(name, definition)| (key(name), Definition::of(*definition))).collect()
        };
        let (before, after) =
            (objects(&[("a", "1"), ("b", "2"), ("c", "3")]), objects(&[("a", "1"), ("b", "4"), ("d", "5")]));
        assert_eq!(changes(&before, &after), ["COLUMN b was `2` and is `4`", "COLUMN c is gone", "COLUMN d is new"]);
        assert_eq!(changes(&before, &before), Vec::<String>::new());
    }
}
