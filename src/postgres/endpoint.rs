//! Where a database is and how to enter it.

use std::fmt;
use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use super::secret::Secret;

/// Where Debian, Ubuntu and their kin keep the roots that everybody trusts: libpq's `sslrootcert=system`.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Characters that mean nothing in a URL.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// And what means nothing after the host.
const PLAIN_IN_PATH: &AsciiSet = &PLAIN.remove(b'/');

/// Serialized with its password: the file needs mode 0600. Shown without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// A name or an address.
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    /// Who logs in, and acts as `user` by a setting of its own. None: the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    #[serde(default)]
    pub password: Secret,
    #[serde(default)]
    pub tls: Tls,
}

/// `sslmode`, without modes that encrypt and do not verify: they protect from nobody who can intercept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Tls {
    Off,
    /// The server's certificate is for its host and issued by one of the roots in this PEM file.
    VerifyFull {
        ca: PathBuf,
    },
    /// Encrypted, and proven by the password instead of a certificate: SCRAM bound to the channel. For connections from
    /// one server to another; infra itself does not speak it.
    ChannelBinding,
}

impl Default for Tls {
    fn default() -> Self {
        Self::VerifyFull { ca: SYSTEM_ROOTS.into() }
    }
}

/// Holds no part of the URL: it may have a password in it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("a database's URL looks like postgres://user@host:5432/database?sslmode=verify-full")]
    Form,
    #[error("the URL names no {0}")]
    Missing(&'static str),
    #[error("sslmode {0} does not prove who answers: write verify-full, or disable on a network that you trust")]
    Mode(String),
    #[error("infra does not know the parameter {0} of a database's URL; it knows sslmode and sslrootcert")]
    Parameter(String),
}

impl Endpoint {
    /// `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=FILE`. Without sslmode, TLS is
    /// verified against the system's roots.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text).map_err(|_| EndpointError::Form)?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(EndpointError::Form);
        }
        let host = url.host_str().unwrap_or_default();
        Ok(Self {
            host: present("host", decode(host.trim_start_matches('[').trim_end_matches(']'))?)?,
            port: url.port().unwrap_or(5432),
            database: present("database", decode(url.path().trim_start_matches('/'))?)?,
            user: present("user", decode(url.username())?)?,
            login: None,
            password: Secret::new(decode(url.password().unwrap_or_default())?),
            tls: tls(&url)?,
        })
    }

    /// Whose the password is.
    pub fn login(&self) -> &str {
        self.login.as_deref().unwrap_or(&self.user)
    }

    /// The URL without the password: for reports, and to be parsed again.
    pub fn url(&self) -> String {
        self.url_for(&utf8_percent_encode(self.login(), PLAIN).to_string())
    }

    /// For programs that take nothing else, as libpq, pgx, psycopg and node-postgres read it.
    pub fn url_with_password(&self) -> Zeroizing<String> {
        let password = Zeroizing::new(utf8_percent_encode(self.password.expose(), PLAIN).to_string());
        let login = Zeroizing::new(format!("{}:{}", utf8_percent_encode(self.login(), PLAIN), *password));
        Zeroizing::new(self.url_for(&login))
    }

    fn url_for(&self, login: &str) -> String {
        let encode = |text: &str| utf8_percent_encode(text, PLAIN_IN_PATH).to_string();
        let database = encode(&self.database);
        let parameters = match &self.tls {
            Tls::Off => "sslmode=disable".to_owned(),
            Tls::VerifyFull { ca } => format!("sslmode=verify-full&sslrootcert={}", encode(&ca.to_string_lossy())),
            Tls::ChannelBinding => "sslmode=require&channel_binding=require".to_owned(),
        };
        format!("postgres://{login}@{}/{database}?{parameters}", self.address())
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The same server and role, another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// What libpq's programs (pg_dump, psql) read; a password belongs there and never into arguments.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("PGHOST", self.host.clone()),
            ("PGPORT", self.port.to_string()),
            ("PGDATABASE", self.database.clone()),
            ("PGUSER", self.login().to_owned()),
            ("PGPASSWORD", self.password.expose().to_owned()),
        ];
        match &self.tls {
            Tls::Off => all.push(("PGSSLMODE", "disable".to_owned())),
            Tls::VerifyFull { ca } => {
                all.push(("PGSSLMODE", "verify-full".to_owned()));
                all.push(("PGSSLROOTCERT", ca.to_string_lossy().into_owned()));
            }
            Tls::ChannelBinding => {
                all.push(("PGSSLMODE", "require".to_owned()));
                all.push(("PGCHANNELBINDING", "require".to_owned()));
            }
        }
        all
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url())
    }
}

