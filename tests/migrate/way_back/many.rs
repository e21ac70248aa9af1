//! What a look costs with thousands of tables.

use std::time::{Duration, Instant};

use infra::migrate::carried::with_roots;
use infra::migrate::catalog;
use infra::migrate::drift::fingerprint;
use infra::migrate::replicate::lacking;

use super::host::{BACK, Host};

const TABLES: usize = 5000;
const OFTEN: usize = 5;

/// In batches: each table takes four locks until its transaction ends.
fn tables() -> String {
    let batch = |from: usize| {
        format!(
            "DO $$ BEGIN FOR i IN {from}..{} LOOP EXECUTE format(
               'CREATE TABLE t_%s (id bigint PRIMARY KEY, a text NOT NULL, b int DEFAULT 7, c timestamptz, d jsonb)', i); END LOOP; END $$;",
            from + 499
        )
    };
    let orders = "CREATE TABLE orders (id bigint PRIMARY KEY, text text);";
    (1..=TABLES).step_by(500).map(batch).chain([orders.to_owned()]).collect()
}

/// The middle of some.
async fn measured<T>(what: &str, run: impl AsyncFn() -> T) -> Duration {
    let mut took = vec![];
    for _ in 0..OFTEN {
        let began = Instant::now();
        run().await;
        took.push(began.elapsed());
    }
    took.sort();
    eprintln!("{what}: {} ms", took[OFTEN / 2].as_millis());
    took[OFTEN / 2]
}

/// By hand: `cargo test --test migrate way_back::many -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement of some minutes"]
async fn a_look_at_thousands_of_tables_in_which_nothing_changed_is_cheap() {
    let host = Host::with(&[], &tables()).await;
    let (old, new) = (host.old_client("app").await, host.new_client().await);
    let (old, new) = (&old, &new);
    measured("catalogue of the new database", || async { catalog::read(new).await.unwrap() }).await;
    measured("catalogue of the old database", || async { catalog::read(old).await.unwrap() }).await;
    measured("both as each look read them", || async {
        let carried = with_roots(&catalog::read(new).await.unwrap());
        lacking(new, old, BACK, &carried).await.unwrap()
    })
    .await;
    let sum = measured("sum of the new database", || async { fingerprint(new).await.unwrap() }).await;
    measured("sum of the old database", || async { fingerprint(old).await.unwrap() }).await;
    let began = Instant::now();
    host.is_open().await;
    eprintln!("first looks: {} ms", began.elapsed().as_millis());
    measured("a look in which nothing changed", || async { host.look().await }).await;
    assert!(sum < Duration::from_secs(1), "{sum:?}");
    host.comes_back(1).await;
}
