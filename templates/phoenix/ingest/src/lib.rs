//! Takes telemetry batches over HTTPS and answers once PostgreSQL has committed them.
