//! A database that has everything once: `roles`, `types`, `tables` and `objects` can be moved to any server, `losses`,
//! `blockers` and `orphans` need a decision, `many` and `large` are about size. The cases each stand for something that was
//! once taken for a difference, or for none.

use crate::servers::{SUPERUSER, Server};

const PARTS: [(&str, &str); 18] = [
    ("roles", include_str!("roles.sql")),
    ("types", include_str!("types.sql")),
    ("tables", include_str!("tables.sql")),
    ("objects", include_str!("objects.sql")),
    ("losses", include_str!("losses.sql")),
    ("blockers", include_str!("blockers.sql")),
    ("orphans", include_str!("orphans.sql")),
    ("many", include_str!("many.sql")),
    ("large", include_str!("large.sql")),
    ("every_version", include_str!("every_version.sql")),
    ("definitions", include_str!("../cases/definitions.sql")),
    ("membership", include_str!("../cases/membership.sql")),
    ("owner_of_public", include_str!("../cases/owner_of_public.sql")),
    ("partition_names", include_str!("../cases/partition_names.sql")),
    ("xml_declaration", include_str!("../cases/xml_declaration.sql")),
    ("extension_rights", include_str!("../cases/extension_rights.sql")),
    ("inherited", include_str!("../cases/inherited.sql")),
    ("rare", include_str!("../cases/rare.sql")),
];

/// What every server can take.
pub const PORTABLE: [&str; 4] = ["roles", "types", "tables", "objects"];

/// Makes a database of these parts, in their order.
pub fn load(server: &Server, database: &str, parts: &[&str]) {
    server.psql(SUPERUSER, &format!("CREATE DATABASE {database} TEMPLATE template0"));
    for part in parts {
        let (_, sql) = PARTS.iter().find(|(name, _)| name == part).unwrap();
        server.psql(database, sql);
    }
}
