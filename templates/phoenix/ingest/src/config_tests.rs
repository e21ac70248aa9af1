//! Environments, good and bad.

use super::*;
use std::collections::HashMap;

fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    let file = |path: &Path| match path.to_str() {
        Some("/run/token") => Ok("0123456789abcdef\n".to_owned()),
        _ => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
    };
    Config::read(|name| variables.get(name).map(|value| (*value).to_owned()), file)
}

#[test]
fn a_token_is_all_that_is_needed() {
    let config = read(&[("INGEST_TOKEN", "0123456789abcdef"), ("DB_HOST", "")]).unwrap();
    assert_eq!(config.listen.unwrap().port(), 8443);
    assert_eq!(config.listen_plain, None);
    assert_eq!(config.retention_days, 30);
    assert_eq!(config.database.get_dbname(), Some("telemetry"));
    assert!(config.token.matches("0123456789abcdef"));
}

#[test]
fn secrets_come_from_files_too() {
    let config = read(&[("INGEST_TOKEN_FILE", "/run/token"), ("POSTGRES_PASSWORD", "p")]).unwrap();
    assert!(config.token.matches("0123456789abcdef"));
    assert_eq!(config.database.get_password(), Some(&b"p"[..]));
    assert!(!format!("{config:?}").contains("0123456789abcdef"));
}

#[test]
fn plain_alone_means_no_tls() {
    let config = read(&[("INGEST_TOKEN_FILE", "/run/token"), ("LISTEN_PLAIN", "127.0.0.1:0")]).unwrap();
    assert_eq!(config.listen, None);
}

#[test]
fn all_problems_are_reported_at_once() {
    let error = read(&[
        ("INGEST_TOKEN_FILE", "/nowhere"),
        ("LISTEN", "here"),
        ("RETENTION_DAYS", "0"),
        ("WRITERS", "many"),
        ("PGSSLMODE", "require"),
        ("IN_FLIGHT_BYTES", "1048576"),
        ("KEY_HOURS", "1"),
    ])
    .unwrap_err()
    .to_string();
    for name in
        ["INGEST_TOKEN_FILE", "LISTEN", "RETENTION_DAYS", "WRITERS", "PGSSLMODE", "IN_FLIGHT_BYTES", "KEY_HOURS"]
    {
        assert!(error.contains(name), "{name} in {error}");
    }
}

#[test]
fn verify_full_needs_roots() {
    let token = ("INGEST_TOKEN_FILE", "/run/token");
    assert!(read(&[token, ("PGSSLMODE", "verify-full")]).is_err());
    let config = read(&[token, ("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", "/roots.pem")]).unwrap();
    assert_eq!(config.database_tls, TlsMode::VerifyFull { roots: "/roots.pem".into() });
}
