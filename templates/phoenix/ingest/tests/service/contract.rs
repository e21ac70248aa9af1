//! What clients are promised, against a real database.

use crate::support::{Postgres, Request, Service, eventually, now, post, trace};
use std::io::Write;

#[tokio::test]
async fn batches_are_stored_as_they_were_sent() {
    let postgres = Postgres::start();
    let service = Service::start(&postgres, &[]).await;
    let body = r#"{"records":[
        {"kind":"conversation","agent_id":"a\u00e9\"1","session_id":"s","role":"user","ts":"TS","location":{"lat":52.5},
         "payload":{"content":"tab \t 🦀 \ud83e\udd80","big":12345678901234567890123,"n":1e300}},
        {"kind":"trace","agent_id":"b","ts":MS,"trace_id":"t","span_id":"u","parent_span_id":"v","name":"w",
         "duration_ms":1.25,"payload":{}}]}"#;
    let ms = now();
    let ts = format!("{}", jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap()).unwrap());
    let body = body.replace("TS", &ts).replace("MS", &ms.to_string());
    let answer = service.send(body.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["accepted"], 2);
    assert_eq!(answer.json()["duplicate"], false);

    let client = postgres.client().await;
    let query =
        "SELECT batch_id::text || seq || kind || agent_id || coalesce(session_id, '-') || coalesce(role, '-') ||
                   coalesce(location::text, '-') || payload || coalesce(trace_id || span_id || parent_span_id || name ||
                   duration_ms, '-'), (extract(epoch FROM ts) * 1000)::int8 FROM telemetry ORDER BY seq";
    let rows = client.query(query, &[]).await.unwrap();
    let id = answer.json()["batch_id"].as_str().unwrap().to_owned();
    let big = format!("1{}", "0".repeat(300));
    let payload = format!("{{\"n\": {big}, \"big\": 12345678901234567890123, \"content\": \"tab \\t 🦀 🦀\"}}");
    assert_eq!(rows[0].get::<_, &str>(0), format!("{id}0conversationaé\"1suser{{\"lat\": 52.5}}{payload}-"));
    assert_eq!(rows[1].get::<_, &str>(0), format!("{id}1traceb---{{}}tuvw1.25"));
    assert!(rows.iter().all(|row| row.get::<_, i64>(1) == i64::try_from(ms).unwrap()));

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body.as_bytes()).unwrap();
    for (encoding, body) in [("gzip", gzip.finish().unwrap()), ("zstd", zstd::encode_all(body.as_bytes(), 3).unwrap())]
    {
        let answer = post(service.port, Request::new(body).header("content-encoding", encoding)).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(postgres.count("SELECT count(*) FROM telemetry").await, 6);
}

#[tokio::test]
async fn refusals_have_their_status_and_store_nothing() {
    let postgres = Postgres::start();
    let limits = [("MAX_BODY_BYTES", "100000"), ("MAX_DECOMPRESSED_BYTES", "200000")];
    let service = Service::start(&postgres, &limits).await;
    let good = format!("[{}]", trace("{}"));
    let half = format!("[{},{}]", trace("{}"), trace("[]"));
    let bomb = zstd::encode_all(&vec![b' '; 10_000_000][..], 3).unwrap();
    let get = Request { method: "GET", ..Request::new("") };
    let elsewhere = Request { path: "/api/v2/telemetry", ..Request::new(good.clone()) };
    for (status, code, request) in [
        (401, "unauthorized", Request::new(good.clone()).header("authorization", "Bearer wrong")),
        // As much as is read of a refused body: who sends more may find the connection closed before the answer.
        (401, "unauthorized", Request::new(vec![b'x'; 100_000]).header("authorization", "Basic x")),
        (400, "invalid", Request::new("[{]")),
        (400, "invalid", Request::new("[]")),
        (400, "invalid", Request::new(half)),
        (400, "invalid", Request::new(good.clone()).header("content-encoding", "gzip")),
        (400, "invalid", Request::new(good.clone()).header("idempotency-key", "with space")),
        (413, "too_large", Request::new(vec![b' '; 100_001])),
        (413, "too_large", Request::new(bomb).header("content-encoding", "zstd")),
        (415, "unsupported", Request::new(good.clone()).header("content-encoding", "br")),
        (415, "unsupported", Request::new(good.clone()).header("content-type", "text/csv")),
        (404, "not_found", elsewhere),
        (405, "method_not_allowed", get),
    ] {
        let answer = post(service.port, request).await.unwrap();
        assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(code)), "{}", answer.text);
    }
    assert_eq!(postgres.count("SELECT count(*) FROM telemetry").await, 0);
    assert_eq!(postgres.count("SELECT count(*) FROM telemetry_batch").await, 0);
    assert_eq!(service.send(good).await.status, 200, "and the service goes on");
}

