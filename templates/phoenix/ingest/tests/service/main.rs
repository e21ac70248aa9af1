//! The service as a process, with a real PostgreSQL behind it, spoken to over real sockets.

#![expect(clippy::unwrap_used, reason = "a test may stop at whatever goes wrong")]

mod support;

mod contract;
mod crash;
mod failures;
mod tls;
