//! The way to the old database stays open when connections cannot be taken for a while.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use infra::migrate::relay::relay;

use crate::child::child;

const CHILD: &str = "INFRA_TEST_RELAY";
/// Of the relay's process: a few are its own.
const DESCRIPTORS: u64 = 40;

/// Not a test: the relay, with few descriptors.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the relay as a process of its own"]
async fn serves() {
    let Ok(part) = std::env::var(CHILD) else { return };
    let [own, to] = part.split(' ').map(|address| address.parse::<SocketAddr>().unwrap()).collect::<Vec<_>>()[..]
    else {
        panic!("{part}")
    };
    let limit = rustix::process::Rlimit { current: Some(DESCRIPTORS), maximum: Some(DESCRIPTORS) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let listener = tokio::net::TcpListener::bind(own).await.unwrap();
    let never = relay(listener, move || async move { Some((to.ip().to_string(), to.port())) }).await;
    match never {}
}

#[test]
fn too_many_connections_do_not_end_it() {
    // What stands for the old database: it sends back what it gets.
    let echo = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let to = echo.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in echo.incoming().flatten() {
            std::thread::spawn(move || {
                let (mut from, mut back) = (stream.try_clone().unwrap(), stream);
                drop(std::io::copy(&mut from, &mut back));
            });
        }
    });
    let own = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let mut relay = child("relay::serves", CHILD, &format!("{own} {to}"));
    let connect = || loop {
        match TcpStream::connect(own) {
            Ok(stream) => break stream,
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let answers = |mut stream: &TcpStream, patience: Duration| {
        stream.set_read_timeout(Some(patience)).unwrap();
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).is_ok()
    };
    let first = connect();
    assert!(answers(&first, Duration::from_secs(10)));
    let many: Vec<TcpStream> = (0..60).map(|_| connect()).collect();
    // Those that came too late wait in the listener's queue.
    assert!(!answers(many.last().unwrap(), Duration::from_millis(500)));
    assert!(relay.try_wait().unwrap().is_none(), "it has ended");
    drop(many);
    assert!(answers(&first, Duration::from_secs(10)), "what was open stays open");
    assert!((0..10).any(|_| answers(&connect(), Duration::from_secs(6))));
    relay.kill().unwrap();
    relay.wait().unwrap();
}
