//! What people and machines see. Consumes events and data; decides nothing.

mod explain_text;
mod json;
mod lines;
mod measures;
mod migrate_guide;
mod migrate_pages;
mod migrate_status;
mod migrate_text;
mod migrate_words;
mod plan_text;
mod progress;
mod status_text;

pub use explain_text::{explain_text, metrics_text};
pub use json::JsonLines;
pub use lines::PlainLines;
#[cfg(test)]
pub use migrate_guide::fixture as guides;
pub use migrate_guide::{GuideView, StageView, findings_text, guide_text, is_long, warning_text};
pub use migrate_pages::pages_text;
#[cfg(test)]
pub use migrate_status::fixture as reports;
pub use migrate_status::{migration_text, waiting_text};
pub use migrate_text::stage_line;
pub use migrate_words::words;
pub use plan_text::{PlanView, StepView, plan_text, removal_text};
pub use progress::Bars;
pub use status_text::{HostStatus, StatusView, status_text};

use crate::executor::Event;

/// Shows a run's events, one after the other.
pub trait Display: Send {
    fn event(&mut self, event: &Event);
}

/// How output is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Bars and spinners.
    Terminal,
    /// One line an event that matters.
    Plain,
    /// One JSON document a line, on stdout.
    Json,
}

/// `verbosity` counts the `-v`.
pub fn display(mode: Mode, verbosity: u8) -> Box<dyn Display> {
    let verbose = verbosity > 0;
    match mode {
        Mode::Terminal => Box::new(Bars::new(verbose)),
        Mode::Plain => Box::new(PlainLines::new(verbose)),
        Mode::Json => Box::new(JsonLines),
    }
}
