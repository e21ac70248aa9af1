//! Keeps a verification true until the switch, and through the guard: what changes at either end after it is recorded there,
//! read now and then, noted by its key and compared row by row (docs/decisions/0063-verified-until-the-switch.md). When
//! that is done, and what follows from it, is for the stages to say (`stages/incremental_verify`, `stages/changes_back`).

mod change_verification;
mod changed;
mod notes;
mod recheck;

pub use change_verification::{
    Baseline, CHANGES, ChangeVerificationError, ChangeVerifier, RecheckRound, to_be_verified,
};
pub use recheck::same_rows;
