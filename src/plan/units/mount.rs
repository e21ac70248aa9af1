//! Where a disk is mounted on its host. Which system directories are out of bounds is a rule of `validate`.

use std::fmt;

use crate::plan::scalar::{ScalarError, text_scalar};

/// An absolute, normalized directory on the host, in characters that need no quoting in fstab or a shell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MountPath(String);

impl MountPath {
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        let refused = |rule: &str| ScalarError::new(text, "a mount path", rule);
        let Some(relative) = text.strip_prefix('/') else {
            return Err(refused("it starts with `/`").remedy("write the whole path, like `/srv/pgdata`"));
        };
        if text.len() > 200 {
            return Err(refused("it has at most 200 characters"));
        }
        if relative.is_empty() {
            return Err(refused("the root is taken by the host's own disk").remedy("write `/srv/pgdata`"));
        }
        if !text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c)) {
            return Err(refused("letters, digits, `/`, `.`, `_` and `-` only, because it stands in /etc/fstab"));
        }
        if relative.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(
                refused("no `.`, no `..`, no doubled or last `/`").remedy(format!("write `{}`", normalized(relative)))
            );
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `self` is `other` or below it.
    pub fn is_within(&self, other: &str) -> bool {
        self.0.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The path without what `parse` refuses, for a remedy.
fn normalized(relative: &str) -> String {
    let mut parts = Vec::new();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

impl fmt::Display for MountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_scalar!(
    MountPath, pattern: r"^(/[A-Za-z0-9._-]+)+$", max: 200,
    "absolute directory on the host", examples: ["/srv/pgdata"]
);
