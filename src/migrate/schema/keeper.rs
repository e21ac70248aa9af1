//! Who runs the target's server: what can be changed there, and by what. A remedy that is another server's helps nobody.
//! Pure.

use super::target::{Ability, Target};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// Amazon, as RDS or Aurora; whether infra made it or not.
    Rds,
    /// Another provider, or somebody else: its user is no superuser.
    Provider,
    /// Whoever gave its URL: its user is a superuser.
    User,
}

/// Every database of RDS and Aurora has it, and nobody may make it elsewhere by that name with that meaning.
pub const RDS_ROLE: &str = "rds_superuser";

impl Target {
    pub fn keeper(&self) -> Keeper {
        match (self.roles.contains(RDS_ROLE), self.superuser) {
            (true, _) => Keeper::Rds,
            (false, true) => Keeper::User,
            (false, false) => Keeper::Provider,
        }
    }
}

impl Keeper {
    /// How a setting of the server is changed: `wal_level`, `logical`.
    pub fn set(self, name: &str, value: &str) -> String {
        match (self, name) {
            (Self::Rds, "wal_level") => {
                "set rds.logical_replication = 1 in its parameter group, and reboot it".to_owned()
            }
            (Self::Rds, _) => format!("set {name} = {value} in its parameter group, and reboot it"),
            (Self::Provider, _) => format!("let its provider set {name} = {value}, and restart it"),
            (Self::User, _) => format!("ALTER SYSTEM SET {name} = {value} there, and restart it"),
        }
    }

    /// Of an extension that is not there, or not allowed.
    pub fn extension(self, is_there: bool) -> &'static str {
        match (self, is_there) {
            (Self::Rds, false) => {
                "drop it at the source if nothing uses it, or choose a target that has it: RDS does not"
            }
            (Self::Rds, true) => {
                "allow it in the target's parameter group (rds.allowed_extensions, shared_preload_libraries), or drop it at the source if nothing uses it"
            }
            (Self::Provider, _) => "ask the target's provider to allow it, or drop it at the source if nothing uses it",
            (Self::User, false) => {
                "install its package on the target's server, or drop it at the source if nothing uses it"
            }
            (Self::User, true) => "prepare the target's server for it, or drop it at the source if nothing uses it",
        }
    }

    /// How pg_cron comes to run there.
    pub fn scheduler(self) -> &'static str {
        match self {
            Self::Rds => {
                "load pg_cron (shared_preload_libraries in its parameter group, then CREATE EXTENSION in its database postgres)"
            }
            Self::Provider => "let its provider load pg_cron",
            Self::User => "load pg_cron there",
        }
    }

    /// Of an object that only some may make.
    pub fn object(self) -> &'static str {
        match self {
            Self::Rds => "do without it, or choose another target: on RDS nobody may make it",
            Self::Provider => "let a superuser of the target make it there, or do without it",
            Self::User => "make it at the target, or do without it",
        }
    }

    /// Of a setting of a role or database.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Rds => "set it in the target's parameter group, or do without it",
            Self::Provider => "ask the target's provider to set it, or do without it",
            Self::User => "load what it belongs to at the target, or do without it",
        }
    }

    /// Of an attribute that a role cannot get from the target's user.
    pub fn attribute(self, role: &str, ability: Ability, user: &str) -> String {
        match (self, ability) {
            (Self::Rds, Ability::Replication) => {
                format!("GRANT rds_replication TO {role} at the target, if it is to replicate from there")
            }
            (Self::Rds, Ability::BypassRowSecurity) => {
                format!(
                    "give it policies of its own, as CREATE POLICY … TO {role} USING (true): on RDS nobody has that attribute"
                )
            }
            (_, Ability::BypassRowSecurity) => {
                format!(
                    "let a superuser of the target give it, or give it policies of its own, as CREATE POLICY … TO {role} USING (true)"
                )
            }
            (_, Ability::CreateRole) => format!("let {user} make the target's roles"),
            (_, Ability::CreateDatabase) => format!("let {user} make the target's databases"),
            _ => "let a superuser of the target give it, if it is needed there".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::disposition::fixture::target;
    use super::*;

    fn keepers() -> [Keeper; 3] {
        let rds = Target { roles: [RDS_ROLE.to_owned()].into(), ..target() };
        [rds, target(), Target { superuser: true, ..target() }].map(|target| target.keeper())
    }

    #[test]
    fn the_keeper_is_known_by_what_the_server_has() {
        assert_eq!(keepers(), [Keeper::Rds, Keeper::Provider, Keeper::User]);
    }

    #[test]
    fn what_is_said_of_rds_is_said_of_no_other() {
        let abilities = || {
            [Ability::Replication, Ability::BypassRowSecurity, Ability::CreateRole, Ability::CreateDatabase].into_iter()
        };
        let said = |keeper: Keeper| {
            let fixed = [
                keeper.extension(true),
                keeper.extension(false),
                keeper.object(),
                keeper.setting(),
                keeper.scheduler(),
            ]
            .map(str::to_owned);
            let attributes = abilities().map(move |ability| keeper.attribute("r", ability, "u"));
            let all: Vec<_> = fixed.into_iter().chain([keeper.set("wal_level", "logical")]).chain(attributes).collect();
            all.join("\n")
        };
        let [rds, provider, user] = keepers().map(said);
        assert!(
            rds.contains("rds_replication") && rds.contains("parameter group") && !rds.contains("ALTER SYSTEM"),
            "{rds}"
        );
        for other in [&provider, &user] {
            assert!(!other.contains("rds") && !other.contains("RDS") && !other.contains("parameter group"), "{other}");
        }
        assert!(
            user.contains("ALTER SYSTEM SET wal_level = logical") && !provider.contains("ALTER SYSTEM"),
            "{provider}"
        );
        let of = |ability| Keeper::Rds.attribute("r", ability, "u");
        for ability in [Ability::BypassRowSecurity, Ability::CreateRole, Ability::CreateDatabase] {
            assert!(!of(ability).contains("rds_replication"), "{}", of(ability));
        }
    }
}
