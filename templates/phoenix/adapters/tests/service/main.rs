//! The service as a process, spoken to over real sockets.

mod http;
mod server;

mod access;
mod download;
mod durability;
mod publish;
mod tls;
