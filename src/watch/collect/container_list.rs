//! What Docker's API says of containers, made into values. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

use super::counter::{increase, percent};
use super::sample::{Reading, Series, Why};

const SERVICE: &str = "com.docker.compose.service";
const NUMBER: &str = "com.docker.compose.container-number";
/// `docker compose run` leaves such, which are nobody's service.
const ONE_OFF: &str = "com.docker.compose.oneoff";

/// An item of `GET /containers/json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    pub id: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    state: String,
    /// `Up 3 minutes (unhealthy)`: the list says it nowhere else in every version.
    #[serde(default)]
    status: String,
    #[serde(default)]
    network_settings: Networks,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Networks {
    #[serde(default)]
    networks: BTreeMap<String, Network>,
}

#[derive(Debug, Clone, Deserialize)]
struct Network {
    #[serde(rename = "IPAddress", default)]
    address: String,
}

impl Listed {
    /// The service, with its number where there are several.
    pub fn name(&self) -> Option<String> {
        let label = |name| self.labels.get(name).map(String::as_str);
        let service = label(SERVICE).filter(|_| label(ONE_OFF) != Some("True"))?;
        match label(NUMBER) {
            None | Some("1") => Some(service.to_owned()),
            Some(number) => Some(format!("{service}-{number}")),
        }
    }

    pub fn runs(&self) -> bool {
        self.state == "running"
    }

    /// It runs, and its health check, where it has one, does not say otherwise. One that has just started is not yet unhealthy.
    fn is_healthy(&self) -> bool {
        self.runs() && !self.status.contains("(unhealthy)")
    }

    pub fn address(&self) -> Option<IpAddr> {
        self.network_settings.networks.values().find_map(|network| network.address.parse().ok())
    }
}

/// Of `GET /containers/ID/json`, whose rest holds passwords and is not kept.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Inspected {
    #[serde(default)]
    pub restart_count: u64,
}

/// Of `GET /containers/ID/stats`.
#[derive(Debug, Clone, Deserialize)]
pub struct Stats {
    #[serde(default)]
    memory_stats: MemoryStats,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct MemoryStats {
    usage: Option<u64>,
    limit: Option<u64>,
    #[serde(default)]
    stats: BTreeMap<String, u64>,
}

impl Stats {
    /// As `docker stats` does it: without file pages that were not used lately, under their name in either version of cgroups.
    fn used(&self) -> Result<u64, Why> {
        let memory = &self.memory_stats;
        let usage = memory.usage.ok_or(Why::NotCounted)?;
        let droppable = ["total_inactive_file", "inactive_file"].iter().find_map(|name| memory.stats.get(*name));
        Ok(droppable.filter(|bytes| **bytes < usage).map_or(usage, |bytes| usage - bytes))
    }

    /// Without a limit of its own a container's is the machine's memory.
    fn percent(&self) -> Result<f64, Why> {
        let limit = self.memory_stats.limit.ok_or(Why::NotCounted)?;
        percent(self.used()? as f64, limit as f64).map_err(|_| Why::NotCounted)
    }
}

/// A line of `GET /events`.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "Action")]
    action: String,
    #[serde(rename = "Actor")]
    actor: Actor,
}

#[derive(Debug, Deserialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
}

/// How often the kernel killed a process for want of memory, by container. A line that is not understood is passed over.
pub fn oom_kills(events: &str) -> BTreeMap<String, u64> {
    let mut kills = BTreeMap::new();
    for event in events.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok()) {
        if event.action == "oom" {
            *kills.entry(event.actor.id).or_default() += 1;
        }
    }
    kills
}

/// All that is known of one container.
pub struct Looked {
    pub listed: Listed,
    pub inspected: Result<Inspected, Why>,
    pub stats: Result<Stats, Why>,
    /// Since the last reading.
    pub oom_kills: Result<u64, Why>,
}

