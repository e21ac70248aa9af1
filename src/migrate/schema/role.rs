//! Roles, and who is a member of which. Without passwords, which cannot be read without superuser on either end, and
//! without superuser. The target's user becomes a member of every role, or it could give objects to none.

use super::entry::{Entry, Phase};
use super::loss::{Consequence, Loss};
use super::target::{Ability, Target};
use crate::migrate::catalog::{Catalog, Membership, Replaced, Role, quote_identifier, quote_literal};

/// Those superusers of the source, at this target.
pub fn replaced(source: &Catalog, target: &Target) -> Replaced {
    let taken = |role: &&Role| {
        let foreign = target.roles.contains(&role.name) && !target.grantable.contains(&role.name);
        role.superuser && role.name != target.user && foreign
    };
    Replaced::of(source.roles.iter().filter(taken).map(|role| role.name.as_str()), &target.user)
}

pub fn roles(source: &Catalog, target: &Target, replaced: &Replaced) -> (Vec<Entry>, Vec<Loss>) {
    let mut entries = Vec::new();
    let mut losses = Vec::new();
    for role in &source.roles {
        if replaced.contains(&role.name) {
            let what = format!("is another's at the target: what it owns goes to {}", target.user);
            losses.push(Loss::note("role-replaced", format!("ROLE {}", role.name), what, "nothing"));
            continue;
        }
        if target.roles.contains(&role.name) {
            losses.extend(existing(role, target));
        } else {
            entries.push(Entry::new(Phase::Roles, "ROLE", &role.name, vec![create(role, target)]));
            losses.extend(attributes(role, target));
        }
        if is_joined(role, target) {
            entries.push(Entry::new(Phase::Roles, "MEMBERSHIP", &role.name, vec![join(role, target)]));
        }
    }
    for membership in &source.memberships {
        let object = format!("MEMBERSHIP {} in {}", membership.member, membership.role);
        if is_users_own(membership, target, replaced) {
            let what = format!("is not carried: {} is a member of every role that is made there", target.user);
            losses.push(Loss::note("membership-of-user", object, what, "nothing"));
            continue;
        }
        match refusal(membership, source, target) {
            None => entries.push(grant(membership, source, target)),
            Some(why) => {
                let remedy = "grant it at the target as somebody who may";
                losses.push(Loss::new("membership-refused", object, why, remedy));
            }
        }
    }
    losses.extend(passwords(source, target));
    (entries, losses)
}

/// Exists is looked at when it runs: roles belong to the server, where another migration may have made them.
fn create(role: &Role, target: &Target) -> String {
    let name = quote_identifier(&role.name);
    let word = |holds: bool, word: &str| format!("{}{word}", if holds { "" } else { "NO" });
    let given = |wanted: bool, ability, text: &str| word(wanted && target.can(ability), text);
    let mut options = vec![
        word(role.inherit, "INHERIT"),
        word(role.login, "LOGIN"),
        given(role.create_role, Ability::CreateRole, "CREATEROLE"),
        given(role.create_database, Ability::CreateDatabase, "CREATEDB"),
    ];
    if role.replication && target.can(Ability::Replication) {
        options.push("REPLICATION".to_owned());
    }
    if role.bypass_row_security && target.can(Ability::BypassRowSecurity) {
        options.push("BYPASSRLS".to_owned());
    }
    if role.connection_limit >= 0 {
        options.push(format!("CONNECTION LIMIT {}", role.connection_limit));
    }
    if let Some(until) = &role.valid_until {
        options.push(format!("VALID UNTIL {}", quote_literal(until)));
    }
    let create = quote_literal(&format!("CREATE ROLE {name} {}", options.join(" ")));
    let known = quote_literal(&role.name);
    format!(
        "DO $infra$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {known}) \
         THEN EXECUTE {create}{MADE}"
    )
}

const MADE: &str = "; END IF; END $infra$";

/// What makes a role, with a remark on it that says for what: only if it was not there.
pub fn remarked(create: &str, role: &str, remark: &str) -> String {
    let comment = format!("COMMENT ON ROLE {} IS {}", quote_identifier(role), quote_literal(remark));
    create.replace(MADE, &format!("; EXECUTE {}{MADE}", quote_literal(&comment)))
}

fn is_joined(role: &Role, target: &Target) -> bool {
    let may = !target.roles.contains(&role.name) || target.grantable.contains(&role.name);
    !target.superuser && role.name != target.user && may
}

