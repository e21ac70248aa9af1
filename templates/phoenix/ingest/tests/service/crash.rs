//! A ledger under `kill -9`: whatever was acknowledged is in the database exactly once.
//!
//! Half of the senders name their batches and repeat them until they are acknowledged; the other half send without a key
//! and never repeat. Meanwhile the service and the database are killed in turn.

use crate::support::{Postgres, Request, Service, free_port, post, trace};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

const SENDERS: u64 = 8;
const RECORDS: u64 = 20;
const KILLS: usize = 3;

/// Numbers of batches, by what their senders know about them.
#[derive(Default)]
struct Ledger {
    acknowledged: Vec<u64>,
    unknown: Vec<u64>,
}

struct Senders {
    port: u16,
    next: AtomicU64,
    stop: AtomicBool,
}

impl Senders {
    fn body(batch: u64) -> String {
        let record = |index| trace(&format!("{{\"n\":{}}}", batch * RECORDS + index));
        format!("[{}]", (0..RECORDS).map(record).collect::<Vec<_>>().join(","))
    }

    async fn acknowledged(&self, request: &Request) -> bool {
        post(self.port, request.clone()).await.is_ok_and(|answer| answer.status == 200)
    }

    async fn run(&self, with_key: bool) -> Ledger {
        let mut ledger = Ledger::default();
        while !self.stop.load(Ordering::Relaxed) {
            let batch = self.next.fetch_add(1, Ordering::Relaxed);
            let mut request = Request::new(Self::body(batch));
            if with_key {
                request = request.header("idempotency-key", &format!("batch-{batch}"));
                while !self.acknowledged(&request).await {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                ledger.acknowledged.push(batch);
            } else if self.acknowledged(&request).await {
                ledger.acknowledged.push(batch);
            } else {
                ledger.unknown.push(batch);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        ledger
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_records_are_there_exactly_once() {
    let postgres = Postgres::start();
    let port = free_port();
    let mut service = Service::spawn(port, &postgres, &[]);
    service.ready().await;
    let senders = Arc::new(Senders { port, next: AtomicU64::new(0), stop: AtomicBool::new(false) });
    let mut running = JoinSet::new();
    for index in 0..SENDERS {
        let senders = senders.clone();
        running.spawn(async move { senders.run(index & 1 == 0).await });
    }
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        postgres.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        postgres.boot();
        service.ready().await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        service.signal("KILL");
        service.wait();
        service = Service::spawn(port, &postgres, &[]);
        service.ready().await;
    }
    senders.stop.store(true, Ordering::Relaxed);
    let ledgers = running.join_all().await;
    check(&postgres, &ledgers).await;
}

async fn check(postgres: &Postgres, ledgers: &[Ledger]) {
    let client = postgres.client().await;
    let query = "SELECT (payload->>'n')::int8, count(*) FROM telemetry GROUP BY 1";
    let rows = client.query(query, &[]).await.unwrap();
    let stored: std::collections::HashMap<u64, i64> =
        rows.iter().map(|row| (row.get::<_, i64>(0).unsigned_abs(), row.get(1))).collect();
    let times = |batch: u64| (batch * RECORDS..(batch + 1) * RECORDS).map(|n| stored.get(&n).copied().unwrap_or(0));
    let acknowledged: Vec<_> = ledgers.iter().flat_map(|ledger| &ledger.acknowledged).copied().collect();
    let unknown: Vec<_> = ledgers.iter().flat_map(|ledger| &ledger.unknown).copied().collect();
    for batch in &acknowledged {
        assert!(times(*batch).all(|count| count == 1), "batch {batch}: {:?}", times(*batch).collect::<Vec<_>>());
    }
    for batch in &unknown {
        let total: i64 = times(*batch).sum();
        assert!(total == 0 || times(*batch).all(|count| count == 1), "batch {batch} is stored by halves or twice");
    }
    assert!(acknowledged.len() > 100, "only {} batches got through", acknowledged.len());
    assert!(!unknown.is_empty(), "no batch was hit by a kill");
    eprintln!("{} batches acknowledged, {} with unknown outcome", acknowledged.len(), unknown.len());
}
