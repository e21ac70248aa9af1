//! The saga: which stages there are, what the journal says of them, what the user may say, what comes next. Pure: records
//! in, decision out. What a stage does is `stages`; who runs it is `agent` on the host and `infra migrate` at the operator's.

mod cutover;
mod event;
#[cfg(test)]
mod model;
mod next;
mod stage;
mod status;
mod switch;
#[cfg(test)]
mod tests;
mod transitions;
mod user_command;

pub use cutover::Cutover;
pub use event::Event;
pub use next::{Next, next};
pub use stage::{Mode, Place, Stage};
pub use status::{Direction, GivenUp, Progress, Status};
pub use switch::{Side, Step, Switching};
pub use user_command::{Consent, Untimely, UserCommand, admit};
