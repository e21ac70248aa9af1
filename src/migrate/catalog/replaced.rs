//! Roles that have another name at the other server.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::name::{quote_identifier, quote_literal};

/// Superusers of the source whose name is taken at the target by somebody else's: what they own goes to the target's user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    names: BTreeSet<String>,
    by: String,
}

impl Replaced {
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>, by: &str) -> Self {
        Self { names: names.into_iter().map(str::to_owned).collect(), by: by.to_owned() }
    }

    pub fn contains(&self, role: &str) -> bool {
        self.names.contains(role)
    }

    pub fn apply(&self, owner: &mut String) {
        if self.contains(owner) {
            owner.clone_from(&self.by);
        }
    }

    /// The other's name for a statement, if this, as pg_dump writes it, is one of them.
    pub fn written(&self, role: &str) -> Option<String> {
        let is = |name: &String| name == role || quote_identifier(name) == role;
        self.names.iter().any(is).then(|| quote_identifier(&self.by))
    }

    /// The text of a column that names a role, as the target has it.
    pub fn in_query(&self, column: &str) -> String {
        let text = |name: &str| quote_literal(&quote_identifier(name));
        // The server quotes only where it must.
        let known = |name: &String| format!("{column} = {}::regrole", text(name));
        match self.names.iter().map(known).collect::<Vec<_>>().join(" OR ") {
            none if none.is_empty() => format!("{column}::text"),
            any => format!("CASE WHEN {any} THEN quote_ident({}) ELSE {column}::text END", quote_literal(&self.by)),
        }
    }
}
