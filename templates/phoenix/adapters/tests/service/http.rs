//! A client that sends exactly the bytes a test wants, so that paths are not cleaned up on the way.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// `path` goes out as it is.
pub fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{lines}\r\n")
}

/// One request with a body, on a connection of its own.
pub fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let length = body.len().to_string();
    let mut all = headers.to_vec();
    if method == "PUT" {
        all.push(("Content-Length", &length));
    }
    let mut stream = connect(address);
    stream.write_all(head(method, path, &all).as_bytes()).unwrap();
    // A server that refuses may close before it has read everything; its answer is there all the same.
    let _ = stream.write_all(body);
    receive(stream)
}

/// Reads until the connection ends.
pub fn receive(mut stream: impl Read) -> Answer {
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert!(!bytes.is_empty(), "no answer: {error}");
    }
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("the answer has a head");
    let text = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = text.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok()).unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status,
        headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
        body: bytes[end + 4..].to_vec(),
    }
}
