//! How long a migration takes and how long its users wait, from a short measurement. Pure. What is not measured is assumed
//! as a share of what is, and everything that is told of it says that it is an estimate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::assessment::Assessment;
use super::job::Destination;
use super::saga::{Mode, Stage};

/// Where nothing could be measured: what the smallest disks of a cloud read.
const UNMEASURED: u64 = 50_000_000;
/// Shares of the speed at which one session reads the old database's rows. Taken from telemetry rows with jsonb, which were
/// read at some 125 MB/s and cloned (docs/BENCHMARKS.md) on one machine with two processors, where the old and the new
/// server are in each other's way.
const COPY_SHARE: f64 = 0.35;
const INDEX_SHARE: f64 = 0.2;
const VERIFY_SHARE: f64 = 0.3;
/// Rows as text, compressed, and read back.
const BACKUP_SHARE: f64 = 0.3;
/// What a subscriber applies, row by row, in one process.
const APPLY_SHARE: f64 = 0.1;
/// A second session beside the first gains half as much again, and more than four gain nothing more.
const SIDE_BY_SIDE: f64 = 0.5;
const MOST_THAT_GAIN: u32 = 4;
/// Statements of a table or index that is empty: 5,000 tables took some 15 s each for schema and for indexes.
const SECONDS_A_TABLE: f64 = 0.003;
/// Connecting, reading the catalogue, starting processes.
const SECONDS_A_STAGE: f64 = 2.0;
/// RDS or Aurora making an instance.
const SECONDS_TO_MAKE_MANAGED: f64 = 600.0;
/// A host that is there pulling an image of some hundred megabytes, and starting it.
const SECONDS_TO_START_SERVICE: f64 = 60.0;
/// Stopping the clients, the last changes, sequences, the way back, starting the clients and seeing them healthy. Does not
/// grow with the size of the database.
const SECONDS_OF_SWITCHING: f64 = 5.0;

/// In seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    pub mode: Mode,
    /// Of the stages that take time; those that wait for somebody are not among them.
    pub stages: BTreeMap<Stage, u64>,
    pub seconds: u64,
    /// How long users wait.
    pub downtime_seconds: u64,
    /// What the old server keeps for the new one until that has caught up.
    pub retained_wal_bytes: u64,
}

/// `to`: who makes the new database.
pub fn estimate(assessment: &Assessment, mode: Mode, to: &Destination) -> Estimate {
    let speed = Speed::of(assessment);
    let volume = &assessment.volume;
    let tables = (volume.tables + volume.indexes) as f64 * SECONDS_A_TABLE;
    let copy = volume.data_bytes as f64 / speed.side_by_side(COPY_SHARE);
    let index = volume.index_bytes as f64 / speed.side_by_side(INDEX_SHARE) + tables;
    let retained = if mode == Mode::Online { assessment.wal_bytes_per_second as f64 * (copy + index) } else { 0.0 };
    let stages = Stage::of(mode).filter_map(|stage| {
        let seconds = match stage {
            Stage::Preflight => volume.data_bytes as f64 / speed.alone(1.0),
            Stage::Backup => volume.data_bytes as f64 / speed.alone(BACKUP_SHARE),
            Stage::Provision if to.engine().is_some() => SECONDS_TO_MAKE_MANAGED,
            Stage::Provision if to.is_made() => SECONDS_TO_START_SERVICE,
            Stage::Provision | Stage::Guard | Stage::Finish => return None,
            Stage::Prepare => 0.0,
            Stage::Schema => tables,
            Stage::Copy => copy,
            Stage::Index => index,
            Stage::Follow => retained / speed.alone(APPLY_SHARE),
            Stage::Verify => volume.data_bytes as f64 / speed.side_by_side(VERIFY_SHARE),
            Stage::Cutover => SECONDS_OF_SWITCHING,
        };
        Some((stage, (seconds + SECONDS_A_STAGE).ceil() as u64))
    });
    let stages: BTreeMap<_, _> = stages.collect();
    Estimate {
        mode,
        seconds: stages.values().sum(),
        downtime_seconds: downtime(&stages, mode),
        retained_wal_bytes: retained as u64,
        stages,
    }
}

/// Offline the clients stand still from `prepare` on.
fn downtime(stages: &BTreeMap<Stage, u64>, mode: Mode) -> u64 {
    match mode {
        Mode::Online => SECONDS_OF_SWITCHING as u64,
        Mode::Offline => stages.range(Stage::Prepare..).map(|(_, seconds)| seconds).sum(),
    }
}

/// Bytes a second.
struct Speed {
    read: f64,
    sessions: f64,
}

