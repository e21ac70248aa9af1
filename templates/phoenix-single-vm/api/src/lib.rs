//! Stands in for the private api of the single-VM system where infra is tried and tested: it keeps rows in PostgreSQL and
//! answers after they are committed, says how it and all behind it are, and uses CPU and memory when it is told to. What
//! the private api computes of its rows it does not do.

pub mod config;
pub mod health;
pub mod load;
pub mod metrics;
pub mod routes;
pub mod sample;
pub mod secret;
pub mod service;
pub mod store;
