//! One reading of the host: its kernel, its containers, its database, what its services say of themselves.
//!
//! Files and answers are made into values by pure functions: the previous reading, the present one, and the time between
//! them by the clock that never jumps. What cannot be told truly is missing, with the reason: no value is ever made up.
//!
//! The kernel's files are parsed here and not by the crate `procfs`. It gives a file or an error; here a field that a
//! kernel lacks costs that field alone. Where mistakes are made, in the differences of counters, it does not help.

mod config;
mod container_list;
mod containers;
mod counter;
mod cpu;
mod database;
mod disk;
mod endpoint;
mod exposition;
mod host;
mod http;
mod memory;
mod mount;
mod pressure;
mod reader;
mod sample;
mod unit;

#[cfg(test)]
mod agreement_tests;
#[cfg(test)]
mod host_tests;

pub use config::{CollectConfig, ConfigError, DatabaseConfig, DockerConfig, EndpointConfig};
pub use reader::Reader;
pub use sample::{Missing, Reading, Sample, Series, Why};
pub use unit::{UnitPaths, unit_text};
