//! The collector: a reading each ten seconds into the ring, until it is told to stop. The ring is written by a thread of its
//! own: a disk that is slow or full must not keep the next reading from being taken.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::watch::collect::{CollectConfig, ConfigError, Reader, Reading};
use crate::watch::ring::{Appended, INTERVAL, Opened, Ring, RingError};

/// Readings that wait for a disk: five minutes. What comes then is dropped, and said.
const WAITING: usize = 30;
const SLOW: &str = "the ring's disk did not answer for minutes";
/// Between the two readings of which one is shown.
const ONCE: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Ring(#[from] RingError),
    #[error("cannot listen to signals")]
    Signal(#[source] std::io::Error),
    #[error("cannot start the thread that writes the ring")]
    Thread(#[source] std::io::Error),
}

/// One reading, to be looked at.
#[derive(Debug, Serialize)]
pub struct Once {
    pub at: Timestamp,
    #[serde(flatten)]
    pub reading: Reading,
}

/// Takes two readings a second apart, since most values are differences. Leaves the ring alone.
pub async fn collect_once(config: &Path) -> Result<Once, CollectError> {
    let mut reader = Reader::new(&CollectConfig::read(config)?);
    reader.read(Timestamp::now()).await;
    sleep(ONCE).await;
    let at = Timestamp::now();
    Ok(Once { at, reading: reader.read(at).await })
}

/// Runs until SIGTERM or SIGINT. Fails at once if the ring is a newer infra's or another program's; a ring that cannot be
/// written for now is tried again with each reading.
pub async fn collect(config: &Path) -> Result<(), CollectError> {
    let config = CollectConfig::read(config)?;
    let mut stop = signal(SignalKind::terminate()).map_err(CollectError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CollectError::Signal)?;
    let mut keeper = Keeper::start(&config.ring)?;
    let mut reader = Reader::new(&config);
    let mut ticks = interval(INTERVAL);
    // A reading that was missed is a gap: two at once would say nothing more.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let reading = async {
            ticks.tick().await;
            let at = Timestamp::now();
            (at, reader.read(at).await)
        };
        tokio::select! {
            biased;
            _ = stop.recv() => break,
            _ = interrupt.recv() => break,
            (at, reading) = reading => keeper.keep(at, &reading),
        }
    }
    keeper.end();
    Ok(())
}

/// A reading on its way to the ring.
struct Kept {
    at: Timestamp,
    values: Vec<(String, f64)>,
    /// Readings before it for which there was no room here.
    dropped: Vec<Timestamp>,
}

/// The thread that writes, and the way to it.
struct Keeper {
    sender: SyncSender<Kept>,
    thread: JoinHandle<()>,
    dropped: Vec<Timestamp>,
}

impl Keeper {
    fn start(path: &Path) -> Result<Self, CollectError> {
        let ring = match Ring::open(path) {
            Ok(opened) => Some(told(opened)),
            Err(error @ (RingError::Newer { .. } | RingError::Foreign { .. })) => return Err(error.into()),
            Err(error) => {
                tracing::warn!("{}", crate::error::chain(&error));
                None
            }
        };
        let (sender, receiver) = sync_channel(WAITING);
        let path = path.to_owned();
        let thread = std::thread::Builder::new().name("ring".into()).spawn(move || write(&path, ring, &receiver));
        Ok(Self { sender, thread: thread.map_err(CollectError::Thread)?, dropped: vec![] })
    }

    fn keep(&mut self, at: Timestamp, reading: &Reading) {
        for missing in &reading.missing {
            tracing::debug!("{}: {}", missing.series, missing.why);
        }
        let values = reading.samples.iter().map(|sample| (sample.series.to_string(), sample.value)).collect();
        let dropped = std::mem::take(&mut self.dropped);
        if let Err(TrySendError::Full(kept) | TrySendError::Disconnected(kept)) =
            self.sender.try_send(Kept { at, values, dropped })
        {
            tracing::warn!("the reading of {at} is dropped: {SLOW}");
            self.dropped = kept.dropped;
            self.dropped.push(at);
        }
    }

    /// What waits is written first.
    fn end(self) {
        drop(self.sender);
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes the ring has failed");
        }
    }
}

