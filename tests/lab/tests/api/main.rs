//! The gateway without machines: Lightsail and EC2's answers and refusals, faults, counts, persistence, the `aws` command.

mod background;
mod command_line;
mod ec2;
mod faults;
mod gateway;
mod lifecycle;
mod model;
mod persistence;
mod refusals;
mod support;