impl Speed {
    fn of(assessment: &Assessment) -> Self {
        let read = assessment.reading.as_ref().map_or(UNMEASURED, |reading| reading.bytes_per_second());
        let sessions = assessment.jobs.clamp(1, MOST_THAT_GAIN);
        Self { read: read as f64, sessions: 1.0 + f64::from(sessions - 1) * SIDE_BY_SIDE }
    }

    fn alone(&self, share: f64) -> f64 {
        self.read * share
    }

    fn side_by_side(&self, share: f64) -> f64 {
        self.alone(share) * self.sessions
    }
}

/// What the figures rest on, in a sentence.
pub fn basis(assessment: &Assessment) -> String {
    let assumed = format!(
        "copying is assumed at {} %, building indexes at {} %, comparing at {} % of that for each session",
        COPY_SHARE * 100.0,
        INDEX_SHARE * 100.0,
        VERIFY_SHARE * 100.0
    );
    match &assessment.reading {
        Some(reading) => format!(
            "{} MB of {} were read at {} MB/s; {assumed}",
            reading.bytes.div_ceil(1_000_000),
            reading.table,
            reading.bytes_per_second().div_ceil(1_000_000)
        ),
        None => format!("reading could not be measured and is taken to be {} MB/s; {assumed}", UNMEASURED / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::assessment::Volume;
    use crate::migrate::catalog::ServerVersion;
    use crate::migrate::measure::Reading;
    use crate::plan::Engine;

    const GB: u64 = 1_000_000_000;

    fn assessment(gigabytes: u64) -> Assessment {
        Assessment {
            source_version: ServerVersion(170_004),
            target_version: None,
            volume: Volume {
                database_bytes: gigabytes * GB * 3 / 2,
                data_bytes: gigabytes * GB,
                tables: 20,
                rows: gigabytes * 10_000_000,
                indexes: 30,
                index_bytes: gigabytes * GB / 2,
                large_objects: 0,
            },
            reading: Some(Reading { table: "public.t".into(), bytes: 64_000_000, microseconds: 320_000 }),
            wal_bytes_per_second: 1_000_000,
            free_bytes: None,
            jobs: 2,
            findings: vec![],
            losses: vec![],
        }
    }

    #[test]
    fn online_users_wait_alike_for_any_size_and_offline_they_wait_for_the_rows() {
        let (small, large) = (assessment(1), assessment(100));
        let online = |assessment: &Assessment| estimate(assessment, Mode::Online, &Destination::Url).downtime_seconds;
        assert_eq!(online(&small), online(&large));
        let offline = |assessment: &Assessment| estimate(assessment, Mode::Offline, &Destination::Url).downtime_seconds;
        assert!(offline(&large) > 50 * offline(&small), "{} {}", offline(&small), offline(&large));
        let whole = estimate(&large, Mode::Offline, &Destination::Url);
        assert!(whole.downtime_seconds < whole.seconds, "the safety copy is made before");
    }

    #[test]
    fn durations_follow_what_was_measured() {
        let quick = assessment(10);
        let slow = Assessment { reading: None, ..quick.clone() };
        let copy = |assessment: &Assessment| estimate(assessment, Mode::Online, &Destination::Url).stages[&Stage::Copy];
        // 10 GB at 200 MB/s × 0.35 × 1.5.
        assert_eq!(copy(&quick), 98);
        assert!(copy(&slow) > 3 * copy(&quick), "200 MB/s against 50");
        assert_eq!(copy(&Assessment { jobs: 4, ..quick.clone() }), copy(&Assessment { jobs: 16, ..quick.clone() }));
        assert!(basis(&quick).starts_with("64 MB of public.t were read at 200 MB/s"), "{}", basis(&quick));
        assert!(basis(&slow).contains("could not be measured"));
    }

    #[test]
    fn an_idle_database_keeps_no_wal_and_an_empty_one_takes_seconds() {
        let idle = Assessment { wal_bytes_per_second: 0, ..assessment(1) };
        assert_eq!(estimate(&idle, Mode::Online, &Destination::Url).retained_wal_bytes, 0);
        let busy = estimate(&assessment(1), Mode::Online, &Destination::Url);
        assert!((1_000_000..100_000_000).contains(&busy.retained_wal_bytes), "{busy:?}");
        let empty = Assessment { volume: Volume::default(), reading: None, ..idle };
        assert!(estimate(&empty, Mode::Online, &Destination::Url).seconds < 30);
        assert!(!estimate(&empty, Mode::Online, &Destination::Url).stages.contains_key(&Stage::Provision));
        assert!(estimate(&empty, Mode::Online, &Destination::Managed(Engine::Rds)).seconds > 600);
    }
}
