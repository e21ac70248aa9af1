//! What a service says of itself: rows a second, requests, errors, how long it takes.

use std::time::{Duration, Instant};

use super::config::EndpointConfig;
use super::containers::{Addresses, why};
use super::counter::{percent, seconds};
use super::exposition::{Histogram, Selector};
use super::http::{self, Place};
use super::sample::{Reading, Series, Why};

const QUANTILE: f64 = 0.95;

pub struct Endpoint {
    config: EndpointConfig,
    before: Option<(Instant, Counted)>,
}

/// What one answer says. None: it says nothing of it.
#[derive(Debug, Clone, Default)]
struct Counted {
    rows: Option<f64>,
    requests: Option<f64>,
    errors: Option<f64>,
    latency: Option<Histogram>,
}

impl Endpoint {
    pub fn new(config: &EndpointConfig) -> Self {
        Self { config: config.clone(), before: None }
    }

    pub async fn read(&mut self, addresses: &Addresses) -> Reading {
        let asked = Instant::now();
        let now = self.ask(addresses).await;
        let before = self.before.as_ref().map(|(then, counted)| (asked.duration_since(*then), counted));
        let reading = between(&self.config, before, now.as_ref().map_err(Clone::clone));
        if let Ok(now) = now {
            self.before = Some((asked, now));
        }
        reading
    }

    async fn ask(&self, addresses: &Addresses) -> Result<Counted, Why> {
        let url = &self.config.url;
        let host = match &self.config.service {
            Some(service) => addresses.get(service).ok_or(Why::Gone)?.to_string(),
            None => url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned(),
        };
        let place = Place::Tcp { host, port: url.port_or_known_default().unwrap_or(80) };
        let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let answer = http::get(&place, &path).await.map_err(why)?;
        Ok(counted(&self.config, &String::from_utf8_lossy(&answer)))
    }
}

fn counted(config: &EndpointConfig, text: &str) -> Counted {
    let all = |selectors: &[Selector]| {
        let sums: Vec<f64> = selectors.iter().filter_map(|selector| selector.sum(text)).collect();
        (!sums.is_empty()).then(|| sums.iter().sum())
    };
    let requests = all(&config.requests);
    Counted {
        rows: config.rows.as_ref().and_then(|selector| selector.sum(text)),
        requests,
        // A service may tell of a result only once it has occurred.
        errors: all(&config.errors).or(requests.map(|_| 0.0)),
        latency: config.latency.as_ref().and_then(|selector| selector.histogram(text)),
    }
}

/// Only what the configuration asks for.
fn between(config: &EndpointConfig, before: Option<(Duration, &Counted)>, now: Result<&Counted, Why>) -> Reading {
    let increase = |field: fn(&Counted) -> Option<f64>| {
        let now = field(now.clone()?).ok_or(Why::NotCounted)?;
        let before = before.and_then(|(_, counted)| field(counted)).ok_or(Why::First)?;
        if now < before { Err(Why::CounterReset) } else { Ok(now - before) }
    };
    let elapsed = || before.ok_or(Why::First).and_then(|(elapsed, _)| seconds(elapsed));
    let rate = |increase: Result<f64, Why>| Ok(increase? / elapsed()?);
    let p95 = || {
        let now = now.clone()?.latency.as_ref().ok_or(Why::NotCounted)?;
        let before = before.and_then(|(_, counted)| counted.latency.as_ref()).ok_or(Why::First)?;
        Ok(now.quantile_since(before, QUANTILE)? * 1000.0)
    };
    let mut reading = Reading::default();
    let mut note = |metric, value| reading.note(Series::new(metric, &config.name), value);
    if config.rows.is_some() {
        note("service.rows_per_s", rate(increase(|counted| counted.rows)));
    }
    if !config.requests.is_empty() {
        note("service.requests_per_s", rate(increase(|counted| counted.requests)));
    }
    if !config.requests.is_empty() && !config.errors.is_empty() {
        let errors = increase(|counted| counted.errors);
        note("service.error_percent", increase(|counted| counted.requests).and_then(|all| percent(errors?, all)));
    }
    if config.latency.is_some() {
        note("service.p95_ms", p95());
    }
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> EndpointConfig {
        EndpointConfig {
            name: "ingest".into(),
            url: "http://127.0.0.1:1/metrics".parse().unwrap(),
            service: None,
            rows: Some("rows_total".parse().unwrap()),
            requests: vec!["batches_total".parse().unwrap()],
            errors: vec![r#"batches_total{result="failed"}"#.parse().unwrap()],
            latency: Some("batch_seconds".parse().unwrap()),
        }
    }

    fn told(rows: u64, good: u64, failed: Option<u64>) -> Counted {
        let failed = failed.map_or(String::new(), |count| format!("batches_total{{result=\"failed\"}} {count}\n"));
        let text = format!(
            "rows_total {rows}\nbatches_total{{result=\"accepted\"}} {good}\n{failed}\
             batch_seconds_bucket{{le=\"0.5\"}} {good}\nbatch_seconds_bucket{{le=\"+Inf\"}} {good}\n"
        );
        counted(&config(), &text)
    }

    #[test]
    fn rates_and_shares_are_those_of_the_time_between() {
        let (before, now) = (told(100, 10, None), told(400, 40, Some(10)));
        let reading = between(&config(), Some((Duration::from_secs(10), &before)), Ok(&now));
        assert_eq!(reading.value("service.rows_per_s:ingest"), Some(30.0));
        assert_eq!(reading.value("service.requests_per_s:ingest"), Some(4.0));
        assert_eq!(reading.value("service.error_percent:ingest"), Some(25.0), "a result may be told of late");
        assert_eq!(reading.value("service.p95_ms:ingest"), Some(475.0));
    }

    #[test]
    fn a_service_that_began_anew_idles_or_is_silent_has_no_values() {
        let (before, now) = (told(100, 10, Some(5)), told(3, 1, Some(0)));
        let elapsed = Duration::from_secs(10);
        let reading = between(&config(), Some((elapsed, &before)), Ok(&now));
        assert_eq!((reading.samples.len(), reading.missing.len()), (0, 4), "{reading:?}");
        let idle = between(&config(), Some((elapsed, &before)), Ok(&before));
        assert_eq!(idle.value("service.rows_per_s:ingest"), Some(0.0));
        assert_eq!(idle.why("service.error_percent:ingest"), Some(Why::Idle));
        let silent = between(&config(), Some((elapsed, &before)), Err(Why::Silent));
        assert!(silent.missing.len() == 4 && silent.missing.iter().all(|missing| missing.why == Why::Silent));
        assert_eq!(between(&config(), None, Ok(&now)).why("service.rows_per_s:ingest"), Some(Why::First));
    }
}
