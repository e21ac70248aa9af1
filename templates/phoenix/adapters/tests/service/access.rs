//! Who may do what, and that no request gets out of the store.

use crate::http;
use crate::server::{PUBLISH, READ, Server};

#[test]
fn tokens_decide() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let path = "/adapters/lora/1/a";
    assert_eq!(server.send("PUT", path, READ, &[], b"x").status, 403);
    assert_eq!(server.send("PUT", path, "wrong-token", &[], b"x").status, 401);
    assert_eq!(server.put(path, b"x").status, 201);
    for (token, status) in [(PUBLISH, 200), (READ, 200), ("", 401), ("wrong-token", 401)] {
        for path in [path, "/adapters", "/adapters/lora/manifest.json", "/metrics"] {
            assert_eq!(server.send("GET", path, token, &[], b"").status, status, "{path} {token}");
        }
    }
    let bare = http::send(server.address, "GET", path, &[], b"");
    assert_eq!((bare.status, bare.header("www-authenticate")), (401, "Bearer"));
    assert_eq!(http::send(server.address, "GET", "/healthz", &[], b"").status, 200);
}

#[test]
fn reading_may_be_open_but_publishing_never_is() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::with(folder.path(), &[("ADAPTERS_PUBLIC_READ", "true")]);
    assert_eq!(http::send(server.address, "GET", "/adapters", &[], b"").status, 200);
    assert_eq!(http::send(server.address, "PUT", "/adapters/lora/1/a", &[], b"x").status, 401);
}

#[test]
fn no_path_leaves_the_store() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("store");
    std::fs::write(outer.path().join("secret"), "planted secret").unwrap();
    let server = Server::start(&folder);
    server.put("/adapters/lora/1/a", b"x");
    for path in [
        "/adapters/../secret",
        "/adapters/lora/../../secret",
        "/adapters/lora/1/../../../secret",
        "/adapters/lora/1/..%2f..%2f..%2fsecret",
        "/adapters/lora/1/%2e%2e%2f%2e%2e%2f%2e%2e%2fsecret",
        "/adapters/%2e%2e/%2e%2e/secret",
        "/adapters/..%2f/..%2f/secret",
        "/adapters/lora/1/%252e%252e%252fsecret",
        "/adapters/lora/1/..%c0%af..%c0%afsecret",
        "/adapters/lora/1/..%5c..%5csecret",
        "/adapters/lora/1/....//secret",
        "/adapters/lora/1//secret",
        "/adapters/lora/1/%00secret",
        "/adapters/lora/1/a%00",
        "/adapters/lora/1/a%0d%0aX:y",
        "/adapters/lora/1/%ff%fe",
        "/adapters/.blobs/1/x",
        "/adapters/.incoming/1/x",
        "/adapters/lora/1/.lock",
        "/adapters//etc/passwd",
        "/adapters/%2fetc/%2fpasswd/x",
        "//secret",
        "/secret",
        "/adapters/..%2f/manifest.json",
        "/adapters/%2e%2e/manifest.json",
    ] {
        for method in ["GET", "HEAD", "PUT"] {
            let answer = server.send(method, path, PUBLISH, &[], b"overwritten");
            assert!((400..500).contains(&answer.status), "{method} {path}: {}", answer.status);
            assert!(!answer.body.windows(7).any(|window| window == b"planted"), "{method} {path}");
        }
    }
    assert_eq!(std::fs::read_to_string(outer.path().join("secret")).unwrap(), "planted secret");
    let mut there: Vec<_> = std::fs::read_dir(outer.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    there.sort();
    assert_eq!(there, ["secret", "store"]);
    assert_eq!(server.get("/adapters").json()["adapters"].as_array().unwrap().len(), 1);
}
