//! The service as a process of its own, so that it can be killed.

use super::{Postgres, Request, eventually, free_port, post, signal};
use std::process::{Child, Command, ExitStatus, Stdio};

pub const TOKEN: &str = "a-token-for-tests";

/// A running service; killed on drop.
pub struct Service {
    pub port: u16,
    process: Child,
}

impl Service {
    /// Starts on a port of its own and waits until it is ready.
    pub async fn start(postgres: &Postgres, variables: &[(&str, &str)]) -> Self {
        let service = Self::spawn(free_port(), postgres, variables);
        service.ready().await;
        service
    }

    pub fn spawn(port: u16, postgres: &Postgres, variables: &[(&str, &str)]) -> Self {
        let process = Command::new(env!("CARGO_BIN_EXE_ingest"))
            .env_clear()
            .env("INGEST_TOKEN", TOKEN)
            .env("DATABASE_URL", format!("postgres://postgres@127.0.0.1:{}/postgres", postgres.port))
            .env("LISTEN_PLAIN", format!("127.0.0.1:{port}"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self { port, process }
    }

    pub async fn ready(&self) {
        eventually("the service", async || self.get("/healthz").await == 200).await;
    }

    /// The status, or 0 if nothing answers.
    pub async fn get(&self, path: &str) -> u16 {
        let address = ([127, 0, 0, 1], self.port).into();
        phoenix_tls::probe(address, false, path).await.unwrap_or(0)
    }

    pub async fn send(&self, body: impl Into<Vec<u8>>) -> super::Answer {
        post(self.port, Request::new(body)).await.unwrap()
    }

    pub async fn send_with_key(&self, key: &str, body: &str) -> super::Answer {
        post(self.port, Request::new(body).header("idempotency-key", key)).await.unwrap()
    }

    pub fn signal(&self, name: &str) {
        signal(name, self.process.id());
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
