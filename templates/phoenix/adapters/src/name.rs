//! Names of adapters, versions and files. They become file names, so the grammar leaves nothing to escape from.

use std::fmt;

/// The longest name; with a suffix it still fits every file system.
const MAX: usize = 100;

/// One path segment: ASCII letters, digits, `.`, `_`, `-`, beginning with a letter or digit, without `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("names are 1 to 100 of A-Z a-z 0-9 . _ -, begin with a letter or digit and have no \"..\"")]
pub struct InvalidName;

impl Name {
    /// Checks the grammar.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let begins = text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
        let allowed = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if begins && allowed && text.len() <= MAX && !text.contains("..") {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName)
        }
    }

    /// The name as a path segment.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a file is published under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileId {
    pub adapter: Name,
    pub version: Name,
    pub file: Name,
}

impl FileId {
    /// Checks all three segments.
    pub fn parse(adapter: &str, version: &str, file: &str) -> Result<Self, InvalidName> {
        Ok(Self { adapter: Name::parse(adapter)?, version: Name::parse(version)?, file: Name::parse(file)? })
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.adapter, self.version, self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_use_are_accepted() {
        for text in ["a", "llama-3.1-8b_lora", "1.0.0", "adapter_model.safetensors", &"x".repeat(100)] {
            assert_eq!(Name::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn whatever_could_leave_the_store_is_refused() {
        let long = "x".repeat(101);
        for text in [
            "", ".", "..", ".hidden", "-rf", "a/b", "a\\b", "a..b", "a\0b", "a b", "a\nb", "é", "%2e%2e", "~", "a:b",
            "*", &long,
        ] {
            assert_eq!(Name::parse(text), Err(InvalidName), "{text:?}");
        }
    }
}
