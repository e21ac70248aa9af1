//! Chunks of hypertables come with the clock: the schema is read once more when nobody writes. Nothing but chunks may have
//! changed since it was looked at; whatever else did was never tried, and is told by its name when the clients run again.

use std::collections::BTreeSet;

use super::context::Context;
use super::{StageError, definitions, drift, source_schema};
use crate::migrate::files;
use crate::migrate::preflight::{Finding, Sections};
use crate::migrate::schema::Loss;
use crate::migrate::verify::{Definition, ObjectKey, Objects};

/// In the pause. What was looked at is forgotten where it is not true any more: it has to be looked at again.
pub async fn take_in(context: &Context) -> Result<(), StageError> {
    let looked_at = source_schema::read(context).await?;
    let hypertables = looked_at.conversion.has_hypertables();
    if !hypertables && !definitions::changed(context, &context.old().await?).await? {
        return Ok(());
    }
    let before: Vec<(ObjectKey, Definition)> = context.folder.read(files::OBJECTS_SEEN)?.unwrap_or_default();
    let (schema, objects) = source_schema::read_chunks(context, &looked_at).await?;
    let mut told = changes(&before.into_iter().collect(), &schema.conversion.besides_chunks(objects));
    if told.is_empty() && hypertables {
        told = open(&schema.losses, &context.accepted()?);
    } else if told.is_empty() {
        told.push("what its objects are made of".to_owned());
    }
    if told.is_empty() {
        return source_schema::keep(context, &schema);
    }
    source_schema::forget(context)?;
    Err(StageError::ChangedBeforePause { what: drift::first_of(context, &told)? })
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

/// What nobody was asked about, as the first chunk that is compressed.
fn open(losses: &[Loss], accepted: &[String]) -> Vec<String> {
    let findings: Vec<Finding> = losses.iter().map(Finding::from).collect();
    let sections = Sections::of(&findings, accepted);
    let open = sections.stops.iter().chain(&sections.asks).flat_map(|group| &group.members);
    open.map(|finding| format!("{} [{}]: {}", finding.object, finding.code, finding.what)).collect()
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
