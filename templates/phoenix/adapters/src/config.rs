//! Settings from the environment; README.md lists them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::auth::{Access, Token};

const MB: u64 = 1024 * 1024;

/// All settings of the service.
#[derive(Debug)]
pub struct Config {
    /// Where HTTPS is served.
    pub listen: SocketAddr,
    /// Plain HTTP instead, for tests and benchmarks.
    pub plain: bool,
    pub folder: PathBuf,
    pub access: Access,
    pub limits: Limits,
}

/// What uploads may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes a file.
    pub file: u64,
    /// Bytes of the disk that uploads leave free: the database lives on it, too.
    pub reserve: u64,
    /// Uploads at a time.
    pub uploads: usize,
    /// How long an upload may send nothing.
    pub stall: Duration,
}

/// A setting that is missing or makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{0} is not set")]
    Unset(&'static str),
    #[error("{name} is {value:?}: {expected}")]
    Invalid { name: &'static str, value: String, expected: &'static str },
    #[error("{name} names the file {path}, which cannot be read")]
    File { name: String, path: String, source: std::io::Error },
}

impl Config {
    /// Reads the settings through `get`, which is the environment except in tests.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let plain = get("LISTEN_PLAIN");
        let listen = plain.clone().or_else(|| get("LISTEN")).unwrap_or_else(|| "0.0.0.0:8443".to_owned());
        Ok(Self {
            plain: plain.is_some(),
            listen: listen.parse().map_err(|_| invalid("LISTEN", &listen, "must be ADDRESS:PORT"))?,
            folder: get("ADAPTERS_DIR").map(PathBuf::from).ok_or(ConfigError::Unset("ADAPTERS_DIR"))?,
            access: Access {
                publish: token(&get, "ADAPTERS_TOKEN")?.ok_or(ConfigError::Unset("ADAPTERS_TOKEN"))?,
                read: token(&get, "ADAPTERS_READ_TOKEN")?,
                public_read: flag(&get, "ADAPTERS_PUBLIC_READ")?,
            },
            limits: Limits {
                file: number(&get, "ADAPTERS_MAX_FILE_MB", 10 * 1024)? * MB,
                reserve: number(&get, "ADAPTERS_MIN_FREE_MB", 2048)? * MB,
                uploads: usize::try_from(number(&get, "ADAPTERS_MAX_UPLOADS", 8)?).unwrap_or(8).max(1),
                stall: Duration::from_secs(60),
            },
        })
    }
}

/// `NAME`, or the content of the file that `NAME_FILE` names.
fn token(get: &impl Fn(&str) -> Option<String>, name: &'static str) -> Result<Option<Token>, ConfigError> {
    let file_name = format!("{name}_FILE");
    let text = match get(&file_name) {
        Some(path) => Some(std::fs::read_to_string(&path).map_err(|source| ConfigError::File {
            name: file_name,
            path,
            source,
        })?),
        None => get(name),
    };
    match text.as_deref().map(str::trim) {
        None => Ok(None),
        // The value itself is not repeated: it is a secret.
        Some(short) if short.len() < 16 => Err(invalid(name, "…", "a token has at least 16 characters")),
        Some(text) => Ok(Some(Token::new(text))),
    }
}

fn flag(get: &impl Fn(&str) -> Option<String>, name: &'static str) -> Result<bool, ConfigError> {
    match get(name).as_deref() {
        None | Some("false" | "0" | "no") => Ok(false),
        Some("true" | "1" | "yes") => Ok(true),
        Some(value) => Err(invalid(name, value, "must be true or false")),
    }
}

fn number(get: &impl Fn(&str) -> Option<String>, name: &'static str, default: u64) -> Result<u64, ConfigError> {
    let Some(value) = get(name) else { return Ok(default) };
    // Megabytes beyond this overflow as bytes.
    value
        .parse()
        .ok()
        .filter(|number| *number <= u64::MAX / MB)
        .ok_or_else(|| invalid(name, &value, "must be a number"))
}

fn invalid(name: &'static str, value: &str, expected: &'static str) -> ConfigError {
    ConfigError::Invalid { name, value: value.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(extra: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let given = [("ADAPTERS_DIR", "/data"), ("ADAPTERS_TOKEN", "0123456789abcdef")];
        let find = |name: &str| extra.iter().chain(&given).find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned());
        Config::read(find)
    }

    #[test]
    fn defaults_are_closed() {
        let config = read(&[("ADAPTERS_READ_TOKEN", "")]).unwrap();
        assert!(!config.plain && !config.access.public_read && config.access.read.is_none());
        assert_eq!(config.limits.reserve, 2048 * MB);
    }

    #[test]
    fn nonsense_is_named() {
        for (name, value) in [
            ("LISTEN", "8443"),
            ("ADAPTERS_MAX_FILE_MB", "ten"),
            ("ADAPTERS_MAX_FILE_MB", "99999999999999999"),
            ("ADAPTERS_PUBLIC_READ", "maybe"),
            ("ADAPTERS_TOKEN", "short"),
        ] {
            assert!(read(&[(name, value)]).unwrap_err().to_string().starts_with(name));
        }
        assert!(!read(&[("ADAPTERS_TOKEN", "s3cret")]).unwrap_err().to_string().contains("s3cret"));
    }
}
