//! Publishing: once, completely, within limits.

use std::io::Write;
use std::sync::Barrier;

use crate::http;
use crate::server::{PUBLISH, Server, incoming};

const PATH: &str = "/adapters/lora/1/a";

#[test]
fn published_files_do_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let first = server.put(PATH, b"one");
    assert_eq!((first.status, first.json()["size"].as_u64()), (201, Some(3)));
    assert_eq!(server.put(PATH, b"one").status, 200);
    let refused = server.put(PATH, b"two");
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (409, Some("conflict")));
    assert_eq!(server.get(PATH).body, b"one");
    assert_eq!(server.put("/adapters/lora/1/empty", b"").status, 201);
    assert_eq!(server.get("/adapters/lora/1/empty").body, b"");
}

#[test]
fn content_that_is_not_what_was_meant_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let hash = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
    let wrong = server.send("PUT", PATH, PUBLISH, &[("X-SHA256", hash)], b"two");
    assert_eq!((wrong.status, wrong.json()["error"]["code"].as_str()), (422, Some("digest_mismatch")));
    assert_eq!(server.get(PATH).status, 404);
    assert_eq!(server.send("PUT", PATH, PUBLISH, &[("X-SHA256", "12")], b"one").status, 400);
    assert_eq!(server.send("PUT", PATH, PUBLISH, &[("X-SHA256", hash)], b"one").status, 201);
    assert_eq!(incoming(folder.path()), 0);
}

#[test]
fn of_many_at_once_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::with(folder.path(), &[("ADAPTERS_MAX_UPLOADS", "16")]);
    for round in 0..10 {
        let path = format!("/adapters/lora/{round}/a");
        // Half of them bring the same content.
        let contents: Vec<_> = (0..12).map(|who: usize| vec![b'a' + (who % 6) as u8; 100_000 + who % 6]).collect();
        let barrier = Barrier::new(contents.len());
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let (server, path, barrier) = (&server, &path, &barrier);
            let one = |content| {
                move || {
                    barrier.wait();
                    server.put(path, content).status
                }
            };
            let threads: Vec<_> = contents.iter().map(|content| scope.spawn(one(content))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let count = |status| statuses.iter().filter(|one| **one == status).count();
        assert_eq!((count(201), count(200), count(409)), (1, 1, 10), "{statuses:?}");
        let winner = statuses.iter().position(|status| *status == 201).unwrap();
        assert_eq!(server.get(&path).body, contents[winner]);
    }
    assert_eq!(incoming(folder.path()), 0);
}

#[test]
fn limits_hold_whether_announced_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::with(folder.path(), &[("ADAPTERS_MAX_FILE_MB", "1")]);
    let large = vec![0; 1024 * 1024 + 1];
    assert_eq!(server.put(PATH, &large).status, 413);
    let bearer = format!("Bearer {PUBLISH}");
    let headers = [("Authorization", bearer.as_str()), ("Transfer-Encoding", "chunked")];
    let mut stream = http::connect(server.address);
    stream.write_all(http::head("PUT", PATH, &headers).as_bytes()).unwrap();
    let _ = stream.write_all(format!("{:x}\r\n", large.len()).as_bytes());
    let _ = stream.write_all(&large);
    assert_eq!(http::receive(stream).status, 413);
    assert_eq!(server.get(PATH).status, 404);
    assert_eq!(server.put(PATH, &large[1..]).status, 201);
}

#[test]
fn the_disk_keeps_room_for_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::with(folder.path(), &[("ADAPTERS_MIN_FREE_MB", "100000000")]);
    let refused = server.put(PATH, b"x");
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (507, Some("disk_full")));
    assert_eq!(http::send(server.address, "GET", "/healthz", &[], b"").status, 200);
}
