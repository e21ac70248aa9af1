//! The program as a user types it, where neither a cloud nor a host is needed.

mod bundle;
mod collect;
mod completions;
mod explain;
mod init;
mod malformed;
mod migrate;
mod prices;
mod program;
mod schema;
