//! What would be another thing at the target although the server took it: found by comparing the rehearsal with the source.
//! Each is a loss with a name, told before anything is copied. Pure.

use super::outcome::Rehearsal;
use crate::migrate::catalog::Catalog;
use crate::migrate::schema::{Loss, Schema};
use crate::migrate::verify::{Objects, Prints, Terms, USES, Uses, compare, compare_uses, told_of_object};

/// Every object of the source when its schema was dumped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceDefinitions {
    pub objects: Objects,
    pub uses: Uses,
}

/// These are the server's, and the scratch database has others than the target.
const OF_THE_SERVER: [&str; 4] = ["MEMBERSHIP", "OWNER", "ROLE", "SETTING"];

/// Codes of what is found so.
pub const ARRIVES_OTHERWISE: [&str; 3] = [MEANING, RIGHT, DEFINITION];
const MEANING: &str = "meaning-differs";
const RIGHT: &str = "right-differs";
const DEFINITION: &str = "definition-differs";

/// How the target's server prints the source's definitions, and what arrives as something else. `user` is the target's,
/// `catalog` the source's.
pub fn arrives_otherwise(
    source: SourceDefinitions,
    rehearsal: &Rehearsal,
    (schema, catalog, user): (&Schema, &Catalog, &str),
) -> (Prints, Vec<Loss>) {
    // It was not rehearsed, which is told.
    if rehearsal.printed.is_empty() {
        return (Prints::default(), vec![]);
    }
    let SourceDefinitions { objects, uses } = source;
    let conversion = &schema.conversion;
    let here = conversion.expected(objects, catalog);
    let prints = Prints::new(&here, &rehearsal.printed);
    let terms = Terms { user, losses: &schema.losses, before_last: true, prints: &prints };
    let there = conversion.compared(rehearsal.printed.clone());
    let mut found = compare(&here, &there, catalog, &terms);
    // Where hypertables become partitions, what was made of them is made of something else.
    if !conversion.active {
        found.extend(compare_uses((&uses, &rehearsal.uses), (&here, &there), &schema.losses));
    }
    found.retain(|difference| {
        let object = &difference.object;
        difference.explained.is_none()
            && !OF_THE_SERVER.contains(&object.kind.as_str())
            && !object.name.starts_with("DATABASE ")
            // Rows, of which there are none yet.
            && !object.name.starts_with("large object ")
            && difference.source.is_some()
    });
    let loss = |difference: &crate::migrate::verify::ObjectDifference| {
        let code = match difference.object.kind.as_str() {
            USES => MEANING,
            "GRANT" | "REVOKE" => RIGHT,
            _ => DEFINITION,
        };
        let object = format!("{} {}", difference.object.kind, difference.object.name);
        let remedy = "change it at the source so that it arrives, or agree to the difference";
        Loss::new(code, object, told_of_object(difference), remedy)
    };
    let losses = found.iter().map(loss).collect();
    (prints, losses)
}
