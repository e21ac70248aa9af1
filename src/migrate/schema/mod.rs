//! The schema on its way: pg_dump's archive and the source's catalogue become entries for the target, ordered and in
//! phases, and losses: everything that cannot be carried over, with what happens and what to do. `build` is pure;
//! `dump`, `examine` and `apply` have effects.
//!
//! The target's user need not be a superuser. Nothing carries a password.

mod apply;
mod archive;
mod build;
mod constraint;
mod decide;
mod disposition;
mod dump;
mod entry;
mod grant;
mod hand_over;
mod inherit;
mod keeper;
mod large_object;
mod loss;
mod owner;
mod path;
mod refusal;
mod remove;
mod role;
mod setting;
mod split;
mod target;

pub use apply::{Applied, ApplyError, apply, apply_together, done, is_alone, prepare_session, set_session, settle};
pub use archive::{ArchiveError, DumpId, Item, parse};
pub use build::{Schema, build};
pub use decide::{is_vital, mentions};
pub use disposition::described;
pub use dump::{DumpError, Names, arguments, dump, reason};
pub use entry::{Entry, EntryId, Phase};
pub use hand_over::{hand_over, take_back};
pub use keeper::{Keeper, RDS_ROLE};
pub use large_object::{LargeObject, read_large_objects};
pub use loss::{Consequence, Loss};
pub use path::{Guided, Paths, under};
pub use refusal::Refusal;
pub use remove::{RemoveError, Removed, remove};
pub use role::{remarked, replaced};
pub use split::statements;
pub use target::{Ability, ExtensionState, Target, TargetError, Tried, examine};
