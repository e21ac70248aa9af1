//! Roles with memberships in every direction, schemas, owners, grants of every kind, settings.

use super::maker::Maker;

pub fn roles(maker: &mut Maker) {
    let seed = maker.seed;
    for number in 0..maker.below(5) {
        let name = if number == 2 { format!("\"Role {seed} {number}\"") } else { format!("r{seed}_{number}") };
        let how = maker.pick(&[
            "",
            " LOGIN",
            " LOGIN CONNECTION LIMIT 5",
            " CREATEDB",
            " CREATEROLE NOINHERIT",
            " LOGIN PASSWORD 'secret'",
        ]);
        maker.say(format!("CREATE ROLE {name}{how}"));
        maker.roles.push(name);
    }
    let roles = maker.roles.clone();
    for (number, role) in roles.iter().enumerate() {
        for other in &roles[number + 1..] {
            if maker.often(3) {
                let how = maker.pick(&["", " WITH ADMIN OPTION"]);
                maker.say(format!("GRANT {role} TO {other}{how}"));
            }
        }
        if maker.often(3) {
            let how = maker.pick(&["", " WITH ADMIN OPTION"]);
            maker.say(format!("GRANT {role} TO postgres{how}"));
        }
        if maker.often(2) {
            let what = maker.pick(&["pg_monitor", "pg_read_all_data", "pg_signal_backend", "pg_read_all_settings"]);
            maker.say(format!("GRANT {what} TO {role}"));
        }
    }
}

pub fn schemas(maker: &mut Maker) {
    for name in ["app", "\"Sales 2\"", "audit", "archive", "reporting"] {
        if maker.often(5) {
            let owner =
                maker.role().filter(|_| maker.often(4)).map_or(String::new(), |role| format!(" AUTHORIZATION {role}"));
            maker.say(format!("CREATE SCHEMA {name}{owner}"));
            maker.schemas.push(name.to_owned());
        }
    }
    if maker.often(4) && maker.schemas.len() > 1 {
        let path = format!("{}, public", maker.schemas[1]);
        maker.say(format!("ALTER DATABASE :DBNAME SET search_path = {path}"));
        maker.say(format!("SET search_path = {path}"));
    }
    if maker.often(3) {
        let what = maker.pick(&[
            "timezone = 'Europe/Vienna'",
            "work_mem = '8MB'",
            "statement_timeout = '1h'",
            "datestyle = 'German'",
            "intervalstyle = 'iso_8601'",
            "default_text_search_config = 'pg_catalog.german'",
        ]);
        maker.say(format!("ALTER DATABASE :DBNAME SET {what}"));
    }
    if let Some(role) = maker.role() {
        let what = maker.pick(&[
            "search_path = public, \"$user\"",
            "statement_timeout = '30s'",
            "lock_timeout = 1000",
            "row_security = off",
        ]);
        let place = maker.pick(&["", " IN DATABASE :DBNAME"]);
        maker.say(format!("ALTER ROLE {role}{place} SET {what}"));
        let who = maker.pick(&["", " IN SCHEMA public"]);
        maker.say(format!("ALTER DEFAULT PRIVILEGES FOR ROLE {role}{who} GRANT SELECT, INSERT ON TABLES TO PUBLIC"));
        if maker.often(5) {
            maker.say(format!(
                "ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT USAGE ON SEQUENCES TO {role} WITH GRANT OPTION"
            ));
        }
        if maker.often(3) {
            maker.say("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC");
        }
    }
}

pub fn rights(maker: &mut Maker) {
    let roles = maker.roles.clone();
    if roles.is_empty() {
        return;
    }
    for table in maker.tables.clone() {
        let role = maker.role().unwrap();
        let of = &table.name;
        match maker.below(6) {
            0 => maker.say(format!("GRANT SELECT, UPDATE ON {of} TO {role} WITH GRANT OPTION")),
            1 => maker.say(format!("GRANT ALL ON {of} TO PUBLIC, {role}")),
            2 => {
                let column = maker.one(&table.columns).unwrap().name;
                maker.say(format!("GRANT SELECT ({column}), UPDATE ({column}) ON {of} TO {role}"));
            }
            3 => maker.say(format!("ALTER TABLE {of} OWNER TO {role}")),
            4 => maker.say(format!("REVOKE ALL ON {of} FROM postgres")),
            _ => {}
        }
        if maker.often(1) {
            maker.say(format!("GRANT SELECT ON {of} TO {role} WITH GRANT OPTION"));
            let other = maker.role().unwrap();
            maker.say(format!("SET ROLE {role}"));
            maker.say(format!("GRANT SELECT ON {of} TO {other}"));
            maker.say("RESET ROLE");
        }
    }
    for schema in maker.schemas.clone() {
        let role = maker.role().unwrap();
        let what = maker.pick(&["USAGE", "ALL", "CREATE"]);
        maker.say(format!("GRANT {what} ON SCHEMA {schema} TO {role}"));
        if maker.often(2) {
            maker.say(format!("REVOKE ALL ON SCHEMA {schema} FROM PUBLIC"));
        }
        if maker.often(2) {
            maker.say(format!("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}"));
        }
        if maker.often(2) {
            maker.say(format!("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} FROM PUBLIC"));
        }
    }
    for one in maker.types.clone() {
        let role = maker.role().unwrap();
        if maker.often(2) {
            maker.say(format!("ALTER TYPE {} OWNER TO {role}", one.name));
        }
        if maker.often(2) {
            maker.say(format!("REVOKE USAGE ON TYPE {} FROM PUBLIC", one.name));
        }
    }
    if maker.often(3) {
        let role = maker.role().unwrap();
        let how = maker.pick(&["CONNECT", "TEMPORARY", "CREATE"]);
        maker.say(format!("GRANT {how} ON DATABASE :DBNAME TO {role}"));
        maker.say("REVOKE TEMPORARY ON DATABASE :DBNAME FROM PUBLIC");
    }
    if maker.often(2) {
        let role = maker.role().unwrap();
        maker.say(format!("ALTER DATABASE :DBNAME OWNER TO {role}"));
    }
    if maker.often(3) {
        maker.say("COMMENT ON DATABASE :DBNAME IS 'made by chance'");
    }
}
