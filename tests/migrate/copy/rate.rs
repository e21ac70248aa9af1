//! The rate while it runs: the user's word, and the source's disk.

use std::time::{Duration, Instant};

use infra::migrate::copy::{Brake, CopyEvent, DiskLoad, Pressure, Setup, SnapshotSource, write_limit};

use super::setup::Ends;

const TABLE: &str = "CREATE TABLE t AS SELECT i AS a, repeat('x', 400) AS t FROM generate_series(1, 60000) i";

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_holds_and_changes_while_it_runs() {
    let ends = Ends::new(TABLE);
    let _holder = ends.hold(SnapshotSource::Transaction).await;
    write_limit(&ends.folder(), Some("2MB/s".parse().unwrap())).unwrap();
    let raise = async {
        tokio::time::sleep(Duration::from_secs(6)).await;
        write_limit(&ends.folder(), None).unwrap();
    };
    let began = Instant::now();
    let ((copied, events), ()) = tokio::join!(ends.copy(), raise);
    copied.unwrap();
    // 25 MB would have taken twelve seconds.
    assert!((6.0..11.5).contains(&began.elapsed().as_secs_f64()), "{:?}", began.elapsed());
    let rates: Vec<u64> = events
        .iter()
        .filter_map(|event| match event {
            CopyEvent::Progress { bytes_per_second, .. } => Some(*bytes_per_second),
            _ => None,
        })
        .collect();
    // Told from the beginning, and taken away while it ran.
    let brakes = brakes(&events);
    assert_eq!(brakes[0], Brake { limit: Some(2_000_000), ..Brake::default() });
    assert_eq!(brakes.last(), Some(&Brake::default()), "{brakes:?}");
    assert!(rates[1..3].iter().all(|rate| (1_000_000..3_500_000).contains(rate)), "{rates:?}");
    ends.assert_equal();
}

fn brakes(events: &[CopyEvent]) -> Vec<Brake> {
    let brake = |event: &CopyEvent| match event {
        CopyEvent::Progress { brake, .. } => Some(*brake),
        _ => None,
    };
    events.iter().filter_map(brake).collect()
}

/// A disk that is behind for two seconds.
struct Behind(u32);

impl Pressure for Behind {
    fn load(&mut self) -> Option<DiskLoad> {
        self.0 += 1;
        Some(DiskLoad { queue_depth: if self.0 <= 2 { 30.0 } else { 0.1 }, await_ms: Some(4.0) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_gives_way_while_the_disk_is_behind() {
    let ends = Ends::new(TABLE);
    let _holder = ends.hold(SnapshotSource::Transaction).await;
    write_limit(&ends.folder(), Some("6MB/s".parse().unwrap())).unwrap();
    let (copied, events) = ends.copy_with(Setup { pressure: Some((Box::new(Behind(0)), 10.0)), ..ends.setup() }).await;
    copied.unwrap();
    let slower = |event: &&CopyEvent| matches!(event, CopyEvent::BackedOff { bytes_per_second, .. } if *bytes_per_second <= 3_100_000);
    assert_eq!(events.iter().filter(slower).count(), 2, "{events:?}");
    let brakes = brakes(&events);
    let slow = brakes[1];
    assert_eq!((slow.backing_off, slow.queue_depth, slow.await_ms), (true, Some(30.0), Some(4.0)), "{brakes:?}");
    assert!(slow.limit < brakes[0].limit && brakes[0].limit <= Some(3_000_000), "{brakes:?}");
    // Calm again.
    let last = brakes.last().unwrap();
    assert!(last.limit > slow.limit && last.queue_depth == Some(0.1), "{brakes:?}");
    ends.assert_equal();
}
