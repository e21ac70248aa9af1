//! `compose.yaml`, as far as infra needs it: services, what they are built from and which image they run.
//! Compose itself interprets the rest, on the host.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use thiserror::Error;

use super::interpolate::{InterpolateError, interpolate};

#[derive(Debug, Error)]
pub enum ComposeError {
    #[error("{file} is no valid YAML: {message}")]
    Yaml { file: String, message: String },
    #[error("service {service}, {key}: {source}")]
    Variable { service: String, key: &'static str, source: InterpolateError },
    #[error("compose.yaml has no service {service}")]
    NoService { service: String },
    #[error("service {service} is to be pushed and has no `{key}` in compose.yaml")]
    Missing { service: String, key: &'static str },
}

/// The services, not yet interpolated.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ComposeFile {
    #[serde(default)]
    pub services: BTreeMap<String, Service>,
    /// Names of variables that the file mentions anywhere.
    #[serde(skip)]
    pub variables: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Service {
    pub image: Option<String>,
    pub build: Option<RawBuild>,
    pub profiles: Vec<String>,
}

/// The short form names the context alone.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum RawBuild {
    Context(String),
    Full {
        #[serde(default = "here")]
        context: String,
        dockerfile: Option<String>,
        target: Option<String>,
        #[serde(default)]
        args: RawArgs,
    },
}

fn here() -> String {
    ".".to_owned()
}

/// A map, or a list of `NAME=value`; a null value or a bare name is taken from the environment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum RawArgs {
    Map(BTreeMap<String, Option<Scalar>>),
    List(Vec<String>),
}

impl Default for RawArgs {
    fn default() -> Self {
        Self::Map(BTreeMap::new())
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

/// What an image is built from, interpolated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Relative to the bundle.
    pub context: String,
    /// Relative to the context.
    pub dockerfile: Option<String>,
    pub target: Option<String>,
    pub args: BTreeMap<String, String>,
}

impl ComposeFile {
    pub fn parse(file: &str, text: &str) -> Result<Self, ComposeError> {
        let parsed: Result<Self, _> = serde_saphyr::from_str(text);
        let parsed =
            parsed.map_err(|error| ComposeError::Yaml { file: file.to_owned(), message: error.to_string() })?;
        Ok(Self { variables: mentioned(text), ..parsed })
    }

    fn service(&self, name: &str) -> Result<&Service, ComposeError> {
        self.services.get(name).ok_or_else(|| ComposeError::NoService { service: name.to_owned() })
    }

