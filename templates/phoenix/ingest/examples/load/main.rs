//! Loads a running ingest service and reports rates, latencies and the service's memory as one line of JSON.
//!
//! A closed loop: each connection sends its next batch when the last one is answered. 429 and 503 are counted and
//! repeated after their Retry-After, as a client should; any other refusal ends the run.

mod batches;
mod client;
mod report;

use client::{Client, Target};
use report::Tally;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// What is asked for on the command line.
struct Options {
    connections: usize,
    seconds: f64,
    /// Batches a second over all connections; 0 for as fast as it goes.
    rate: f64,
    pid: Option<u32>,
}

const USAGE: &str = "usage: load url=http[s]://ADDRESS:PORT token=TOKEN [ca=FILE] [connections=16] [records=500] \
                     [seconds=20] [rate=BATCHES_A_SECOND] [pid=PID]";

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let arguments: HashMap<_, _> = std::env::args()
        .skip(1)
        .filter_map(|text| Some((text.split_once('=')?.0.to_owned(), text.split_once('=')?.1.to_owned())))
        .collect();
    let text = |name: &str, default: &str| arguments.get(name).cloned().unwrap_or_else(|| default.to_owned());
    let (Some(url), Some(token)) = (arguments.get("url"), arguments.get("token")) else { return Err(USAGE.into()) };
    let options = Options {
        connections: text("connections", "16").parse()?,
        seconds: text("seconds", "20").parse()?,
        rate: text("rate", "0").parse()?,
        pid: arguments.get("pid").map(|pid| pid.parse()).transpose()?,
    };
    let target = Arc::new(Target::new(url, token, arguments.get("ca").map(AsRef::as_ref))?);
    let templates = Arc::new(batches::templates(text("records", "500").parse()?));
    println!("{}", run(&options, target, templates).await?);
    Ok(())
}

async fn run(
    options: &Options,
    target: Arc<Target>,
    templates: Arc<Vec<batches::Template>>,
) -> Result<String, AnyError> {
    let started = Instant::now();
    let end = started + Duration::from_secs_f64(options.seconds);
    let memory = tokio::spawn(report::peak_memory(options.pid, end));
    let mut senders = JoinSet::new();
    for index in 0..options.connections {
        let (target, templates) = (target.clone(), templates.clone());
        let pace = (options.rate > 0.0).then(|| Duration::from_secs_f64(options.connections as f64 / options.rate));
        senders.spawn(async move { send_until(end, index, pace, &target, &templates).await });
    }
    let mut tally = Tally::default();
    while let Some(part) = senders.join_next().await {
        tally.add(part??);
    }
    Ok(tally.render(started.elapsed(), memory.await?))
}

async fn send_until(
    end: Instant,
    index: usize,
    pace: Option<Duration>,
    target: &Target,
    templates: &[batches::Template],
) -> Result<Tally, AnyError> {
    let mut client = Client::connect(target).await?;
    let mut tally = Tally::default();
    let mut due = Instant::now() + pace.unwrap_or_default().mul_f64(index as f64 / 16.0);
    for number in index.. {
        if let Some(pace) = pace {
            tokio::time::sleep_until(due.into()).await;
            due += pace;
        }
        if Instant::now() >= end {
            break;
        }
        let template = &templates[number % templates.len()];
        let body = template.stamped();
        loop {
            let started = Instant::now();
            let answer = match client.post(target, body.clone()).await {
                Ok(answer) => answer,
                // Refused so early that the connection was closed under the body.
                Err(_) => {
                    client = Client::connect(target).await?;
                    (503, Duration::from_secs(1))
                }
            };
            match answer {
                (200, _) => {
                    tally.accepted(template.records, template.bytes(), started.elapsed());
                    break;
                }
                (429 | 503, retry_after) => {
                    tally.refused += 1;
                    tokio::time::sleep(retry_after).await;
                }
                (status, _) => return Err(format!("the service answered {status}").into()),
            }
        }
    }
    Ok(tally)
}
