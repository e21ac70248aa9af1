//! `infra`: from one small server to managed services, without a rewrite and without losing a row.
//! docs/ARCHITECTURE.md says how the modules go together.

pub mod agent;
pub mod cli;
pub mod cloud;
pub mod cost;
pub mod diff;
pub mod error;
pub mod executor;
pub mod graph;
pub mod host;
pub mod inventory;
pub mod journal;
pub mod logging;
pub mod migrate;
pub mod plan;
pub mod postgres;
pub mod stack;
pub mod steps;
pub mod ui;
pub mod watch;
