//! The configuration, from environment variables; every problem is reported at once.

use crate::database::connect::TlsMode;
use crate::secret::Token;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// Keys are promised to be known for a day.
const KEY_HOURS_LEAST: u64 = 24;
/// Shorter tokens can be guessed.
const TOKEN_LEAST: usize = 16;
const MIB: usize = 1024 * 1024;

/// What the environment says, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where HTTPS is served.
    pub listen: Option<SocketAddr>,
    /// Where plain HTTP is served: for benchmarks, and behind a proxy that ends TLS.
    pub listen_plain: Option<SocketAddr>,
    pub token: Token,
    pub database: tokio_postgres::Config,
    pub database_tls: TlsMode,
    pub writers: usize,
    pub retention_days: u16,
    pub keys_kept: Duration,
    pub limits: Limits,
}

/// Bounds on what requests may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A body as it comes over the wire.
    pub body: usize,
    /// A body once decompressed.
    pub decompressed: usize,
    /// All that requests hold together, from the body to the rows.
    pub in_flight: usize,
    /// Batches waiting for a writer.
    pub queue: usize,
    /// How long a batch waits for the database before its client is told that it is away.
    pub patience: Duration,
}

/// All that is wrong, a line each.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is not usable:\n  {}", .0.join("\n  "))]
pub struct ConfigError(Vec<String>);

impl Config {
    /// `variable` reads the environment and `file` a file, so that tests need neither.
    pub fn read(
        variable: impl Fn(&str) -> Option<String>,
        file: impl Fn(&Path) -> std::io::Result<String>,
    ) -> Result<Self, ConfigError> {
        let mut reader = Reader { variable: &variable, file: &file, problems: Vec::new() };
        let (listen, listen_plain) = listeners(&mut reader);
        let config = Self {
            listen,
            listen_plain,
            token: token(&mut reader),
            database: database(&mut reader),
            database_tls: database_tls(&mut reader),
            writers: reader.number("WRITERS", 2, 1..=32),
            retention_days: reader.number("RETENTION_DAYS", 30, 1..=3650),
            keys_kept: Duration::from_secs(3600 * reader.number("KEY_HOURS", 48, KEY_HOURS_LEAST..=24 * 90)),
            limits: limits(&mut reader),
        };
        if reader.problems.is_empty() { Ok(config) } else { Err(ConfigError(reader.problems)) }
    }

    pub fn from_environment() -> Result<Self, ConfigError> {
        Self::read(|name| std::env::var(name).ok(), |path| std::fs::read_to_string(path))
    }
}

/// HTTPS unless only plain HTTP is asked for.
pub fn default_listen(plain: Option<SocketAddr>) -> Option<SocketAddr> {
    plain.is_none().then(|| SocketAddr::from(([0, 0, 0, 0], 8443)))
}

fn listeners(reader: &mut Reader<'_>) -> (Option<SocketAddr>, Option<SocketAddr>) {
    let plain = reader.parse("LISTEN_PLAIN", "an address and a port, as in 127.0.0.1:8080");
    let listen = reader.parse("LISTEN", "an address and a port, as in 0.0.0.0:8443");
    (listen.or(default_listen(plain)), plain)
}

fn token(reader: &mut Reader<'_>) -> Token {
    match reader.secret("INGEST_TOKEN") {
        Some(token) if token.len() >= TOKEN_LEAST => Token::new(&token),
        Some(_) => {
            reader.problem(format!("INGEST_TOKEN must have at least {TOKEN_LEAST} characters"));
            Token::new("")
        }
        None => {
            reader.problem("INGEST_TOKEN or INGEST_TOKEN_FILE is needed: the token that senders present");
            Token::new("")
        }
    }
}

fn database(reader: &mut Reader<'_>) -> tokio_postgres::Config {
    let mut config = match reader.text("DATABASE_URL") {
        // The parser's message does not repeat the text, which may hold a password.
        Some(url) => tokio_postgres::Config::from_str(&url).unwrap_or_else(|error| {
            reader.problem(format!("DATABASE_URL is not a PostgreSQL URL: {}", crate::service::chain(&error)));
            tokio_postgres::Config::new()
        }),
        None => {
            let mut config = tokio_postgres::Config::new();
            config
                .host(reader.text("DB_HOST").as_deref().unwrap_or("db"))
                .port(reader.number("DB_PORT", 5432, 1..=u16::MAX))
                .dbname(reader.text("DB_NAME").as_deref().unwrap_or("telemetry"))
                .user(reader.text("DB_USER").as_deref().unwrap_or("postgres"));
            config
        }
    };
    if let Some(password) = reader.secret("PGPASSWORD").or_else(|| reader.secret("POSTGRES_PASSWORD")) {
        config.password(password);
    }
    config
}

fn database_tls(reader: &mut Reader<'_>) -> TlsMode {
    match (reader.text("PGSSLMODE").as_deref(), reader.text("PGSSLROOTCERT")) {
        (None | Some("disable"), _) => return TlsMode::Disable,
        (Some("verify-full"), Some(roots)) => return TlsMode::VerifyFull { roots: PathBuf::from(roots) },
        (Some("verify-full"), None) => {
            reader.problem("PGSSLMODE=verify-full needs PGSSLROOTCERT, a file of root certificates")
        }
        (Some(mode), _) => reader.problem(format!("PGSSLMODE={mode} is not offered: use disable or verify-full")),
    }
    TlsMode::Disable
}

fn limits(reader: &mut Reader<'_>) -> Limits {
    let limits = Limits {
        body: reader.number("MAX_BODY_BYTES", 4 * MIB, 1024..=64 * MIB),
        decompressed: reader.number("MAX_DECOMPRESSED_BYTES", 8 * MIB, 1024..=64 * MIB),
        in_flight: reader.number("IN_FLIGHT_BYTES", 24 * MIB, MIB..=1024 * MIB),
        queue: reader.number("QUEUE_BATCHES", 1024, 1..=100_000),
        patience: Duration::from_secs(reader.number("WRITE_TIMEOUT_SECONDS", 15, 1..=300)),
    };
    // The body, its text and its rows exist side by side for a moment.
    let least = limits.body + 2 * limits.decompressed;
    if limits.in_flight < least {
        reader.problem(format!(
            "IN_FLIGHT_BYTES must be at least MAX_BODY_BYTES + 2 × MAX_DECOMPRESSED_BYTES = {least}, or the largest \
             batch could never be taken"
        ));
    }
    limits
}

/// Reads variables and collects what is wrong with them.
struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    file: &'a dyn Fn(&Path) -> std::io::Result<String>,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    /// Compose passes variables that are not set as empty ones.
    fn text(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|text| !text.is_empty())
    }

    /// From the file that `NAME_FILE` names, or from `NAME`.
    fn secret(&mut self, name: &str) -> Option<String> {
        let Some(path) = self.text(&format!("{name}_FILE")) else { return self.text(name) };
        match (self.file)(Path::new(&path)) {
            Ok(text) => Some(text.trim_end_matches(['\r', '\n']).to_owned()).filter(|text| !text.is_empty()),
            Err(error) => {
                self.problem(format!("{name}_FILE: cannot read {path}: {error}"));
                None
            }
        }
    }

    fn parse<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let text = self.text(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.problem(format!("{name}={text} must be {expected}"));
        }
        value
    }

    fn number<T>(&mut self, name: &str, default: T, range: std::ops::RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + std::fmt::Display + Copy,
    {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        match self.parse::<T>(name, &expected) {
            Some(value) if !range.contains(&value) => {
                self.problem(format!("{name}={value} must be {expected}"));
                default
            }
            Some(value) => value,
            None => default,
        }
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
