//! The configuration, from environment variables; every problem is reported at once.

use crate::health::Part;
use crate::secret::Token;
use crate::store::TlsMode;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Shorter tokens can be guessed.
const TOKEN_LEAST: usize = 16;
/// Plain HTTP: the bundle's proxy ends TLS.
pub const LISTEN: &str = "0.0.0.0:8080";
/// A t3.medium has 4 GB for everything; whoever tests a larger host says more.
const MOST_MEMORY_MB: u64 = 1024;

/// What the environment says, checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub token: Token,
    pub database: tokio_postgres::Config,
    pub database_tls: TlsMode,
    pub connections: usize,
    /// What `/health` asks beside the database.
    pub parts: Vec<Part>,
    /// How much memory the service takes when it is told to use some.
    pub most_memory_mb: u64,
}

/// All that is wrong, a line each.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is not usable:\n  {}", .0.join("\n  "))]
pub struct ConfigError(Vec<String>);

impl Config {
    pub fn from_environment() -> Result<Self, ConfigError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// `variable` reads the environment, so that tests need not change theirs.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader { variable: &variable, problems: Vec::new() };
        let config = Self {
            listen: reader.parse("LISTEN", "an address and a port").unwrap_or_else(default_listen),
            token: token(&mut reader),
            database: database(&mut reader),
            database_tls: database_tls(&mut reader),
            connections: reader.number("DB_CONNECTIONS", 8, 1..=100),
            parts: parts(&mut reader),
            most_memory_mb: reader.number("MOST_MEMORY_MB", MOST_MEMORY_MB, 0..=1 << 20),
        };
        if reader.problems.is_empty() { Ok(config) } else { Err(ConfigError(reader.problems)) }
    }
}

pub fn default_listen() -> SocketAddr {
    LISTEN.parse().expect("the constant is an address")
}

fn token(reader: &mut Reader<'_>) -> Token {
    match reader.text("API_TOKEN") {
        Some(token) if token.len() >= TOKEN_LEAST => Token::new(&token),
        Some(_) => reader.problem(format!("API_TOKEN must have at least {TOKEN_LEAST} characters")),
        None => reader.problem("API_TOKEN is needed: the token that senders present"),
    }
}

fn database(reader: &mut Reader<'_>) -> tokio_postgres::Config {
    let mut config = tokio_postgres::Config::new();
    config
        .host(reader.text("DB_HOST").as_deref().unwrap_or("db"))
        .port(reader.number("DB_PORT", 5432, 1..=u16::MAX))
        .dbname(reader.text("DB_NAME").as_deref().unwrap_or("phoenix"))
        .user(reader.text("DB_USER").as_deref().unwrap_or("postgres"));
    if let Some(password) = reader.text("POSTGRES_PASSWORD") {
        config.password(password);
    }
    config
}

fn database_tls(reader: &mut Reader<'_>) -> TlsMode {
    match (reader.text("PGSSLMODE").as_deref(), reader.text("PGSSLROOTCERT")) {
        (None | Some("disable"), _) => TlsMode::Disable,
        (Some("verify-full"), Some(roots)) => TlsMode::VerifyFull { roots: PathBuf::from(roots) },
        (Some("verify-full"), None) => {
            reader.problem("PGSSLMODE=verify-full needs PGSSLROOTCERT, a file of root certificates")
        }
        (Some(mode), _) => reader.problem(format!("PGSSLMODE={mode} is not offered: use disable or verify-full")),
    }
}

/// `HEALTH_PARTS` is a list of `name=host:port/path`, divided by spaces.
fn parts(reader: &mut Reader<'_>) -> Vec<Part> {
    let text = reader.text("HEALTH_PARTS").unwrap_or_default();
    let parsed: Vec<_> = text.split_whitespace().map(|word| (word, Part::parse(word))).collect();
    let wrong = parsed.iter().filter(|(_, part)| part.is_none());
    let problems: Vec<_> = wrong.map(|(word, _)| format!("HEALTH_PARTS: {word} must be NAME=HOST:PORT/PATH")).collect();
    reader.problems.extend(problems);
    parsed.into_iter().filter_map(|(_, part)| part).collect()
}

/// Reads variables and collects what is wrong with them.
struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl Reader<'_> {
    /// Notes it, and goes on with a value that nobody will use.
    fn problem<T: Default>(&mut self, text: impl Into<String>) -> T {
        self.problems.push(text.into());
        T::default()
    }

    /// Compose passes variables that are not set as empty ones.
    fn text(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|text| !text.is_empty())
    }

    fn parse<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let text = self.text(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.problems.push(format!("{name}={text} must be {expected}"));
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
                self.problems.push(format!("{name}={value} must be {expected}"));
                default
            }
            Some(value) => value,
            None => default,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn defaults_fit_the_bundle() {
        let config = read(&[("API_TOKEN", "0123456789abcdef"), ("PGSSLMODE", "")]).unwrap();
        assert_eq!(config.listen, default_listen());
        assert_eq!(config.database.get_dbname(), Some("phoenix"));
        assert_eq!(config.database_tls, TlsMode::Disable);
        assert!(config.parts.is_empty());
    }

    #[test]
    fn every_problem_is_told_at_once_and_no_secret_with_it() {
        let variables =
            [("API_TOKEN", "short"), ("DB_PORT", "0"), ("PGSSLMODE", "prefer"), ("HEALTH_PARTS", "a=b:1/ nonsense")];
        let text = read(&variables).unwrap_err().to_string();
        for expected in ["at least 16", "DB_PORT=0", "prefer is not offered", "nonsense must be"] {
            assert!(text.contains(expected), "{text}");
        }
        assert!(!text.contains("short"), "{text}");
    }

    #[test]
    fn a_managed_database_is_verified() {
        let token = ("API_TOKEN", "0123456789abcdef");
        assert!(read(&[token, ("PGSSLMODE", "verify-full")]).is_err());
        let config = read(&[token, ("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", "/database/ca.pem")]).unwrap();
        assert_eq!(config.database_tls, TlsMode::VerifyFull { roots: "/database/ca.pem".into() });
    }
}
