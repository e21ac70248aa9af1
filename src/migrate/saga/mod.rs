//! The saga: which stages there are, what the journal says of them, what comes next. Pure: records in, decision out.
//! What a stage does is `stages`; who runs it is `agent` on the host and `infra migrate` at the operator's.

mod cutover;
mod event;
mod next;
mod stage;
mod status;
#[cfg(test)]
mod tests;

pub use cutover::Cutover;
pub use event::Event;
pub use next::{Next, next};
pub use stage::{Mode, Place, Stage};
pub use status::{Direction, Progress, Status};
