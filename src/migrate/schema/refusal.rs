//! What the target's server did not take, at a rehearsal.

use serde::{Deserialize, Serialize};

/// One entry of the schema that the target's server did not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// As [`Entry::subject`](super::Entry::subject) names it: what a schema is built without.
    pub subject: String,
    pub sqlstate: String,
    /// In the server's words.
    pub message: String,
}

impl Refusal {
    /// Something that it names is not there: a function, a table, another object, a schema, a column.
    pub fn is_missing(&self) -> bool {
        matches!(self.sqlstate.as_str(), "42883" | "42P01" | "42704" | "3F000" | "42703")
    }
}
