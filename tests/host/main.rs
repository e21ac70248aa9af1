//! The host module against real machines: sshd, systemd, Docker and block devices. They need root, Docker and the
//! image `infra-lab-host`; tests/run makes both ready.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too: what fails here fails the test")]

mod bundle;
mod clients;
mod connection;
mod data;
mod disks;
mod images;
mod machine;
mod releases;
