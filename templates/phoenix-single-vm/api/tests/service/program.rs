//! The program as a child process, and requests to it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

pub const TOKEN: &str = "0123456789abcdef";

/// Stopped on drop.
pub struct Program {
    pub port: u16,
    child: Child,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// Below the ports that the system gives to whoever connects: one of these could otherwise be taken before the program
/// listens, or a connection to it connect to itself.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = (std::process::id() % 1000) as u16 * 12;
    let mut ports = std::iter::repeat_with(|| 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

impl Program {
    /// `parts` are what its health covers beside the database.
    pub fn start(database: u16, parts: &str) -> Self {
        let port = free_port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_api"));
        command
            .env_clear()
            .env("LISTEN", format!("127.0.0.1:{port}"))
            .env("API_TOKEN", TOKEN)
            .env("DB_HOST", "127.0.0.1")
            .env("DB_PORT", database.to_string())
            .env("DB_NAME", "postgres")
            .env("HEALTH_PARTS", parts);
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        Self { port, child }
    }

    pub fn wait_ready(&self) {
        let began = Instant::now();
        while self.try_request("GET", "/ready", "", "").is_none_or(|answer| answer.status != 200) {
            assert!(began.elapsed() < Duration::from_secs(30), "not ready within 30 s");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn healthcheck(&self) -> Option<i32> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_api"));
        command.arg("healthcheck").env_clear().env("LISTEN", format!("0.0.0.0:{}", self.port));
        command.status().unwrap().code()
    }

    pub fn get(&self, path: &str, token: &str) -> Answer {
        self.try_request("GET", path, token, "").unwrap()
    }

    pub fn post(&self, path: &str, token: &str, body: &str) -> Answer {
        self.try_request("POST", path, token, body).unwrap()
    }

    fn try_request(&self, method: &str, path: &str, token: &str, body: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        Some(Answer { status: head.split(' ').nth(1)?.parse().ok()?, body: body.to_owned() })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
