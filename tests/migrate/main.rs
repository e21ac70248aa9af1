//! Migration against real servers: PostgreSQL 15 from Debian's package and 17 from the bundle's image.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too: what fails here fails the test")]

mod carried;
mod catalog;
mod copy;
mod corpus;
mod definitions;
mod drift;
mod identity;
mod index;
mod look;
mod preflight;
mod rehearse;
mod remove;
mod replicate;
mod row_security;
mod schema;
mod servers;
mod since;
mod through_root;
mod timescale;
mod verify;
mod versions;
mod wire;
