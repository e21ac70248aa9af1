//! Runs steps as a graph: side by side where they are independent, journalled before each effect, retried, waited for,
//! stopped cleanly. Tells what happens as events; knows nothing of how they are shown.

mod cloud;
mod event;
mod hosts;
mod policy;
mod run;
mod step_runner;
#[cfg(test)]
mod tests;

pub use cloud::{apply, apply_database};
pub use event::{Event, Reporter};
pub use hosts::{Connected, HostKeys, Hosts, ReleaseSource, SshHosts, existing, forward};
pub use policy::Policy;
pub use run::{Outcome, RunError, run};
pub use step_runner::{LiveRunner, StepError, StepRunner};
