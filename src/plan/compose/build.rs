//! What an image is built from.

use std::collections::BTreeMap;

use super::file::{ComposeError, Variables};
use super::node::{Node, Value};

/// Keys of `build` that infra acts on when it builds an image itself.
pub(super) const KEYS: [&str; 4] = ["context", "dockerfile", "target", "args"];

/// Interpolated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Build {
    /// Relative to the bundle.
    pub context: String,
    /// Relative to the context.
    pub dockerfile: Option<String>,
    pub target: Option<String>,
    pub args: BTreeMap<String, String>,
    /// The service's own `platform`: `linux/arm64`. None: that of the host.
    pub platform: Option<String>,
}

impl Build {
    /// The short form names the context alone.
    pub(super) fn of(build: &Node, platform: Option<&Node>, variables: &Variables<'_>) -> Result<Self, ComposeError> {
        let platform = platform.and_then(Node::as_text).map(|text| variables.replace("platform", text)).transpose()?;
        let platform = platform.filter(|text| !text.is_empty());
        if let Some(context) = build.as_text() {
            return Ok(Self { context: variables.replace("build", context)?, platform, ..Self::default() });
        }
        let option = |key: &'static str, name: &str| {
            build.get(name).and_then(Node::scalar).map(|text| variables.replace(key, &text)).transpose()
        };
        Ok(Self {
            context: option("build.context", "context")?.unwrap_or_else(|| ".".to_owned()),
            dockerfile: option("build.dockerfile", "dockerfile")?,
            target: option("build.target", "target")?,
            args: args(build.get("args"), variables)?,
            platform,
        })
    }
}

/// A map, or a list of `NAME=value`; a null value or a bare name is taken from the environment.
fn args(node: Option<&Node>, variables: &Variables<'_>) -> Result<BTreeMap<String, String>, ComposeError> {
    let Some(node) = node else { return Ok(BTreeMap::new()) };
    let pairs: Vec<(String, Option<String>)> = match &node.value {
        Value::Map(map) => map.iter().map(|(key, value)| (key.name.clone(), value.scalar())).collect(),
        _ => node.list().iter().filter_map(Node::scalar).map(|item| split_arg(&item)).collect(),
    };
    let mut args = BTreeMap::new();
    for (name, value) in pairs {
        let value = match value {
            Some(value) => Some(variables.replace("build.args", &value)?),
            None => (variables.lookup)(&name),
        };
        if let Some(value) = value {
            args.insert(name, value);
        }
    }
    Ok(args)
}

fn split_arg(item: &str) -> (String, Option<String>) {
    match item.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (item.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::compose::{ComposeError, ComposeFile};

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
    platform: linux/arm64
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
  child:
    extends: { service: ingest }
    build: { target: small }
    environment: [BARE, "SET=${INNER:-x}"]
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
        assert_eq!(build.platform.as_deref(), Some("linux/arm64"));
        let args: Vec<_> = build.args.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(args, ["FROM_ENV=env", "LEVEL=3", "SERVICE=ingest"]);
        assert_eq!(compose.build("short", &lookup).unwrap().context, "./short");
        let listed = compose.build("listed", &lookup).unwrap();
        assert_eq!((listed.context.as_str(), listed.target.as_deref(), listed.args.len()), (".", Some("run"), 2));
    }

    #[test]
    fn a_service_has_what_it_extends() {
        let compose = ComposeFile::parse("compose.yaml", COMPOSE).unwrap();
        assert_eq!(compose.image("child", &lookup).unwrap(), "phoenix/ingest:r0123");
        let build = compose.build("child", &lookup).unwrap();
        assert_eq!((build.target.as_deref(), build.args.len()), (Some("small"), 3));
    }

    #[test]
    fn bare_names_are_variables_too() {
        let names = ComposeFile::parse("compose.yaml", COMPOSE).unwrap().variables();
        for name in ["BARE", "INNER", "FROM_ENV", "NOWHERE", "DB_IMAGE", "PHOENIX_DOCKERFILE"] {
            assert!(names.contains(name), "{name} in {names:?}");
        }
        assert!(!names.contains("SET") && !names.contains("A"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let compose = ComposeFile::parse("compose.yaml", COMPOSE).unwrap();
        assert_eq!(
            compose.build("db", &lookup).unwrap_err().to_string(),
            "service db is to be pushed and has no `build` in the compose file"
        );
        assert!(matches!(compose.image("nothing", &lookup), Err(ComposeError::NoService { .. })));
    }
}
