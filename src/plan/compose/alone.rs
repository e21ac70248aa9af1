//! One service of a compose file by itself, with those that it cannot start without: for a host that runs nothing else of the
//! bundle. The file stays what it is; a second one, which Compose reads after it, lets the other services rest. Pure.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use super::file::ComposeFile;
use super::names::services_of;
use super::node::{Node, Value};

/// A profile that nobody chooses: its services are never started.
const RESTING: &str = "infra-resting";
/// A way out for a service whose own networks have none: a port of such a service is published in vain.
const OUTWARD: &str = "infra-outward";
/// Where PostgreSQL listens, in the container and on the host.
const PORT: u16 = 5432;

pub struct Alone<'a> {
    file: &'a ComposeFile,
    service: &'a str,
    /// It, and what it needs.
    kept: BTreeSet<String>,
}

impl ComposeFile {
    /// None: there is no such service.
    pub fn alone<'a>(&'a self, service: &'a str) -> Option<Alone<'a>> {
        self.services().get(service)?;
        let (mut kept, mut ahead) = (BTreeSet::new(), vec![service.to_owned()]);
        while let Some(name) = ahead.pop() {
            let Some(found) = self.services().get(&name).filter(|_| !kept.contains(&name)) else { continue };
            ahead.extend(services_of(&found.own).map(|(other, _)| other));
            kept.insert(name);
        }
        Some(Alone { file: self, service, kept })
    }
}

impl Alone<'_> {
    pub fn keeps(&self, service: &str) -> bool {
        self.kept.contains(service)
    }

    /// Those of the services that are started.
    pub fn profiles(&self) -> Vec<String> {
        let kept = self.kept.iter().filter_map(|name| self.file.services().get(name));
        let profiles: BTreeSet<_> = kept.flat_map(|service| service.profiles()).map(str::to_owned).collect();
        profiles.into_iter().collect()
    }

    /// Whose values these services need; what the others name is looked up by Compose all the same.
    pub fn variables(&self) -> BTreeSet<String> {
        let kept = self.kept.iter().filter_map(|name| self.file.services().get(name));
        kept.flat_map(|service| service.variables()).collect()
    }

    /// The second file: the service is reached from outside at `address`, and nowhere else.
    pub fn overlay(&self, address: IpAddr) -> String {
        let mut text = String::from(
            "# Made by infra migrate: of this bundle the database alone runs here, for clients on another host.\nservices:\n",
        );
        for name in self.file.services().keys().filter(|name| !self.keeps(name)) {
            line(&mut text, &format!("  {}: {{ profiles: [{RESTING}] }}", quoted(name)));
        }
        line(&mut text, &format!("  {}:", quoted(self.service)));
        let place = match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        let port = quoted(&format!("{place}:{PORT}:{PORT}"));
        line(&mut text, &format!("    ports: {}[{port}]", if self.publishes() { "!override " } else { "" }));
        let Some(networks) = self.closed_networks() else { return text };
        let all: Vec<_> = networks.iter().map(|name| quoted(name)).chain([OUTWARD.to_owned()]).collect();
        line(&mut text, &format!("    networks: [{}]", all.join(", ")));
        line(&mut text, &format!("networks:\n  {OUTWARD}: {{}}"));
        text
    }

    /// What the file publishes of it is for its own host; the tag asks for Compose 2.24.
    fn publishes(&self) -> bool {
        self.whole().and_then(|service| service.get("ports")).is_some_and(|ports| !ports.is_null())
    }

    /// Its networks, if one of them lets nobody out.
    fn closed_networks(&self) -> Option<Vec<String>> {
        let own = self.whole()?.get("networks")?;
        let listed = own.list().iter().filter_map(Node::as_text).map(str::to_owned);
        let names: Vec<_> = listed.chain(own.map().iter().map(|(key, _)| key.name.clone())).collect();
        let defined = self.file.root.get("networks");
        let is_closed = |name: &String| {
            let internal = defined.and_then(|all| all.get(name)).and_then(|network| network.get("internal"));
            internal.is_some_and(|value| value.value == Value::Bool(true))
        };
        names.iter().any(is_closed).then_some(names)
    }

    fn whole(&self) -> Option<&Node> {
        self.file.services().get(self.service).map(|service| &service.whole)
    }
}

/// Writing to a String cannot fail.
fn line(text: &mut String, line: &str) {
    let _ = writeln!(text, "{line}");
}

/// A text of JSON is one of YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> ComposeFile {
        ComposeFile::parse("compose.yaml", text).expect("it is one")
    }

    const BUNDLE: &str = "
services:
  db:
    image: postgres:17
    depends_on: [volume-owner]
    profiles: [data]
    environment: { POSTGRES_PASSWORD: '${PASSWORD:?}', PGDATA: }
    volumes: ['${INFRA_DISK_PGDATA:?}/db:/data']
  volume-owner: { image: busybox, command: 'chown ${OWNER}' }
  ingest: { image: 'x:${INFRA_TAG}', depends_on: [db], volumes: ['${INFRA_DISK_LOGS:?}:/logs'] }
";

    #[test]
    fn the_others_rest_and_what_it_needs_does_not() {
        let file = file(BUNDLE);
        let alone = file.alone("db").unwrap();
        assert!(alone.keeps("db") && alone.keeps("volume-owner") && !alone.keeps("ingest"));
        assert_eq!(alone.profiles(), ["data"]);
        let variables: Vec<_> = alone.variables().into_iter().collect();
        assert_eq!(variables, ["INFRA_DISK_PGDATA", "OWNER", "PASSWORD", "PGDATA"]);
        let overlay = alone.overlay("10.0.0.7".parse().unwrap());
        assert!(
            overlay.ends_with(
                "  \"ingest\": { profiles: [infra-resting] }\n  \"db\":\n    ports: [\"10.0.0.7:5432:5432\"]\n"
            ),
            "{overlay}"
        );
        assert!(file.alone("cache").is_none());
    }

    #[test]
    fn what_is_published_for_its_own_host_is_not_here() {
        let published = file("services: { db: { image: a, ports: ['127.0.0.1:5432:5432'] } }");
        let overlay = published.alone("db").unwrap().overlay("fd00::7".parse().unwrap());
        assert!(overlay.ends_with("    ports: !override [\"[fd00::7]:5432:5432\"]\n"), "{overlay}");
    }

    #[test]
    fn a_network_that_lets_nobody_out_gets_another_beside_it() {
        let closed = file("services: { db: { image: a, networks: [data] } }\nnetworks: { data: { internal: true } }");
        let overlay = closed.alone("db").unwrap().overlay("10.0.0.7".parse().unwrap());
        assert!(
            overlay.ends_with("    networks: [\"data\", infra-outward]\nnetworks:\n  infra-outward: {}\n"),
            "{overlay}"
        );
    }
}
