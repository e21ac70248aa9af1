//! What the migration itself makes at either end: it is no part of what is moved or compared.

use super::context::{APPLY_ROLE, Context, READ_ROLE};
use super::{StageError, pause};
use crate::migrate::catalog::Catalog;
use crate::migrate::logins::OF_INFRA;
use crate::migrate::replicate::READ_ONLY;
use crate::migrate::verify::ObjectKey;

/// What the migration itself made at the old server, and the new one's own user, who was there before.
pub fn is_ours(object: &ObjectKey, user: &str) -> bool {
    let text = format!("{} {}", object.kind, object.name);
    // Offline the old database is read-only from the beginning.
    let read_only = text.starts_with("SETTING ") && text.ends_with(" default_transaction_read_only");
    // By which new tables are given an identity.
    let trigger = object.kind == "EVENT TRIGGER" && object.name.starts_with("infra_");
    read_only
        || trigger
        || text == format!("ROLE {user}")
        || [READ_ROLE, APPLY_ROLE, OF_INFRA].iter().any(|role| text.contains(role))
}

/// What keeps writers out is the migration's own, and goes nowhere.
pub fn without_ours(context: &Context, mut catalog: Catalog) -> Result<Catalog, StageError> {
    let paused = pause::is_on(context)?;
    let ours = [APPLY_ROLE, OF_INFRA];
    catalog.roles.retain(|role| !ours.contains(&role.name.as_str()));
    catalog.memberships.retain(|membership| membership.member != OF_INFRA);
    catalog.settings.retain(|setting| {
        let keeps_out = paused && setting.in_database && setting.name == READ_ONLY;
        !keeps_out && !setting.role.as_deref().is_some_and(|role| ours.contains(&role))
    });
    Ok(catalog)
}