/// `restarts`: what each container's count was, by its id.
pub fn values(looked: &[Looked], restarts: &BTreeMap<String, u64>) -> Reading {
    let mut reading = Reading::default();
    for container in looked {
        let Some(name) = container.listed.name() else { continue };
        let mut note = |metric, value| reading.note(Series::new(metric, &name), value);
        note("container.healthy", Ok(f64::from(u8::from(container.listed.is_healthy()))));
        let before = restarts.get(&container.listed.id).copied().ok_or(Why::First);
        let restarted = before.and_then(|before| increase(before, container.inspected.clone()?.restart_count));
        note("container.restarts", restarted.map(|count| count as f64));
        note("container.oom_kills", container.oom_kills.clone().map(|count| count as f64));
        let stats = container.stats.as_ref().map_err(Clone::clone);
        note("container.memory_bytes", stats.clone().and_then(Stats::used).map(|bytes| bytes as f64));
        note("container.memory_percent", stats.and_then(Stats::percent));
    }
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(state: &str, status: &str) -> Listed {
        let text = format!(
            r#"{{"Id":"abc","Names":["/phase1-db-1"],"State":"{state}","Status":"{status}",
                "Labels":{{"com.docker.compose.service":"db","com.docker.compose.container-number":"1"}},
                "NetworkSettings":{{"Networks":{{"phase1_default":{{"IPAddress":"172.18.0.2","Gateway":"172.18.0.1"}}}}}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn looked(listed: Listed, restarts: u64) -> Looked {
        let stats = r#"{"memory_stats":{"usage":300,"limit":1000,"stats":{"inactive_file":100,"anon":200}}}"#;
        Looked {
            listed,
            inspected: Ok(Inspected { restart_count: restarts }),
            stats: Ok(serde_json::from_str(stats).unwrap()),
            oom_kills: Ok(2),
        }
    }

    #[test]
    fn a_container_is_read() {
        let container = listed("running", "Up 3 minutes (healthy)");
        assert_eq!(container.address().unwrap().to_string(), "172.18.0.2");
        let reading = values(&[looked(container, 5)], &BTreeMap::from([("abc".to_owned(), 3)]));
        assert_eq!(reading.value("container.healthy:db"), Some(1.0));
        assert_eq!(reading.value("container.restarts:db"), Some(2.0));
        assert_eq!(reading.value("container.oom_kills:db"), Some(2.0));
        assert_eq!(reading.value("container.memory_bytes:db"), Some(200.0));
        assert_eq!(reading.value("container.memory_percent:db"), Some(20.0));
    }

    #[test]
    fn health_is_what_the_check_says_or_that_it_runs() {
        for (state, status, healthy) in [
            ("running", "Up 2 hours", true),
            ("running", "Up 1 second (health: starting)", true),
            ("running", "Up 2 hours (unhealthy)", false),
            ("restarting", "Restarting (1) 5 seconds ago", false),
            ("exited", "Exited (137) 2 minutes ago", false),
        ] {
            assert_eq!(listed(state, status).is_healthy(), healthy, "{status}");
        }
    }

    #[test]
    fn a_container_in_another_ones_place_has_no_restarts_yet() {
        let reading = values(&[looked(listed("running", "Up"), 0)], &BTreeMap::from([("old".to_owned(), 3)]));
        assert_eq!(reading.why("container.restarts:db"), Some(Why::First));
    }

    #[test]
    fn both_versions_of_cgroups_are_known_and_none_is_no_value() {
        let stats = |text: &str| serde_json::from_str::<Stats>(text).unwrap();
        let old = r#"{"memory_stats":{"usage":300,"limit":1000,"stats":{"total_inactive_file":50,"inactive_file":7}}}"#;
        assert_eq!(stats(old).used(), Ok(250));
        assert_eq!(stats(r#"{"memory_stats":{}}"#).used(), Err(Why::NotCounted), "it does not run");
    }

    #[test]
    fn kills_are_counted_by_container() {
        let text = "{\"Action\":\"oom\",\"Actor\":{\"ID\":\"a\"}}\n{\"Action\":\"die\",\"Actor\":{\"ID\":\"a\"}}\n\
            {\"Action\":\"oom\",\"Actor\":{\"ID\":\"a\"}}\n{\"Action\":\"oo";
        assert_eq!(oom_kills(text), BTreeMap::from([("a".to_owned(), 2)]));
    }

    #[test]
    fn replicas_have_numbers_and_one_off_runs_no_name() {
        let mut container = listed("running", "Up");
        container.labels.insert(NUMBER.to_owned(), "2".to_owned());
        assert_eq!(container.name().as_deref(), Some("db-2"));
        container.labels.insert(ONE_OFF.to_owned(), "True".to_owned());
        assert_eq!(container.name(), None);
    }
}
