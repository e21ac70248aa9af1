//! Names that a plan uses, each a type of its own, so that a host's name cannot stand where a service's belongs.
//! A value of these types always satisfies its rule: there is no way to make one but through `parse`.

use std::fmt;

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

            /// Checks the rule; the error says which it is.
            pub fn parse(text: &str) -> Result<Self, ScalarError> {
                let check: fn(&str) -> bool = $check;
                if text.chars().count() <= Self::MAX && check(text) {
                    return Ok(Self(text.to_owned()));
                }
                Err(ScalarError::new(text, $kind, concat!($rule, ", at most ", $max, " characters"))
                    .remedy(concat!("write it like `", name!(@first $($example),*), "`")))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

name!(
    /// The plan: prefix of every name in the cloud, value of the `infra:plan` tag.
    PlanName, "a plan name", max: 20, pattern: r"^[a-z]([a-z0-9-]*[a-z0-9])?$",
    rule: "lower-case letters, digits and `-`, a letter first, no `-` last", examples: ["phase1"], is_label
);

name!(
    /// A host or disk of the plan; the second part of its name in the cloud.
    NodeName, "a host or disk name", max: 30, pattern: r"^[a-z]([a-z0-9-]*[a-z0-9])?$",
    rule: "lower-case letters, digits and `-`, a letter first, no `-` last", examples: ["vault", "pgdata"], is_label
);

name!(
    /// An AWS region.
    Region, "an AWS region", max: 30, pattern: r"^[a-z]{2}(-[a-z]+)+-[0-9]$",
    rule: "country, direction and number, joined by `-`", examples: ["us-east-1", "eu-central-1"], is_region
);

name!(
    /// An availability zone: its region and a letter.
    Zone, "an availability zone", max: 31, pattern: r"^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$",
    rule: "a region and the letter of the zone", examples: ["us-east-1a"], is_zone
);

name!(
    /// A Lightsail bundle id or EC2 instance type.
    SizeName, "a size", max: 60, pattern: r"^[a-z0-9]+([._-][a-z0-9]+)*$",
    rule: "a Lightsail bundle id or an EC2 instance type", examples: ["medium_3_0", "m7g.large"], is_dotted
);

name!(
    /// A Lightsail blueprint id or EC2 image.
    Blueprint, "an image", max: 60, pattern: r"^[a-z0-9]+([._-][a-z0-9]+)*$",
    rule: "a Lightsail blueprint id or an EC2 image id", examples: ["ubuntu_24_04", "debian_12"], is_dotted
);

name!(
    /// An address that alerts go to.
    Email, "an e-mail address", max: 254, pattern: r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
    rule: "a mailbox, `@` and a domain", examples: ["ops@example.com"], is_email
);

name!(
    /// A service of the compose file.
    ServiceName, "a compose service name", max: 63, pattern: r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
    rule: "letters, digits, `.`, `_` and `-`, a letter or digit first", examples: ["ingest", "db"], is_service
);

name!(
    /// A secret that infra makes on the host.
    SecretName, "a secret's name", max: 100, pattern: r"^[A-Z_][A-Z0-9_]*$",
    rule: "upper-case letters, digits and `_`, no digit first", examples: ["POSTGRES_PASSWORD"], is_variable
);

name!(
    /// A variable of the compose file.
    VarName, "a variable's name", max: 100, pattern: r"^[A-Z_][A-Z0-9_]*$",
    rule: "upper-case letters, digits and `_`, no digit first", examples: ["RETENTION_DAYS"], is_variable
);

impl Region {
    /// Its first zone, which every region has.
    pub fn first_zone(&self) -> Zone {
        Zone(format!("{}a", self.0))
    }
}

impl Zone {
    pub fn region(&self) -> Region {
        Region(self.0[..self.0.len() - 1].to_owned())
    }
}

fn is_label(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [country, middle @ .., number] = parts.as_slice() else { return false };
    let lower = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
    country.len() == 2
        && lower(country)
        && !middle.is_empty()
        && middle.iter().all(|part| lower(part))
        && number.len() == 1
        && number.starts_with(|c: char| c.is_ascii_digit())
}

fn is_zone(text: &str) -> bool {
    text.strip_suffix(|c: char| c.is_ascii_lowercase()).is_some_and(is_region)
}

fn is_dotted(text: &str) -> bool {
    text.split(['.', '_', '-'])
        .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
}

fn is_email(text: &str) -> bool {
    let mailbox = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    let label = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    text.split_once('@').is_some_and(|(user, domain)| {
        !user.is_empty() && user.chars().all(mailbox) && domain.contains('.') && domain.split('.').all(label)
    })
}

fn is_service(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}
