//! The bundle's containers, by Docker's API on its Unix socket. Four kinds of GET and nothing else: a client library for all
//! of Docker would be larger than the rest of the collector.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use super::config::DockerConfig;
use super::container_list::{Inspected, Listed, Looked, oom_kills, values};
use super::http::{self, HttpError, Place};
use super::sample::{Reading, Series, Why};

pub struct Containers {
    place: Place,
    project: String,
    /// How often each was restarted, by its id.
    restarts: BTreeMap<String, u64>,
    /// Until when events were asked for, by the clock that Docker goes by.
    events_until: Option<Timestamp>,
}

/// Where each service's container is found, in the bundle's own network.
pub type Addresses = BTreeMap<String, IpAddr>;

impl Containers {
    pub fn new(config: &DockerConfig) -> Self {
        Self {
            place: Place::Unix(config.socket.clone()),
            project: config.project.clone(),
            restarts: BTreeMap::new(),
            events_until: None,
        }
    }

    pub async fn read(&mut self, now: Timestamp) -> (Reading, Addresses) {
        let listed = match self.list().await {
            Ok(listed) => listed,
            Err(why) => {
                let mut reading = Reading::default();
                reading.note(Series::of_host("container.healthy"), Err(why));
                return (reading, Addresses::new());
            }
        };
        let kills = self.kills(now).await;
        let addresses = listed.iter().filter_map(|container| Some((container.name()?, container.address()?))).collect();
        let mut looked = vec![];
        for container in listed {
            looked.push(self.look(container, &kills).await);
        }
        let reading = values(&looked, &self.restarts);
        let counted = |looked: &Looked| Some((looked.listed.id.clone(), looked.inspected.as_ref().ok()?.restart_count));
        self.restarts = looked.iter().filter_map(counted).collect();
        (reading, addresses)
    }

    async fn list(&self) -> Result<Vec<Listed>, Why> {
        let filters = serde_json::json!({ "label": [format!("com.docker.compose.project={}", self.project)] });
        self.get(&format!("/containers/json?all=true&filters={}", encoded(&filters.to_string()))).await
    }

    async fn look(&self, listed: Listed, kills: &Result<BTreeMap<String, u64>, Why>) -> Looked {
        let id = &listed.id;
        // Without one-shot Docker waits a second for a rate of the CPU.
        let stats = match listed.runs() {
            true => self.get(&format!("/containers/{id}/stats?stream=false&one-shot=true")).await,
            false => Err(Why::Idle),
        };
        Looked {
            inspected: self.get::<Inspected>(&format!("/containers/{id}/json")).await,
            stats,
            oom_kills: kills.as_ref().map(|kills| kills.get(id).copied().unwrap_or(0)).map_err(Clone::clone),
            listed,
        }
    }

    /// Since they were last asked for. Where the clock went back there is no such time, and nothing is counted twice.
    async fn kills(&mut self, now: Timestamp) -> Result<BTreeMap<String, u64>, Why> {
        let asked = match self.events_until {
            None => Err(Why::First),
            Some(since) if since >= now => Err(Why::NoTime),
            Some(since) => self.events(since, now).await,
        };
        // What could not be asked for is asked for again with the next.
        if matches!(asked, Ok(_) | Err(Why::First | Why::NoTime)) {
            self.events_until = Some(now);
        }
        asked
    }

    async fn events(&self, since: Timestamp, until: Timestamp) -> Result<BTreeMap<String, u64>, Why> {
        let seconds = |at: Timestamp| format!("{}.{:09}", at.as_second(), at.subsec_nanosecond());
        let filters = encoded(r#"{"type":["container"],"event":["oom"]}"#);
        let path = format!("/events?since={}&until={}&filters={filters}", seconds(since), seconds(until));
        let answer = http::get(&self.place, &path).await.map_err(why)?;
        Ok(oom_kills(&String::from_utf8_lossy(&answer)))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Why> {
        let answer = http::get(&self.place, path).await.map_err(why)?;
        serde_json::from_slice(&answer)
            .map_err(|error| Why::Failed(format!("Docker's answer is not understood: {error}")))
    }
}

pub fn why(error: HttpError) -> Why {
    match error {
        HttpError::Silent => Why::Silent,
        error => Why::Failed(error.to_string()),
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixListener;

    use super::*;

    fn answer(path: &str) -> &'static str {
        match path {
            path if path.starts_with("/containers/json?all=true&filters=%7B%22label%22") => {
                r#"[{"Id":"abc","State":"running","Status":"Up","Labels":{"com.docker.compose.service":"db"},
                    "NetworkSettings":{"Networks":{"n":{"IPAddress":"172.18.0.2"}}}}]"#
            }
            "/containers/abc/json" => r#"{"RestartCount":0,"Config":{"Env":["POSTGRES_PASSWORD=planted"]}}"#,
            "/containers/abc/stats?stream=false&one-shot=true" => r#"{"memory_stats":{"usage":5,"limit":10}}"#,
            path if path.starts_with("/events?since=") => "{\"Action\":\"oom\",\"Actor\":{\"ID\":\"abc\"}}\n",
            path => panic!("{path} is not asked for"),
        }
    }

    async fn serve(listener: UnixListener) {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let body = answer(request.split(' ').nth(1).unwrap());
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_docker_says_comes_as_values_and_its_secrets_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        tokio::spawn(serve(UnixListener::bind(&socket).unwrap()));
        let mut containers = Containers::new(&DockerConfig { socket, project: "phase1".into() });
        let at = |second| Timestamp::from_second(second).unwrap();
        let (first, addresses) = containers.read(at(1_700_000_000)).await;
        assert_eq!(addresses["db"].to_string(), "172.18.0.2");
        assert_eq!(first.value("container.memory_percent:db"), Some(50.0));
        assert_eq!(first.why("container.oom_kills:db"), Some(Why::First));
        let (second, _) = containers.read(at(1_700_000_010)).await;
        assert_eq!(second.value("container.oom_kills:db"), Some(1.0));
        assert_eq!(second.value("container.restarts:db"), Some(0.0));
        let (back, _) = containers.read(at(1_600_000_000)).await;
        assert_eq!(back.why("container.oom_kills:db"), Some(Why::NoTime));
        assert!(!format!("{first:?}{second:?}").contains("planted"));
    }

    #[tokio::test]
    async fn without_docker_it_is_said_once() {
        let config = DockerConfig { socket: "/nowhere".into(), project: "phase1".into() };
        let (reading, _) = Containers::new(&config).read(Timestamp::UNIX_EPOCH).await;
        assert_eq!((reading.samples.len(), reading.missing.len()), (0, 1));
    }
}
