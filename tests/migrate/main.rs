//! Migration against real servers: PostgreSQL 15 from Debian's package and 17 from the bundle's image.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too: what fails here fails the test")]

mod alike;
mod assessment;
mod carried;
mod catalog;
mod child;
mod copy;
mod corpus;
mod ddl;
mod definitions;
mod drift;
mod guarded;
mod identity;
mod incremental_verify;
mod incremental_verify_large;
mod index;
mod journey;
mod logins;
mod pair;
mod preflight;
mod random;
mod rehearse;
mod relay;
mod remove;
mod replicate;
mod row_security;
mod schema;
mod servers;
mod switch;
mod through_root;
mod timescale;
mod verify;
mod versions;
mod way_back;
mod way_home;
mod wire;
