//! Names inside the bundle: services, variables, secrets, the database.

use crate::plan::scalar::{ScalarError, text_scalar};

name!(
    /// A service of the compose file.
    ServiceName, "a compose service name", max: 63, pattern: r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
    rule: "letters, digits, `.`, `_` and `-`, a letter or digit first", examples: ["ingest", "db"], is_service
);

name!(
    /// A profile of the compose file: a set of services that are started only when it is chosen.
    ProfileName, "a compose profile", max: 63, pattern: r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
    rule: "letters, digits, `.`, `_` and `-`, a letter or digit first", examples: ["tools"], is_service
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

name!(
    /// A PostgreSQL database, in the characters that need no quotes.
    DatabaseName, "a database name", max: 63, pattern: r"^[a-z_][a-z0-9_]*$",
    rule: "lower-case letters, digits and `_`, no digit first", examples: ["telemetry"], is_identifier
);

fn is_service(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