fn told((ring, opened): (Ring, Opened)) -> Ring {
    if let Opened::Salvaged(saved) = opened {
        tracing::warn!("the ring was torn: {} rows of it are saved", saved.rows);
    }
    ring
}

/// Says that something is wrong when it begins, and when it is over, not each ten seconds.
fn write(path: &Path, mut ring: Option<Ring>, readings: &Receiver<Kept>) {
    let mut said: Option<String> = None;
    let mut unwritten: Vec<(Timestamp, String)> = vec![];
    for Kept { at, values, dropped } in readings {
        unwritten.extend(dropped.into_iter().map(|at| (at, SLOW.to_owned())));
        let appended = match opened(path, &mut ring) {
            Ok(ring) => {
                unwritten.drain(..).for_each(|(at, why)| ring.note_dropped(at, &why));
                ring.append(at, &values)
            }
            Err(error) => {
                let why = crate::error::chain(&error);
                unwritten.push((at, why.clone()));
                Appended::Dropped(why)
            }
        };
        say(at, appended, &mut said);
    }
}

fn say(at: Timestamp, appended: Appended, said: &mut Option<String>) {
    match appended {
        Appended::Kept if said.take().is_some() => tracing::warn!("the ring is written again"),
        Appended::Kept => {}
        Appended::KeptInNewRun { back } => tracing::warn!("the clock went back by {back} s: a new run begins"),
        Appended::Dropped(why) if said.as_ref() == Some(&why) => {}
        Appended::Dropped(why) => {
            tracing::warn!("the reading of {at} is dropped: {why}");
            *said = Some(why);
        }
    }
}

fn opened<'a>(path: &Path, ring: &'a mut Option<Ring>) -> Result<&'a mut Ring, RingError> {
    let there = match ring.take() {
        Some(there) => there,
        None => told(Ring::open(path)?),
    };
    Ok(ring.insert(there))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::ring::RingReader;

    fn config(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("collect.toml");
        std::fs::write(&path, format!("ring = {:?}\n", folder.join("ring.db"))).unwrap();
        path
    }

    #[tokio::test]
    async fn one_reading_tells_of_this_machine_and_makes_no_ring() {
        let folder = tempfile::tempdir().unwrap();
        let once = collect_once(&config(folder.path())).await.unwrap();
        let json = serde_json::to_value(&once).unwrap();
        let samples = json["samples"].as_array().unwrap();
        let memory = samples.iter().find(|sample| sample["series"] == "memory.percent").unwrap();
        assert!(memory["value"].as_f64().is_some_and(|percent| percent > 0.0 && percent <= 100.0));
        assert!(!folder.path().join("ring.db").exists());
    }

    #[test]
    fn what_waits_is_written_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ring.db");
        let mut keeper = Keeper::start(&path).unwrap();
        let mut reading = Reading::default();
        reading.host("memory.percent", Ok(5.0));
        for second in 0..20 {
            keeper.keep(Timestamp::from_second(1_790_000_000 + second * 10).unwrap(), &reading);
        }
        keeper.end();
        let all = Timestamp::UNIX_EPOCH..Timestamp::MAX;
        let readout = RingReader::open(&path).unwrap().read("memory.percent", all.start, all.end).unwrap();
        assert_eq!(readout.stretches[0].points.len(), 20);
    }

    #[test]
    fn a_ring_that_cannot_be_made_yet_is_tried_again_and_what_was_lost_is_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("later/ring.db");
        let (sender, receiver) = sync_channel(WAITING);
        let at = |second: i64| Timestamp::from_second(1_790_000_000 + second).unwrap();
        let kept = |second, dropped| Kept { at: at(second), values: vec![("x".to_owned(), 1.0)], dropped };
        let thread = std::thread::spawn({
            let path = path.clone();
            move || write(&path, None, &receiver)
        });
        sender.send(kept(0, vec![])).unwrap();
        // Taken over, and found without a folder to be written in, before there is one.
        std::thread::sleep(Duration::from_millis(300));
        std::fs::create_dir(folder.path().join("later")).unwrap();
        sender.send(kept(20, vec![at(10)])).unwrap();
        drop(sender);
        thread.join().unwrap();
        let losses = RingReader::open(&path).unwrap().losses().unwrap();
        assert_eq!((losses.len(), losses[0].readings, losses[0].first, losses[0].last), (1, 2, at(0), at(10)));
    }
}
