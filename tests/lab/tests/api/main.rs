//! The gateway without machines: Lightsail's answers and refusals, faults, counts, persistence, the `aws` command.

mod background;
mod command_line;
mod faults;
mod gateway;
mod lifecycle;
mod model;
mod persistence;
mod refusals;
mod support;