fn join(role: &Role, target: &Target) -> String {
    let options = if target.version.major() >= 16 { " WITH INHERIT TRUE, SET TRUE" } else { "" };
    format!("GRANT {} TO CURRENT_USER{options}", quote_identifier(&role.name))
}

/// The member is the target's user, or becomes it. That one is a member of all roles that it makes, with the right to
/// grant them, which nobody may grant back to it; a superuser's memberships are carried like everybody's.
fn is_users_own(membership: &Membership, target: &Target, replaced: &Replaced) -> bool {
    replaced.contains(&membership.member) || (membership.member == target.user && !target.superuser)
}

fn grant(membership: &Membership, source: &Catalog, target: &Target) -> Entry {
    let (role, member) = (quote_identifier(&membership.role), quote_identifier(&membership.member));
    let options = if target.version.major() >= 16 {
        // Before 16 a member inherits all of its roles or none.
        let of_member = source.roles.iter().find(|role| role.name == membership.member).is_none_or(|role| role.inherit);
        let (inherit, set) = (membership.inherit.unwrap_or(of_member), membership.set.unwrap_or(true));
        format!(" WITH ADMIN {}, INHERIT {inherit}, SET {set}", membership.admin)
    } else if membership.admin {
        " WITH ADMIN OPTION".to_owned()
    } else {
        String::new()
    };
    let name = format!("{} in {}", membership.member, membership.role);
    Entry::new(Phase::Roles, "MEMBERSHIP", name, vec![format!("GRANT {role} TO {member}{options}")])
}

fn refusal(membership: &Membership, source: &Catalog, target: &Target) -> Option<String> {
    let made_here = |name: &str| source.roles.iter().any(|r| r.name == name) && !target.roles.contains(name);
    if membership.role == target.user && !target.superuser {
        return Some(format!("{} is the target's user, who is a member of all roles itself", target.user));
    }
    let may = made_here(&membership.role) || target.grantable.contains(&membership.role);
    let exists = made_here(&membership.role) || target.roles.contains(&membership.role);
    match (exists, may) {
        (false, _) => Some(format!("the target has no role {}", membership.role)),
        (true, false) => Some(format!("the target's user may not grant {}", membership.role)),
        (true, true) => None,
    }
}

fn attributes(role: &Role, target: &Target) -> Vec<Loss> {
    let object = format!("ROLE {}", role.name);
    let superuser = role.superuser.then(|| {
        Loss::note(
            "role-superuser",
            &object,
            "is no superuser at the target",
            "grant it the rights that it really needs",
        )
    });
    let lost = [
        (role.replication && !role.superuser, Ability::Replication, "REPLICATION"),
        (role.bypass_row_security && !role.superuser, Ability::BypassRowSecurity, "BYPASSRLS"),
        (role.create_role && !role.superuser, Ability::CreateRole, "CREATEROLE"),
        (role.create_database && !role.superuser, Ability::CreateDatabase, "CREATEDB"),
    ];
    let lost =
        lost.into_iter().filter(|(has, ability, _)| *has && !target.can(*ability)).map(|(_, ability, attribute)| {
            let what = format!("has no {attribute} at the target: its user may not give that");
            let remedy = target.keeper().attribute(&role.name, ability, &target.user);
            Loss::new("role-attribute", &object, what, remedy)
        });
    superuser.into_iter().chain(lost).collect()
}

/// A role of this name is there: it is used as it is.
fn existing(role: &Role, target: &Target) -> Option<Loss> {
    let object = format!("ROLE {}", role.name);
    if role.name == target.user || target.superuser && role.superuser {
        return None;
    }
    let used = Loss::note(
        "role-exists",
        &object,
        "exists at the target, and is used as it is there",
        "compare its attributes",
    );
    if target.grantable.contains(&role.name) || !role.used_here {
        return Some(used);
    }
    let what = format!("exists at the target, and {} may not act as it", target.user);
    Some(Loss {
        consequence: Consequence::Blocks,
        ..Loss::new(
            "role-foreign",
            object,
            what,
            "grant it to the target's user WITH ADMIN OPTION, or rename it at the source",
        )
    })
}

fn passwords<'a>(source: &'a Catalog, target: &'a Target) -> impl Iterator<Item = Loss> + 'a {
    let without = |role: &&Role| role.login && !target.roles.contains(&role.name);
    source.roles.iter().filter(without).map(|role| {
        Loss::note(
            "role-password",
            format!("ROLE {}", role.name),
            "logs in, and has no password at the target",
            format!(
                "\\password {} in psql at the target, before anything connects as it; the clients that infra switches need none",
                role.name
            ),
        )
    })
}
