//! How a command ends: exit codes, the chain of causes, and hints. Rendered once, here; exit codes live nowhere else.

use std::error::Error as StdError;

/// The exit codes, as documented in the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    Failed = 1,
    /// Wrong usage, or an invalid plan.
    Usage = 2,
    /// `plan --exit-code`: there is something to do.
    ChangesPending = 3,
    /// Stopped at a question that needs a person.
    Question = 5,
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command's failure: what to exit with, what happened, what to do about it.
#[derive(Debug)]
pub struct CommandError {
    pub exit: Exit,
    pub kind: Kind,
    pub hints: Vec<String>,
}

#[derive(Debug)]
pub enum Kind {
    Error(Box<dyn StdError + Send + Sync>),
    /// Text that is complete as it is: rendered findings.
    Rendered {
        text: String,
        json: serde_json::Value,
    },
}

impl CommandError {
    pub fn new(exit: Exit, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { exit, kind: Kind::Error(error.into()), hints: vec![] }
    }

    pub fn failed(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Exit::Failed, error)
    }

    pub fn usage(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Exit::Usage, error)
    }

    pub fn question(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Exit::Question, error)
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    #[must_use]
    pub fn hints(mut self, hints: impl IntoIterator<Item = String>) -> Self {
        self.hints.extend(hints);
        self
    }

    /// For people, on stderr.
    pub fn text(&self) -> String {
        let mut text = match &self.kind {
            Kind::Error(error) => format!("error: {}\n", chain(error.as_ref())),
            Kind::Rendered { text, .. } => text.clone(),
        };
        for hint in &self.hints {
            text.push_str(&format!("hint: {hint}\n"));
        }
        text
    }

    /// For machines, on stdout.
    pub fn json(&self) -> serde_json::Value {
        let exit = self.exit as u8;
        match &self.kind {
            Kind::Error(error) => {
                serde_json::json!({ "error": chain(error.as_ref()), "hints": self.hints, "exit": exit })
            }
            Kind::Rendered { json, .. } => {
                serde_json::json!({ "error": "invalid plan", "findings": json, "hints": self.hints, "exit": exit })
            }
        }
    }
}

/// An error and its causes in one line, each said once.
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the plan")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_chain_names_every_cause_once_and_hints_follow() {
        let error = Outer(std::io::Error::other("no such file"));
        let command = CommandError::usage(error).hint("run `infra init`");
        assert_eq!(command.text(), "error: cannot read the plan: no such file\nhint: run `infra init`\n");
        assert_eq!(command.json()["exit"], 2);
    }
}
