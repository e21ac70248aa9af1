//! Distributes adapter model files over HTTPS.

fn main() {}
