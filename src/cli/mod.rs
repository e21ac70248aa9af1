//! cli

pub mod init;
pub mod schema;
