//! Proves that two databases hold the same: every row by hashes that do not depend on order, every object by its
//! definition and by what it is made of. Says where they differ, down to rows and columns. Only reads, on both ends.
//!
//! Rows are hashed as text of pinned settings, so that 0 and −0, 1.0 and 1.00, NULL and '' differ
//! (docs/decisions/0061-hashing-rows.md).

mod compare;
mod end;
mod hash;
mod hypertables;
pub mod incremental;
mod narrow;
mod object;
mod prints;
mod report;
mod row;
mod row_hash;
mod run;
mod subject;
mod summary;
mod uses;

pub use compare::{Terms, USES, compare, compare_uses};
pub use end::{End, VerifyError};
pub use hypertables::is_its_object;
pub use incremental::same_rows;
pub use object::{Definition, ObjectKey, Objects, read_objects, unquoted};
pub use prints::Prints;
pub use report::{ObjectDifference, Rechecked, Report, RowDifference, RowFault, TableResult, markdown_of_changes};
pub use run::{Options, VerifyEvent, compare_objects, verify};
pub use subject::{explained, mentions};
pub use summary::{summary_of_changes, told_of_object};
pub use uses::{OtherUse, Uses, other_uses, read_uses};
