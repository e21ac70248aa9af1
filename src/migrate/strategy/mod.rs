//! How a schema comes to the target: as it is, or with TimescaleDB, which either stays what it is (`restore`) or is turned
//! into what every server has (`convert`). One place decides; everything after it works by the [`Schema`] that comes of it and
//! by the catalogue as its [`Conversion`](super::timescale::Conversion) lets it be seen. Rows of a partition are those of the
//! hypertable in its range of time: only the hypertable itself can read chunks that are compressed.
//!
//! Pure. What the extension is, and how it is read, is in `timescale`, which knows nothing of schemas.

mod bucket;
mod convert;
mod items;
mod loss;
mod policy;
mod restore;
#[cfg(test)]
mod tests;

use super::catalog::Catalog;
use super::schema::{self, ExtensionState, Item, LargeObject, Schema, Target};
use super::timescale::{EXTENSION, Timescale};

enum Strategy<'a> {
    /// There is nothing but what every server has.
    Plain,
    /// The target has the extension as well.
    Restore(&'a Timescale),
    /// It has not: hypertables become partitions.
    Convert(&'a Timescale),
}

impl<'a> Strategy<'a> {
    fn of(timescale: Option<&'a Timescale>, target: &Target) -> Self {
        match timescale {
            None => Self::Plain,
            Some(timescale) if has_timescale(target) => Self::Restore(timescale),
            Some(timescale) => Self::Convert(timescale),
        }
    }
}

/// The schema for the target, and what is lost of it. `catalog` is the source's as it is; `timescale` is what its extension
/// knows, if it has it.
pub fn build(
    items: Vec<Item>,
    catalog: &Catalog,
    timescale: Option<&Timescale>,
    large_objects: Vec<LargeObject>,
    target: &Target,
) -> Schema {
    match Strategy::of(timescale, target) {
        Strategy::Plain => schema::build(items, catalog, large_objects, target),
        Strategy::Restore(timescale) => restore::build(items, catalog, timescale, large_objects, target),
        Strategy::Convert(timescale) => convert::build(items, catalog, timescale, large_objects, target),
    }
}

/// The target has the extension or can have it, and lets its user restore into it: nothing is converted for it.
pub fn has_timescale(target: &Target) -> bool {
    let state = target.extensions.get(EXTENSION);
    matches!(state, Some(ExtensionState::Available { .. } | ExtensionState::Installed { .. }))
}