#[tokio::test]
async fn metrics_need_the_token_and_health_does_not() {
    let postgres = Postgres::start();
    let service = Service::start(&postgres, &[]).await;
    assert_eq!(service.send(format!("[{},{}]", trace("{}"), trace("{}"))).await.status, 200);
    assert_eq!(service.get("/metrics").await, 401);
    let metrics = Request { path: "/metrics", method: "GET", ..Request::new("") };
    let text = post(service.port, metrics).await.unwrap().text;
    for line in ["ingest_rows_total 2", "ingest_batches_total{result=\"accepted\"} 1", "ingest_in_flight_bytes 0"] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
}

/// The two have to agree: what is let through must be storable, or one batch would spoil its whole group.
#[tokio::test]
async fn what_is_accepted_is_what_jsonb_takes() {
    let postgres = Postgres::start();
    let service = Service::start(&postgres, &[]).await;
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    for (payload, stored) in [
        (r#"{"a":"\ud83e\udd80\u0001\u007f\\u0000"}"#.to_owned(), true),
        (r#"{"a":[1e400,-1e-400,0.0,-0,1E+5],"a":2,"":null}"#.to_owned(), true),
        (format!("{{\"a\":{}}}", "9".repeat(400)), true),
        (format!("{{\"{}\":1}}", "k".repeat(100_000)), true),
        (nested(127), true),
        (nested(128), false),
        (r#"{"a":"\u0000"}"#.to_owned(), false),
        (r#"{"a":"\ud83e"}"#.to_owned(), false),
        (r#"{"a":"\udd80\ud83e"}"#.to_owned(), false),
        (r#"{"a":1e401}"#.to_owned(), false),
        (r#"{"a":1e9999999999}"#.to_owned(), false),
    ] {
        let answer = service.send(format!("[{}]", trace(&payload))).await;
        assert_eq!(answer.status == 200, stored, "{payload:.80}: {}", answer.text);
        assert!(!answer.text.contains("the database refused it"), "found here, not there: {}", answer.text);
    }
}

#[tokio::test]
async fn a_key_is_stored_once_however_often_it_comes() {
    let postgres = Postgres::start();
    let (one, other) = (Service::start(&postgres, &[]).await, Service::start(&postgres, &[]).await);
    let body = format!("[{}]", trace("{}"));
    let mut senders = tokio::task::JoinSet::new();
    for index in 0..60 {
        let port = if index & 1 == 0 { one.port } else { other.port };
        let request = Request::new(body.clone()).header("idempotency-key", &format!("key-{}", index % 3));
        senders.spawn(async move { post(port, request).await.unwrap() });
    }
    let answers = senders.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.json()["accepted"] == 1), "{answers:?}");
    let fresh = answers.iter().filter(|answer| answer.json()["duplicate"] == false).count();
    assert_eq!(fresh, 3, "one for each key");
    assert_eq!(postgres.count("SELECT count(*) FROM telemetry").await, 3);
    let ids: std::collections::HashSet<_> =
        answers.iter().map(|answer| answer.json()["batch_id"].to_string()).collect();
    assert_eq!(ids.len(), 3);

    let answer = one.send_with_key("key-0", &format!("[{}]", trace("{\"other\":1}"))).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (422, Some("key_reused")));
    assert_eq!(postgres.count("SELECT count(*) FROM telemetry").await, 3);
}

#[tokio::test]
async fn days_get_their_partitions_and_lose_them_in_time() {
    const PARTITIONS: &str = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry'::regclass";
    let postgres = Postgres::start();
    // Both find an empty database.
    let (one, other) = tokio::join!(
        Service::start(&postgres, &[("RETENTION_DAYS", "10")]),
        Service::start(&postgres, &[("RETENTION_DAYS", "10")])
    );
    assert_eq!(postgres.count(PARTITIONS).await, 5, "yesterday to three days ahead");
    let old = |days: u128| {
        let ts = now() - days * 86_400_000;
        format!(r#"[{{"kind":"trace","agent_id":"a","ts":{ts},"payload":{{}}}}]"#)
    };
    let (first, second) = tokio::join!(one.send(old(9)), other.send(old(9)));
    assert_eq!((first.status, second.status), (200, 200), "{} {}", first.text, second.text);
    assert_eq!(one.send(old(11)).await.status, 400);
    assert_eq!(postgres.count(PARTITIONS).await, 6);

    // Somebody drops a partition behind the service's back.
    let name = "SELECT relname::text FROM pg_class WHERE relname ~ '^telemetry_p[0-9]+$' ORDER BY relname LIMIT 1";
    let client = postgres.client().await;
    let name: String = client.query_one(name, &[]).await.unwrap().get(0);
    client.batch_execute(&format!("DROP TABLE {name}")).await.unwrap();
    assert_eq!(one.send(old(9)).await.status, 200);
    drop((one, other));

    // A shorter retention takes the old day away, and nothing that is not a day.
    client.batch_execute("CREATE TABLE telemetry_pother (LIKE telemetry)").await.unwrap();
    let _service = Service::start(&postgres, &[("RETENTION_DAYS", "5")]).await;
    eventually("the old partition to go", async || postgres.count(PARTITIONS).await == 5).await;
    assert_eq!(postgres.count("SELECT count(*) FROM telemetry_pother").await, 0);
}
