//! Distributes model adapters (LoRA weights and their configuration) to agents.
//!
//! `PUT /adapters/<name>/<version>/<file>` publishes a file once and for all; `GET` fetches it whole or in ranges;
//! `GET /adapters` lists what there is with sizes and SHA-256. README.md has the API.
//!
//! Invariants: a file is visible completely or not at all; what was published never changes; no request reaches a path
//! outside the store; memory does not grow with the size of files.

pub mod api;
pub mod auth;
pub mod config;
pub mod error;
pub mod metrics;
pub mod name;
pub mod store;
