//! One thing that somebody should know before a migration.

use serde::{Deserialize, Serialize};

use crate::migrate::schema::{Consequence, Loss};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The migration would fail, or lose something.
    Blocker,
    /// Goes on when it was acknowledged by its code.
    Warning,
    Note,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable: what an acknowledgement names.
    pub code: String,
    pub severity: Severity,
    /// What it is about: `TABLE public.scratch`, `SETTING wal_level`.
    pub object: String,
    pub what: String,
    pub consequence: String,
    pub remedy: String,
    /// What goes with the object, because it cannot exist without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub takes: Vec<String>,
    /// What stays and calls it by its text, and so fails when it is used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<String>,
}

impl Finding {
    fn new(severity: Severity, code: &str, object: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            severity,
            object: object.into(),
            what: what.into(),
            consequence: String::new(),
            remedy: String::new(),
            takes: vec![],
            callers: vec![],
        }
    }

    pub(super) fn blocker(code: &str, object: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(Severity::Blocker, code, object, what)
    }

    pub(super) fn warning(code: &str, object: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, object, what)
    }

    pub(super) fn note(code: &str, object: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, object, what)
    }

    pub(super) fn so(mut self, consequence: impl Into<String>) -> Self {
        self.consequence = consequence.into();
        self
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}

/// A loss is a finding too.
impl From<&Loss> for Finding {
    fn from(loss: &Loss) -> Self {
        let severity = match loss.consequence {
            Consequence::Blocks => Severity::Blocker,
            Consequence::Consent => Severity::Warning,
            Consequence::Note => Severity::Note,
        };
        Self {
            takes: loss.takes.clone(),
            callers: loss.callers.clone(),
            ..Self::new(severity, &loss.code, &loss.object, &loss.what).remedy(&loss.remedy)
        }
    }
}
