//! Moving a database to another server while it is used: docs/ARCHITECTURE.md says how the parts go together.
//! `catalog` describes one database. Nothing here shows anything.

pub mod alike;
pub mod assessment;
pub mod carried;
pub mod catalog;
pub mod copy;
pub mod ddl;
pub mod drift;
pub mod estimate;
pub mod files;
pub mod folder;
pub mod hosted;
pub mod identity;
pub mod index;
pub mod job;
pub mod logins;
pub mod measure;
pub mod old_data_retention;
pub mod partitions;
pub mod preflight;
pub mod prose;
pub mod rehearse;
pub mod relay;
pub mod replicate;
pub mod rows_path;
pub mod run;
pub mod safety_copy;
pub mod saga;
pub mod schema;
pub mod sequences;
pub mod stages;
pub mod strategy;
pub mod timescale;
pub mod unseen;
pub mod verify;

/// Where infra keeps what it needs in a database while a migration lasts. It is no part of what is moved or compared.
pub const HELPER_SCHEMA: &str = "infra_migration";
