//! The rate while it runs: the user's word, and the source's disk.

use std::time::{Duration, Instant};

use infra::migrate::copy::{CopyEvent, Hold, Pressure, Setup, write_limit};

use super::setup::Ends;

const TABLE: &str = "CREATE TABLE t AS SELECT i AS a, repeat('x', 400) AS t FROM generate_series(1, 60000) i";

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_holds_and_changes_while_it_runs() {
    let ends = Ends::new(TABLE);
    let _holder = ends.hold(Hold::Transaction).await;
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
    assert!(rates[1..3].iter().all(|rate| (1_000_000..3_500_000).contains(rate)), "{rates:?}");
    ends.assert_equal();
}

/// A disk that is behind for two seconds.
struct Behind(u32);

impl Pressure for Behind {
    fn queue_depth(&mut self) -> Option<f64> {
        self.0 += 1;
        Some(if self.0 <= 2 { 30.0 } else { 0.1 })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_gives_way_while_the_disk_is_behind() {
    let ends = Ends::new(TABLE);
    let _holder = ends.hold(Hold::Transaction).await;
    write_limit(&ends.folder(), Some("6MB/s".parse().unwrap())).unwrap();
    let (copied, events) = ends.copy_with(Setup { pressure: Some((Box::new(Behind(0)), 10.0)), ..ends.setup() }).await;
    copied.unwrap();
    let slower = |event: &&CopyEvent| matches!(event, CopyEvent::BackedOff { bytes_per_second, .. } if *bytes_per_second <= 3_100_000);
    assert_eq!(events.iter().filter(slower).count(), 2, "{events:?}");
    ends.assert_equal();
}
