//! A managed database, made and removed by the real provider in the lab: undisturbed, interrupted, spoiled; and what its
//! server then is. Needs what `tests/lab/setup` prepares.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too: what fails here fails the test")]

mod alarms;
mod interrupted;
mod network;
mod server;
mod stage;
