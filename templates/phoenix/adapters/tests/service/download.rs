//! Whole files, ranges, and what the ETag saves.

use crate::server::{READ, Server};

const PATH: &str = "/adapters/lora/1/weights.safetensors";
const CONTENT: &[u8] = b"0123456789";
/// SHA-256 of the content.
const ETAG: &str = "\"84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882\"";

fn published() -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    assert_eq!(server.put(PATH, CONTENT).status, 201);
    (folder, server)
}

#[test]
fn the_whole_file_comes_with_its_hash() {
    let (_folder, server) = published();
    let answer = server.get(PATH);
    assert_eq!((answer.status, answer.body.as_slice(), answer.header("etag")), (200, CONTENT, ETAG));
    assert_eq!(answer.header("accept-ranges"), "bytes");
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert!(answer.header("last-modified").ends_with("GMT"));
    let head = server.send("HEAD", PATH, READ, &[], b"");
    assert_eq!((head.status, head.body.len(), head.header("content-length")), (200, 0, "10"));
    assert_eq!(head.header("etag"), ETAG);
    assert_eq!(server.get("/adapters/lora/1/other").status, 404);
    assert_eq!(server.get("/adapters/lora/2/weights.safetensors").status, 404);
}

#[test]
fn ranges_are_answered_one_at_a_time() {
    let (_folder, server) = published();
    for (range, status, body, content_range) in [
        ("bytes=0-3", 206, "0123", "bytes 0-3/10"),
        ("bytes=7-", 206, "789", "bytes 7-9/10"),
        ("bytes=-2", 206, "89", "bytes 8-9/10"),
        ("bytes=8-99", 206, "89", "bytes 8-9/10"),
        ("bytes=10-", 416, "", "bytes */10"),
        ("bytes=0-1,4-5", 200, "0123456789", ""),
        ("lines=1-2", 200, "0123456789", ""),
    ] {
        let answer = server.send("GET", PATH, READ, &[("Range", range)], b"");
        assert_eq!((answer.status, answer.header("content-range")), (status, content_range), "{range}");
        assert_eq!(String::from_utf8(answer.body).unwrap(), body, "{range}");
    }
}

#[test]
fn a_range_of_other_content_is_the_whole_file() {
    let (_folder, server) = published();
    for (if_range, status) in [(ETAG, 206), ("\"other\"", 200), ("Sat, 21 Nov 2026 00:00:00 GMT", 200)] {
        let headers = [("Range", "bytes=5-"), ("If-Range", if_range)];
        assert_eq!(server.send("GET", PATH, READ, &headers, b"").status, status, "{if_range}");
    }
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    let (_folder, server) = published();
    for method in ["GET", "HEAD"] {
        for known in [ETAG, "\"other\", W/\"x\"", "*"] {
            let expected = if known.starts_with("\"other") { 200 } else { 304 };
            let answer = server.send(method, PATH, READ, &[("If-None-Match", known)], b"");
            assert_eq!((answer.status, answer.header("etag")), (expected, ETAG), "{method} {known}");
        }
    }
    let date = server.get(PATH).header("last-modified").to_owned();
    assert_eq!(server.send("GET", PATH, READ, &[("If-Modified-Since", &date)], b"").status, 304);
    let both = [("If-Modified-Since", date.as_str()), ("If-None-Match", "\"other\"")];
    assert_eq!(server.send("GET", PATH, READ, &both, b"").status, 200);
}

#[test]
fn manifests_list_what_there_is() {
    let (_folder, server) = published();
    server.put("/adapters/lora/1/adapter_config.json", b"{}");
    server.put("/adapters/another/2/a", b"a");
    let all = server.get("/adapters");
    assert_eq!(all.json()["adapters"][0]["name"], "another");
    let one = server.get("/adapters/lora/manifest.json").json();
    let file = &one["versions"][0]["files"][1];
    assert_eq!((one["name"].as_str(), file["file"].as_str()), (Some("lora"), Some("weights.safetensors")));
    assert_eq!((file["size"].as_u64(), file["sha256"].as_str()), (Some(10), Some(ETAG.trim_matches('"'))));
    let again = server.send("GET", "/adapters", READ, &[("If-None-Match", all.header("etag"))], b"");
    assert_eq!(again.status, 304);
    assert_eq!(server.get("/adapters/none/manifest.json").status, 404);
    assert_eq!(server.get("/adapters/lora/1/adapter_config.json").header("content-type"), "application/json");
}
