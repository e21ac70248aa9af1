//! The service as a process, spoken to over real sockets.

#![expect(clippy::unwrap_used, reason = "a test may stop at whatever goes wrong")]

mod http;
mod server;

mod access;
mod download;
mod durability;
mod publish;
mod tls;
