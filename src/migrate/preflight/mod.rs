//! What stands in the way of a migration, all of it at once, before anything is changed. Facts of both ends are gathered
//! once, reading only; rules are pure functions of them.

mod facts;
mod finding;
mod gather;
mod group;
mod presume;
mod row_faults;
mod rules;
mod sections;
#[cfg(test)]
mod tests;

pub use facts::{
    Capacity, FkViolations, LargeRow, LongTransaction, PreparedTransaction, RowFault, RowFaults, ServerFacts,
    Situation, Slot,
};
pub use finding::{Finding, Severity};
pub use gather::{PreflightError, gather};
pub use group::{Group, groups};
pub use presume::{Made, Presumed, presume};
pub use rules::cannot_be_dumped;
pub use sections::Sections;

/// Blockers first, then by code and object.
pub fn check(situation: &Situation) -> Vec<Finding> {
    let mut findings: Vec<_> = rules::ALL.iter().flat_map(|rule| rule(situation)).collect();
    findings.sort_by(|a, b| (a.severity, &a.code, &a.object).cmp(&(b.severity, &b.code, &b.object)));
    findings
}
