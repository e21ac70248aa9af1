//! Names that a plan uses, each a type of its own, so that a host's name cannot stand where a service's belongs.
//! A value of these types always satisfies its rule: there is no way to make one but through `parse`.

use super::scalar::{ScalarError, text_scalar};

/// Declares a name: a checked text with the usual conversions.
macro_rules! name {
    (
        $(#[$doc:meta])* $type:ident, $kind:literal, max: $max:literal, pattern: $pattern:literal,
        rule: $rule:literal, examples: [$($example:literal),*], $check:expr
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The most characters that it may have.
            pub const MAX: usize = $max;
            /// The regular expression of the JSON Schema.
            pub const PATTERN: &'static str = $pattern;

            /// Checks the rule; the error says which it is.
            pub fn parse(text: &str) -> Result<Self, ScalarError> {
                if Self::is_valid(text) {
                    return Ok(Self(text.to_owned()));
                }
                let respelled = $crate::plan::scalar::respellings(text).find(|text| Self::is_valid(text));
                let written = respelled.as_deref().unwrap_or(name!(@first $($example),*));
                let like = if respelled.is_some() { "" } else { "it like " };
                Err(ScalarError::new(text, $kind, concat!($rule, ", at most ", $max, " characters"))
                    .remedy(format!("write {like}`{written}`")))
            }

            fn is_valid(text: &str) -> bool {
                let check: fn(&str) -> bool = $check;
                text.chars().count() <= Self::MAX && check(text)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        text_scalar!($type, pattern: $pattern, max: $max, $rule, examples: [$($example),*]);
    };
    (@first $first:literal $(, $rest:literal)*) => { $first };
}

mod aws;
mod bundle;
mod reach;

pub use aws::{Blueprint, InstanceClass, NetworkName, Region, SizeName, Zone};
pub use bundle::{DatabaseName, ProfileName, SecretName, ServiceName, VarName};
pub use reach::{Email, SshAddress};

name!(
    /// The plan: prefix of every name in the cloud, value of the `infra:plan` tag.
    PlanName, "a plan name", max: 20, pattern: r"^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$",
    rule: "lower-case letters, digits and `-`, a letter first, no `-` last", examples: ["phase1"], is_label
);

name!(
    /// A host or disk of the plan; the second part of its name in the cloud.
    NodeName, "a host or disk name", max: 30, pattern: r"^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$",
    rule: "lower-case letters, digits and `-`, a letter first, no `-` last", examples: ["vault", "pgdata"], is_label
);

name!(
    /// What a preflight calls something that it found.
    FindingCode, "the code of a finding", max: 40, pattern: r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$",
    rule: "lower-case letters, digits and `-`, a letter first, no `-` last", examples: ["no-replica-identity"], is_label
);

fn is_label(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}
