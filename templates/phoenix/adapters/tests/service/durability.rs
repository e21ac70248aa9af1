//! Uploads that are cut short, by the client or by a kill, and files larger than the memory allowed.

use std::io::Write;
use std::time::Duration;

use crate::http;
use crate::server::{PUBLISH, READ, Server, incoming};

const PATH: &str = "/adapters/lora/1/a";
const MB: usize = 1024 * 1024;

/// Announces more than it sends.
fn begin_upload(server: &Server) -> std::net::TcpStream {
    let bearer = format!("Bearer {PUBLISH}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Length", "4000000")];
    let mut stream = http::connect(server.address);
    stream.write_all(http::head("PUT", PATH, &headers).as_bytes()).unwrap();
    stream.write_all(&vec![b'x'; 2_000_000]).unwrap();
    stream
}

fn wait_until(what: &str, is: impl Fn() -> bool) {
    for _ in 0..200 {
        if is() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("never happened: {what}");
}

#[test]
fn a_client_that_hangs_up_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let stream = begin_upload(&server);
    wait_until("the upload begins", || incoming(folder.path()) == 1);
    assert_eq!(server.get(PATH).status, 404);
    drop(stream);
    wait_until("the upload is removed", || incoming(folder.path()) == 0);
    assert_eq!(server.get(PATH).status, 404);
    assert_eq!(server.get("/adapters").json()["adapters"].as_array().unwrap().len(), 0);
}

#[test]
fn a_kill_in_mid_upload_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.put("/adapters/lora/1/before", b"stays");
    let stream = begin_upload(&server);
    wait_until("the upload begins", || incoming(folder.path()) == 1);
    server.kill();
    drop(stream);
    assert_eq!(incoming(folder.path()), 1);
    let server = Server::start(folder.path());
    assert_eq!(incoming(folder.path()), 0);
    assert_eq!(server.get(PATH).status, 404);
    assert_eq!(server.get("/adapters/lora/1/before").body, b"stays");
    assert_eq!(server.put(PATH, b"again").status, 201);
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let size = 256 * MB;
    let bearer = format!("Bearer {PUBLISH}");
    let length = size.to_string();
    let mut stream = http::connect(server.address);
    let headers = [("Authorization", bearer.as_str()), ("Content-Length", length.as_str())];
    stream.write_all(http::head("PUT", PATH, &headers).as_bytes()).unwrap();
    let block = vec![7; MB];
    for _ in 0..size / MB {
        stream.write_all(&block).unwrap();
    }
    assert_eq!(http::receive(stream).status, 201);
    let mut stream = http::connect(server.address);
    let bearer = format!("Bearer {READ}");
    stream.write_all(http::head("GET", PATH, &[("Authorization", &bearer)]).as_bytes()).unwrap();
    assert!(std::io::copy(&mut stream, &mut std::io::sink()).unwrap() > size as u64);
    assert!(server.peak_memory_mb() < 40, "{} MB", server.peak_memory_mb());
}
