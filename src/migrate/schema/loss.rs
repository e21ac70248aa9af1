//! What does not arrive, or not as it was.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// Data or objects that data needs would be missing: the migration is refused.
    Blocks,
    /// Needs somebody's consent, given by code.
    Consent,
    /// Worth knowing.
    Note,
}

/// Things that are lost for one reason, each named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Stable, for consent and for programs.
    pub code: String,
    pub consequence: Consequence,
    /// `EXTENSION postgis`
    pub object: String,
    pub what: String,
    pub remedy: String,
    /// What goes with it, because it cannot exist without.
    pub takes: Vec<String>,
    /// What stays and calls it by its text, and so fails when it is used.
    #[serde(default)]
    pub callers: Vec<String>,
}

impl Loss {
    pub(in crate::migrate) fn new(
        code: &str,
        object: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            code: code.to_owned(),
            consequence: Consequence::Consent,
            object: object.into(),
            what: what.into(),
            remedy: remedy.into(),
            takes: Vec::new(),
            callers: Vec::new(),
        }
    }

    pub(in crate::migrate) fn note(
        code: &str,
        object: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { consequence: Consequence::Note, ..Self::new(code, object, what, remedy) }
    }
}

#[cfg(test)]
impl Loss {
    pub fn for_tests(code: &str, object: &str) -> Self {
        Self::new(code, object, "", "")
    }
}