    /// The name of the image that `service` runs.
    pub fn image(&self, service: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, ComposeError> {
        let missing = || ComposeError::Missing { service: service.to_owned(), key: "image" };
        let image = self.service(service)?.image.as_deref().ok_or_else(missing)?;
        Variables { service, lookup }.replace("image", image)
    }

    /// What `service` is built from.
    pub fn build(&self, service: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Build, ComposeError> {
        let missing = || ComposeError::Missing { service: service.to_owned(), key: "build" };
        let raw = self.service(service)?.build.as_ref().ok_or_else(missing)?;
        let variables = Variables { service, lookup };
        match raw {
            RawBuild::Context(context) => {
                let context = variables.replace("build", context)?;
                Ok(Build { context, dockerfile: None, target: None, args: BTreeMap::new() })
            }
            RawBuild::Full { context, dockerfile, target, args } => Ok(Build {
                context: variables.replace("build.context", context)?,
                dockerfile: variables.option("build.dockerfile", dockerfile.as_deref())?,
                target: variables.option("build.target", target.as_deref())?,
                args: variables.args(args)?,
            }),
        }
    }
}

/// `$NAME` and `${NAME…}`, nested ones too; a doubled `$` is a literal one.
fn mentioned(text: &str) -> BTreeSet<String> {
    let literal_dollars_gone = text.replace("$$", "");
    let after_dollar = literal_dollars_gone.split('$').skip(1);
    let name = |part: &str| -> String {
        let part = part.strip_prefix('{').unwrap_or(part);
        part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    after_dollar.map(name).filter(|name| !name.is_empty()).collect()
}

/// Interpolation for one service, so that errors name it.
struct Variables<'a> {
    service: &'a str,
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl Variables<'_> {
    fn replace(&self, key: &'static str, text: &str) -> Result<String, ComposeError> {
        interpolate(text, self.lookup).map_err(|source| ComposeError::Variable {
            service: self.service.to_owned(),
            key,
            source,
        })
    }

    fn option(&self, key: &'static str, text: Option<&str>) -> Result<Option<String>, ComposeError> {
        text.map(|text| self.replace(key, text)).transpose()
    }

    fn args(&self, raw: &RawArgs) -> Result<BTreeMap<String, String>, ComposeError> {
        let pairs: Vec<(String, Option<String>)> = match raw {
            RawArgs::Map(map) => {
                map.iter().map(|(name, value)| (name.clone(), value.as_ref().map(Scalar::text))).collect()
            }
            RawArgs::List(list) => list.iter().map(|item| split_arg(item)).collect(),
        };
        let mut args = BTreeMap::new();
        for (name, value) in pairs {
            let value = match value {
                Some(value) => Some(self.replace("build.args", &value)?),
                None => (self.lookup)(&name),
            };
            if let Some(value) = value {
                args.insert(name, value);
            }
        }
        Ok(args)
    }
}

fn split_arg(item: &str) -> (String, Option<String>) {
    match item.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (item.to_owned(), None),
    }
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(value) => value.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSE: &str = r#"
x-logging: &logging
  driver: json-file
  options: { max-size: 10m }
services:
  db:
    image: "${DB_IMAGE:-timescale/timescaledb-ha:pg17.10-ts2.29.2}"
    logging: *logging
  ingest:
    image: "phoenix/ingest:${INFRA_TAG:-dev}"
    logging:
      <<: *logging
    build:
      context: .
      dockerfile: "${PHOENIX_DOCKERFILE:-Dockerfile}"
      args: { SERVICE: ingest, LEVEL: 3, FROM_ENV: }
  short:
    image: short
    build: ./short
  listed:
    build: { args: ["A=1", "FROM_ENV", "NOWHERE"], target: "run" }
"#;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "PHOENIX_DOCKERFILE" => Some("Dockerfile.prebuilt".to_owned()),
            "INFRA_TAG" => Some("r0123".to_owned()),
            "FROM_ENV" => Some("env".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn images_and_builds_are_interpolated() {
        let compose = ComposeFile::parse("compose.yaml", COMPOSE).unwrap();
        assert_eq!(compose.image("db", &lookup).unwrap(), "timescale/timescaledb-ha:pg17.10-ts2.29.2");
        assert_eq!(compose.image("ingest", &lookup).unwrap(), "phoenix/ingest:r0123");
        let build = compose.build("ingest", &lookup).unwrap();
        assert_eq!((build.context.as_str(), build.dockerfile.as_deref()), (".", Some("Dockerfile.prebuilt")));
        let args: Vec<_> = build.args.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(args, ["FROM_ENV=env", "LEVEL=3", "SERVICE=ingest"]);
        assert_eq!(compose.build("short", &lookup).unwrap().context, "./short");
        let listed = compose.build("listed", &lookup).unwrap();
        assert_eq!((listed.context.as_str(), listed.target.as_deref(), listed.args.len()), (".", Some("run"), 2));
    }

    #[test]
    fn what_is_missing_is_named() {
        let compose = ComposeFile::parse("compose.yaml", COMPOSE).unwrap();
        assert_eq!(
            compose.build("db", &lookup).unwrap_err().to_string(),
            "service db is to be pushed and has no `build` in compose.yaml"
        );
        assert!(matches!(compose.image("nothing", &lookup), Err(ComposeError::NoService { .. })));
        assert!(matches!(ComposeFile::parse("compose.yaml", "services: [1"), Err(ComposeError::Yaml { .. })));
    }
}
