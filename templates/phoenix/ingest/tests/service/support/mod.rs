//! A real PostgreSQL and a real service for each test, and a client.

mod client;
mod postgres;
mod service;

pub use client::{Answer, Request, post};
pub use postgres::Postgres;
pub use service::{Service, TOKEN};

use std::time::{Duration, Instant};

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Milliseconds since 1970.
pub fn now() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()
}

/// A record of kind trace, with `payload` as it is.
pub fn trace(payload: &str) -> String {
    format!(r#"{{"kind":"trace","agent_id":"a","ts":{},"payload":{payload}}}"#, now())
}

/// Polls until `done`; panics after 30 s, naming what was awaited.
pub async fn eventually(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !done().await {
        assert!(Instant::now() < end, "waited for {what} in vain");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Sends a signal with `kill`, which spares the tests unsafe code.
pub fn signal(name: &str, pid: u32) {
    std::process::Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
}
