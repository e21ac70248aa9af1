//! The `ingest` service.

fn main() {}
