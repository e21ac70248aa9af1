//! `ALTER DATABASE … SET`, `ALTER ROLE … SET`, and what else hangs on the database itself: rights, comment, owner.

use super::entry::{Entry, Phase};
use super::loss::Loss;
use super::target::Target;
use crate::migrate::catalog::{Catalog, Privilege, Replaced, Setting, quote_identifier, quote_literal};

/// Settings whose value is a list of names, kept quoted as it was given (GUC_LIST_QUOTE): quoted again, it would be one
/// name.
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

pub fn settings(source: &Catalog, target: &Target, replaced: &Replaced) -> (Vec<Entry>, Vec<Loss>) {
    let mut entries = Vec::new();
    let mut losses = Vec::new();
    for setting in &source.settings {
        let scope = scope(setting, &target.database);
        let refused = target.refused_settings.get(&setting.name).cloned();
        let foreign = setting.role.as_ref().filter(|role| replaced.contains(role));
        let refused = refused.or_else(|| foreign.map(|role| format!("the role {role} is another's there")));
        let for_all = setting.role.is_none() && !setting.in_database;
        match refused.or_else(|| (for_all && !target.superuser).then(|| "only a superuser may set it".to_owned())) {
            None => entries.push(entry(setting, &scope)),
            Some(message) => losses.push(Loss::new(
                "setting-refused",
                format!("SETTING {}", told(setting)),
                format!("the target refuses this setting: {message}"),
                target.keeper().setting(),
            )),
        }
    }
    (entries, losses)
}

fn scope(setting: &Setting, database: &str) -> String {
    let database = quote_identifier(database);
    match (&setting.role, setting.in_database) {
        (None, true) => format!("ALTER DATABASE {database}"),
        (None, false) => "ALTER ROLE ALL".to_owned(),
        (Some(role), true) => format!("ALTER ROLE {} IN DATABASE {database}", quote_identifier(role)),
        (Some(role), false) => format!("ALTER ROLE {}", quote_identifier(role)),
    }
}

/// As the comparison of both ends names it.
fn told(setting: &Setting) -> String {
    let place = if setting.in_database { " in the database" } else { "" };
    format!("{}{place} {}", setting.role.as_deref().unwrap_or("all roles"), setting.name)
}

fn entry(setting: &Setting, scope: &str) -> Entry {
    let statement = format!("{scope} SET {}", assigned(&setting.name, &setting.value));
    Entry::new(Phase::Settings, "SETTING", format!("{scope} SET {}", setting.name), vec![statement])
        .undone_by(format!("{scope} RESET {}", quoted(&setting.name)))
}

/// `"name" TO value`, the value as the catalogue keeps it.
pub(super) fn assigned(name: &str, value: &str) -> String {
    let value = if LISTS.contains(&name) { value.to_owned() } else { quote_literal(value) };
    let value = if value.is_empty() { "''".to_owned() } else { value };
    format!("{} TO {value}", quoted(name))
}

/// The name of a setting may be made of two, which are quoted one by one.
fn quoted(name: &str) -> String {
    name.split('.').map(quote_identifier).collect::<Vec<_>>().join(".")
}

/// Rights on the database, its comment, its owner: the database exists at the target already, maybe by another name.
pub fn database(source: &Catalog, target: &Target) -> Vec<Entry> {
    let database = quote_identifier(&target.database);
    let mut entries = Vec::new();
    if let Some(privileges) = &source.database.privileges {
        let statements = grants(&database, &source.database.owner, privileges);
        entries.push(Entry::new(Phase::Settings, "DATABASE ACL", &target.database, statements));
    }
    if let Some(comment) = &source.database.comment {
        let statement = format!("COMMENT ON DATABASE {database} IS {}", quote_literal(comment));
        entries.push(
            Entry::new(Phase::Settings, "DATABASE COMMENT", &target.database, vec![statement])
                .undone_by(format!("COMMENT ON DATABASE {database} IS NULL")),
        );
    }
    let owner = source.roles.iter().find(|role| role.name == source.database.owner);
    // A superuser's database stays with whom the target's server made it for.
    if owner.is_some_and(|owner| !owner.superuser) {
        let statement = format!("ALTER DATABASE {database} OWNER TO {}", quote_identifier(&source.database.owner));
        entries.push(Entry::new(Phase::Last, "DATABASE OWNER", &target.database, vec![statement]));
    }
    entries
}

fn grants(database: &str, owner: &str, privileges: &[Privilege]) -> Vec<String> {
    let granted = privileges.iter().filter(|privilege| privilege.grantee.as_deref() != Some(owner)).map(|privilege| {
        let grantee = privilege.grantee.as_deref().map_or("PUBLIC".to_owned(), quote_identifier);
        let option = if privilege.grantable { " WITH GRANT OPTION" } else { "" };
        format!("GRANT {} ON DATABASE {database} TO {grantee}{option}", privilege.privilege)
    });
    std::iter::once(format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC")).chain(granted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &str) -> String {
        let setting = Setting { role: Some("r".into()), in_database: true, name: name.into(), value: value.into() };
        entry(&setting, &scope(&setting, "d")).statements.remove(0)
    }

    #[test]
    fn lists_of_names_are_written_as_they_are_kept() {
        assert_eq!(set("search_path", "a, \"B c\""), r#"ALTER ROLE "r" IN DATABASE "d" SET "search_path" TO a, "B c""#);
        assert_eq!(set("my.own", "it's"), r#"ALTER ROLE "r" IN DATABASE "d" SET "my"."own" TO 'it''s'"#);
        assert_eq!(set("search_path", ""), r#"ALTER ROLE "r" IN DATABASE "d" SET "search_path" TO ''"#);
    }
}
