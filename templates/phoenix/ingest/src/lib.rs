//! Takes telemetry batches over HTTPS and answers once PostgreSQL has committed them.
//!
//! A batch travels through the modules in this order:
//!
//! ```text
//! api ─ body ─ record ─ writer ─ database
//!  │      │       │        └ one transaction for many batches, COPY, retries that cannot duplicate
//!  │      │       └ pure: JSON text in, COPY rows or per-record errors out
//!  │      └ bounded reading and decompression
//!  └ HTTP: authentication, limits, answers
//! ```
//!
//! Invariants: a 200 is sent only after COMMIT has succeeded; a batch is stored whole or not at all, and once, however
//! often it is tried; every byte held for a request is counted against one [`budget::Budget`].

pub mod api;
pub mod body;
pub mod budget;
pub mod config;
pub mod database;
pub mod healthcheck;
pub mod metrics;
pub mod record;
pub mod secret;
pub mod service;
pub mod writer;
