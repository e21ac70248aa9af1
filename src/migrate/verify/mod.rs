//! Proves that two databases hold the same: every row by hashes that do not depend on order, every object by its
//! definition. Says where they differ, down to rows and columns. Only reads, on both ends.
//!
//! Rows are hashed as text of pinned settings, so that 0 and −0, 1.0 and 1.00, NULL and '' differ
//! (docs/decisions/0061-hashing-rows.md).

mod compare;
mod end;
mod hash;
mod narrow;
mod object;
mod report;
mod row;
mod run;

pub use compare::explained;
pub use end::{End, VerifyError};
pub use object::{Definition, ObjectKey, read_objects};
pub use report::{ObjectDifference, Report, RowDifference, RowFault, TableResult};
pub use run::{Options, VerifyEvent, verify};
