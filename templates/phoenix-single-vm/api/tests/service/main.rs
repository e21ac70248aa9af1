//! The program itself, over HTTP, beside a PostgreSQL of its own.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too: what fails here fails the test")]

mod postgres;
mod program;

use postgres::Postgres;
use program::{Program, TOKEN};

const ONE: &str = r#"[{"id":"a-1","host":"web-1","name":"cpu","value":0.5}]"#;

#[test]
fn what_is_acknowledged_is_there_and_a_repetition_is_not_there_twice() {
    let database = Postgres::start();
    let api = Program::start(database.port, "");
    api.wait_ready();
    let first = api.post("/api/v1/samples", TOKEN, ONE);
    assert_eq!((first.status, first.body.as_str()), (200, r#"{"acknowledged":1,"new":1}"#));
    assert_eq!(api.post("/api/v1/samples", TOKEN, ONE).body, r#"{"acknowledged":1,"new":0}"#);
    database.kill();
    database.boot();
    api.wait_ready();
    assert_eq!(api.get("/api/v1/samples/a-1", TOKEN).body, &ONE[1..ONE.len() - 1]);
    assert_eq!(api.get("/api/v1/samples/a-2", TOKEN).status, 404);
    let metrics = api.get("/metrics", "");
    assert!(metrics.body.contains("api_rows_total 1\n") && metrics.body.contains("api_agents 1\n"), "{}", metrics.body);
}

#[test]
fn a_database_that_is_away_is_said_and_found_again() {
    let database = Postgres::start();
    let api = Program::start(database.port, "");
    api.wait_ready();
    database.stop();
    assert_eq!(api.post("/api/v1/samples", TOKEN, ONE).status, 503);
    assert_eq!(api.get("/ready", "").status, 503);
    let health = api.get("/health", "");
    assert_eq!((health.status, health.body.as_str()), (503, r#"{"parts":{"database":"failed"},"status":"failed"}"#));
    database.boot();
    api.wait_ready();
    assert_eq!(api.post("/api/v1/samples", TOKEN, ONE).status, 200);
}

#[test]
fn a_database_that_is_read_only_does_not_take_the_service_away() {
    let database = Postgres::start();
    let api = Program::start(database.port, "");
    api.wait_ready();
    database.sql("ALTER SYSTEM SET default_transaction_read_only = on");
    database.stop();
    database.boot();
    api.wait_ready();
    assert_eq!(api.post("/api/v1/samples", TOKEN, ONE).status, 503);
}

#[test]
fn one_check_covers_everything_behind_it() {
    let database = Postgres::start();
    let part = Program::start(database.port, "");
    part.wait_ready();
    let parts = format!("other=127.0.0.1:{}/ready gone=127.0.0.1:1/", part.port);
    let api = Program::start(database.port, &parts);
    api.wait_ready();
    let health = api.get("/health", "");
    let expected = r#"{"parts":{"database":"ok","gone":"failed","other":"ok"},"status":"failed"}"#;
    assert_eq!((health.status, health.body.as_str()), (503, expected));
    assert_eq!(api.healthcheck(), Some(0), "what is only beside it is not its own readiness");
}

#[test]
fn whoever_has_no_token_gets_nothing_but_its_health() {
    let database = Postgres::start();
    let api = Program::start(database.port, "");
    api.wait_ready();
    for token in ["", "wrong-token-0123456"] {
        assert_eq!(api.post("/api/v1/samples", token, ONE).status, 401);
        assert_eq!(api.get("/api/v1/samples/a-1", token).status, 401);
        assert_eq!(api.post("/api/v1/load", token, r#"{"seconds":1}"#).status, 401);
    }
    assert_eq!(api.get("/health", "").status, 200);
    assert_eq!(api.post("/api/v1/samples", TOKEN, "[]").status, 400);
    assert_eq!(api.post("/api/v1/load", TOKEN, r#"{"cpu":0.1,"memory_mb":1,"seconds":1}"#).status, 202);
    assert_eq!(api.post("/api/v1/load", TOKEN, r#"{"memory_mb":1000000,"seconds":1}"#).status, 400);
}
