//! The host module against real machines: sshd, systemd, Docker and block devices. They need root, Docker and the
//! image `infra-lab-host`; tests/run makes both ready.

mod bundle;
mod connection;
mod disks;
mod images;
mod machine;
mod releases;
