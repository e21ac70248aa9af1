//! Connecting, locking, observing.

use std::time::{Duration, Instant};

use infra::host::{HostError, HostKey, Session, known_hosts};

use crate::machine::{Machine, site_without_disk};

#[tokio::test]
async fn a_booting_host_is_waited_for_and_another_key_is_never_accepted() {
    let machine = Machine::boot("connect");
    let session = machine.connect().await;
    session.wait_prepared(Duration::from_secs(60)).await.unwrap();
    assert!(session.is_alive().await);

    let facts = session.facts(&site_without_disk()).await.unwrap();
    assert!(facts.docker.as_deref().is_some_and(|version| version.starts_with("26.")), "{facts:?}");
    assert!(facts.compose.is_some() && facts.memory_mb > Some(100) && facts.cpus >= Some(1), "{facts:?}");
    assert!(facts.state_mounted && facts.releases.is_empty() && facts.lock.is_none(), "{facts:?}");

    let mut other = machine.target();
    let key = "AAAAC3NzaC1lZDI1NTE5AAAAIJuYd0sIYXDVLrhGLUHHmjkqqKGhXnqeb7QGPnKbmZ1u";
    let keys = [HostKey { algorithm: "ssh-ed25519".to_owned(), public_key: key.to_owned() }];
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), known_hosts("127.0.0.1", other.port, &keys)).unwrap();
    other.known_hosts = Some(file.path().to_owned());
    let begun = Instant::now();
    let error = Session::connect(&other, Duration::from_secs(60)).await.unwrap_err();
    assert!(matches!(error, HostError::HostKeyMismatch { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5), "a wrong key must not be tried again");

    let mut stranger = machine.target();
    stranger.user = "nobody-here".to_owned();
    let error = Session::connect(&stranger, Duration::from_secs(2)).await.unwrap_err();
    assert!(matches!(error, HostError::LoginRefused { .. }), "{error}");

    let mut closed = machine.target();
    closed.port = 1;
    let error = Session::connect(&closed, Duration::from_secs(2)).await.unwrap_err();
    assert!(matches!(error, HostError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn one_change_at_a_time_and_a_dead_holder_frees_the_lock() {
    let machine = Machine::boot("lock");
    let (first, second) = (machine.connect().await, machine.connect().await);
    let lock = first.lock("ada@desk", "up").await.unwrap();
    assert!(lock.is_held() && lock.taken_over_from.is_none());

    let error = second.lock("ben@desk", "deploy").await.unwrap_err();
    let HostError::Locked { holder, verb, since, .. } = &error else { panic!("{error}") };
    assert_eq!((holder.as_str(), verb.as_str()), ("ada@desk", "up"));
    assert!(since.parse::<jiff::Timestamp>().is_ok(), "{since}");
    assert_eq!(second.facts(&site_without_disk()).await.unwrap().lock.unwrap().who, "ada@desk");

    lock.release().await;
    let lock = second.lock("ben@desk", "deploy").await.unwrap();
    assert!(lock.taken_over_from.is_none(), "a released lock is not taken over");

    // The connection dies under its holder, as when a laptop is closed for good.
    machine.shell("pkill -f '[s]shd.*ubuntu' || true");
    let deadline = Instant::now() + Duration::from_secs(10);
    while lock.is_held() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!lock.is_held(), "the holder must learn that its lock is gone");
    let third = machine.connect().await;
    let lock = third.lock("cyd@desk", "up").await.unwrap();
    assert_eq!(lock.taken_over_from.as_ref().unwrap().who, "ben@desk");
    assert!(!first.is_alive().await);
    let error = first.facts(&site_without_disk()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    let HostError::ConnectionLost { detail, .. } = error else { panic!("{error}") };
    assert_eq!(detail, "it had ended");
}
