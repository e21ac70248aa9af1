//! Quantities with their units, as a plan writes them. A value of these types is in range and in its canonical form.

mod acu;
mod cutover;
mod destination;
mod mount;
mod port;
mod rate;
mod schedule;
mod size;
mod source;
mod span;

pub use acu::Acu;
pub use cutover::CutoverTime;
pub use destination::Destination;
pub use mount::MountPath;
pub use port::{Port, PortRange};
pub use rate::Rate;
pub use schedule::{Schedule, TimeOfDay, Weekday};
pub use size::Gigabytes;
pub use source::Source;
pub use span::Span;