fn decode(text: &str) -> Result<String, EndpointError> {
    percent_decode_str(text).decode_utf8().map(Into::into).map_err(|_| EndpointError::Form)
}

fn present(what: &'static str, text: String) -> Result<String, EndpointError> {
    if text.is_empty() { Err(EndpointError::Missing(what)) } else { Ok(text) }
}

fn tls(url: &Url) -> Result<Tls, EndpointError> {
    let (mut mode, mut ca) = (None, SYSTEM_ROOTS.to_owned());
    for (name, value) in url.query_pairs() {
        match (&*name, &*value) {
            ("sslmode", _) => mode = Some(value.into_owned()),
            ("sslrootcert", "system") => {}
            ("sslrootcert", _) => ca = value.into_owned(),
            _ => return Err(EndpointError::Parameter(name.into_owned())),
        }
    }
    match mode.as_deref() {
        None | Some("verify-full") => Ok(Tls::VerifyFull { ca: ca.into() }),
        Some("disable") => Ok(Tls::Off),
        Some(other) => Err(EndpointError::Mode(other.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_written_without_its_password() {
        let text =
            "postgres://o%27neil:p%40ss%2Fw@db.example.com:6432/my%20db?sslmode=verify-full&sslrootcert=/etc/ca.pem";
        let endpoint = Endpoint::parse(text).unwrap();
        assert_eq!((endpoint.user.as_str(), endpoint.password.expose()), ("o'neil", "p@ss/w"));
        assert_eq!((endpoint.database.as_str(), endpoint.port), ("my db", 6432));
        assert_eq!(endpoint.tls, Tls::VerifyFull { ca: "/etc/ca.pem".into() });
        let again = Endpoint::parse(&endpoint.to_string()).unwrap();
        assert_eq!(again, Endpoint { password: Secret::default(), ..endpoint.clone() });
        assert!(!format!("{endpoint:?} {endpoint}").contains("p@ss"));
    }

    #[test]
    fn defaults_are_safe() {
        let endpoint = Endpoint::parse("postgresql://u@h/d").unwrap();
        assert_eq!((endpoint.port, endpoint.tls), (5432, Tls::default()));
        assert_eq!(Endpoint::parse("postgres://u@[::1]:5433/d?sslmode=disable").unwrap().address(), "[::1]:5433");
    }

    #[test]
    fn what_is_wrong_is_named_and_no_password_shown() {
        let error = |text: &str| Endpoint::parse(text).unwrap_err();
        assert_eq!(error("mysql://u:planted@h/d"), EndpointError::Form);
        assert_eq!(error("postgres://h/d"), EndpointError::Missing("user"));
        assert_eq!(error("postgres://u@h"), EndpointError::Missing("database"));
        assert_eq!(error("postgres://u@h/d?sslmode=require"), EndpointError::Mode("require".into()));
        assert_eq!(error("postgres://u@h/d?options=x"), EndpointError::Parameter("options".into()));
    }

    #[test]
    fn the_job_file_holds_all_of_it() {
        let endpoint = Endpoint::parse("postgres://u:planted@h/d?sslmode=disable").unwrap();
        let json = serde_json::to_string(&endpoint).unwrap();
        assert_eq!(serde_json::from_str::<Endpoint>(&json).unwrap(), endpoint);
        assert!(endpoint.environment().contains(&("PGPASSWORD", "planted".to_owned())));
    }
}
