//! Grants as pg_dump wrote them, for a user who is no superuser: acting as a role takes membership, not
//! `SET SESSION AUTHORIZATION`.

use super::split::statements;
use crate::migrate::catalog::Replaced;

pub fn rewritten(definition: &str, replaced: &Replaced) -> Vec<String> {
    statements(definition).into_iter().map(|statement| one(statement, replaced)).collect()
}

fn one(statement: &str, replaced: &Replaced) -> String {
    const DEFAULTS: &str = "ALTER DEFAULT PRIVILEGES FOR ROLE ";
    if let Some(role) = statement.strip_prefix("SET SESSION AUTHORIZATION ") {
        return format!("SET LOCAL ROLE {}", replaced.written(role).unwrap_or_else(|| role.to_owned()));
    }
    if statement == "RESET SESSION AUTHORIZATION" {
        return "RESET ROLE".to_owned();
    }
    let of = statement.strip_prefix(DEFAULTS).and_then(|rest| rest.split_once(' '));
    match of.and_then(|(role, rest)| Some((replaced.written(role)?, rest))) {
        Some((role, rest)) => format!("{DEFAULTS}{role} {rest}"),
        None => statement.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_grantors_are_acted_as_by_role() {
        let dumped =
            "SET SESSION AUTHORIZATION \"x;y\";\nGRANT SELECT ON TABLE s.t TO z;\nRESET SESSION AUTHORIZATION;\n";
        let statements = ["SET LOCAL ROLE \"x;y\"", "GRANT SELECT ON TABLE s.t TO z", "RESET ROLE"];
        assert_eq!(rewritten(dumped, &Replaced::default()), statements);
    }

    #[test]
    fn a_superuser_that_stays_behind_is_replaced() {
        let replaced = Replaced::of(["postgres"], "master");
        let dumped = "ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA s GRANT SELECT ON TABLES TO z;\n";
        let statement = "ALTER DEFAULT PRIVILEGES FOR ROLE \"master\" IN SCHEMA s GRANT SELECT ON TABLES TO z";
        assert_eq!(rewritten(dumped, &replaced), [statement]);
        assert_eq!(rewritten("SET SESSION AUTHORIZATION postgres;", &replaced), ["SET LOCAL ROLE \"master\""]);
    }
}
