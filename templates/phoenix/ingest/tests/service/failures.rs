//! What happens when things break: full queues, a database that is away, a refused row, a stop signal.

use crate::support::{Answer, Postgres, Request, Service, eventually, post, trace};
use tokio::task::JoinSet;

fn senders(port: u16, count: usize) -> JoinSet<Answer> {
    let mut senders = JoinSet::new();
    for index in 0..count {
        let body = format!("[{}]", trace(&format!("{{\"n\":{index}}}")));
        senders.spawn(async move { post(port, Request::new(body)).await.unwrap() });
    }
    senders
}

#[tokio::test]
async fn a_full_queue_says_so_and_loses_nothing() {
    let postgres = Postgres::start();
    let service = Service::start(&postgres, &[("QUEUE_BATCHES", "2"), ("WRITERS", "1")]).await;
    let client = postgres.client().await;
    client.batch_execute("BEGIN; LOCK TABLE telemetry_batch IN EXCLUSIVE MODE").await.unwrap();
    let senders = senders(service.port, 20);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    client.batch_execute("COMMIT").await.unwrap();
    let answers = senders.join_all().await;
    let accepted = answers.iter().filter(|answer| answer.status == 200).count();
    let saturated = answers.iter().filter(|answer| answer.status == 429);
    assert!(saturated.clone().all(|answer| answer.retry_after.is_some()));
    assert_eq!(accepted + saturated.count(), 20, "{answers:?}");
    assert!((2..20).contains(&accepted), "{accepted}");
    assert_eq!(postgres.count("SELECT count(*) FROM telemetry").await, i64::try_from(accepted).unwrap());
}

#[tokio::test]
async fn memory_for_requests_is_bounded() {
    let postgres = Postgres::start();
    let limits = [("MAX_BODY_BYTES", "300000"), ("MAX_DECOMPRESSED_BYTES", "300000"), ("IN_FLIGHT_BYTES", "1048576")];
    let service = Service::start(&postgres, &limits).await;
    let client = postgres.client().await;
    client.batch_execute("BEGIN; LOCK TABLE telemetry_batch IN EXCLUSIVE MODE").await.unwrap();
    let body = format!("[{}]", trace(&format!("{{\"a\":\"{}\"}}", "x".repeat(250_000))));
    let mut senders = JoinSet::new();
    for _ in 0..12 {
        let request = Request::new(body.clone());
        let port = service.port;
        senders.spawn(async move { post(port, request).await.unwrap() });
    }
    // Those who find no room wait for two seconds.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    client.batch_execute("COMMIT").await.unwrap();
    let statuses: Vec<_> = senders.join_all().await.into_iter().map(|answer| answer.status).collect();
    let accepted = statuses.iter().filter(|status| **status == 200).count();
    assert!((1..=4).contains(&accepted), "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 12 - accepted, "{statuses:?}");
}

#[tokio::test]
async fn without_its_database_the_service_says_so_and_comes_back() {
    let postgres = Postgres::start();
    let service = Service::start(&postgres, &[]).await;
    postgres.stop();
    eventually("the service to notice", async || service.get("/healthz").await == 503).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let answer = service.send(format!("[{}]", trace("{}"))).await;
    assert_eq!((answer.status, answer.retry_after.is_some()), (503, true), "{}", answer.text);
    postgres.boot();
    service.ready().await;
    assert_eq!(service.send(format!("[{}]", trace("{}"))).await.status, 200);
}

#[tokio::test]
async fn one_bad_batch_does_not_spoil_its_group() {
    let postgres = Postgres::start();
    let service = Service::start(&postgres, &[("WRITERS", "1")]).await;
    let client = postgres.client().await;
    // A rule of the database that the service does not know.
    let partition: String = client
        .query_one("SELECT 'telemetry_p' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')", &[])
        .await
        .unwrap()
        .get(0);
    let rule = format!("CREATE UNIQUE INDEX ON {partition} ((payload->>'n')) WHERE payload->>'n' = '7'");
    client.batch_execute(&rule).await.unwrap();
    assert_eq!(service.send(format!("[{}]", trace("{\"n\":7}"))).await.status, 200);
    client.batch_execute("BEGIN; LOCK TABLE telemetry_batch IN EXCLUSIVE MODE").await.unwrap();
    let senders = senders(service.port, 20);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    client.batch_execute("COMMIT").await.unwrap();
    let answers = senders.join_all().await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(matches!(refused[..], [Answer { status: 400, .. }]), "{refused:?}");
    assert_eq!(postgres.count("SELECT count(DISTINCT payload->'n') FROM telemetry").await, 20);
    assert_eq!(postgres.count("SELECT count(*) FROM telemetry").await, 20);
}

#[tokio::test]
async fn a_stop_signal_lets_requests_finish() {
    let postgres = Postgres::start();
    let mut service = Service::start(&postgres, &[]).await;
    let client = postgres.client().await;
    client.batch_execute("BEGIN; LOCK TABLE telemetry_batch IN EXCLUSIVE MODE").await.unwrap();
    let senders = senders(service.port, 20);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    service.signal("TERM");
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", service.port)).await.is_err(), "no new connections");
    client.batch_execute("COMMIT").await.unwrap();
    assert!(senders.join_all().await.iter().all(|answer| answer.status == 200));
    assert!(service.wait().success());
    assert_eq!(postgres.count("SELECT count(*) FROM telemetry").await, 20);
}
