//! Real hosts, real disks, real packets: what the lab's machines must have in common with an instance of the cloud.
//!
//! Needs root and what `tests/lab/setup` prepares. Every test has a lab of its own, which it removes.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too: what fails here fails the test")]

mod boot;
mod ec2;
mod fixture;
mod network;
mod plain_host;
mod storage;
