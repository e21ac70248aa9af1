//! One HTML file that shows how a stack has been doing: data in, text out.
//!
//! Pure. The file asks for nothing from anywhere and needs no scripts. Text that comes from hosts is escaped by `maud`, and by
//! `plotters` in charts. What was not measured is a gap, never a line drawn across it.

mod axis;
mod chart;
mod figures;
mod ink;
mod model;
mod page;
mod reduce;
#[cfg(test)]
mod tests;
mod unit;
mod zones;

pub use model::{
    Chart, CostLine, Event, EventKind, Expectation, Line, Report, Section, Severity, Subject, Zone, ZoneRow, ZoneSpan,
};
pub use page::html;
pub use unit::Unit;
