//! The scratch database: of the target's encoding and order of text, made from template0, and dropped on every way out. One
//! that a killed run left is dropped by the next.

use super::memberships::made_roles;
use super::run::RehearseError;
use crate::migrate::catalog::{quote_identifier, quote_literal};
use crate::postgres::{Client, Endpoint, connect};

/// Longest name of a database, in bytes.
const LONGEST: usize = 63;
pub const APPLICATION: &str = "infra rehearsal";

pub struct Scratch {
    /// In the target's own database: a database is not dropped from within.
    beside: Client,
    pub name: String,
}

/// What a rehearsal for this database is called, so that a later run finds what a killed one left.
pub fn scratch_name(database: &str) -> String {
    let mut name = format!("infra_rehearsal_{database}");
    while name.len() > LONGEST {
        name.pop();
    }
    name
}

/// With the roles that were made for it. Also what abort and finish do: does nothing where there is none.
pub async fn drop_scratch(target: &Client) -> Result<(), RehearseError> {
    let name = scratch_name(&target.endpoint().database);
    // What a killed run left may still be connected.
    let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote_identifier(&name));
    target.run("dropping the scratch database of the rehearsal", &sql).await?;
    drop_roles(target, &name).await
}

/// Known by their remark. Whatever came to need one, as another rehearsal, keeps it.
async fn drop_roles(target: &Client, remark: &str) -> Result<(), RehearseError> {
    for role in made_roles(target, remark).await? {
        match target.run("dropping a role of the rehearsal", &format!("DROP ROLE {}", quote_identifier(&role))).await {
            Err(error) if error.sqlstate() != Some(NEEDED) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// dependent_objects_still_exist
const NEEDED: &str = "2BP01";

impl Scratch {
    pub async fn make(target: &Endpoint) -> Result<Self, RehearseError> {
        let beside = connect(target, APPLICATION).await?;
        drop_scratch(&beside).await?;
        let name = scratch_name(&target.database);
        let like = like(&beside).await?;
        let sql = format!("CREATE DATABASE {} TEMPLATE template0{like}", quote_identifier(&name));
        beside.run("making a scratch database for the rehearsal", &sql).await?;
        Ok(Self { beside, name })
    }

    pub async fn connect(&self) -> Result<Client, RehearseError> {
        Ok(connect(&self.beside.endpoint().with_database(&self.name), APPLICATION).await?)
    }

    pub async fn drop(self) -> Result<(), RehearseError> {
        drop_scratch(&self.beside).await
    }
}

/// The options that make a database like the one that `client` is in.
async fn like(client: &Client) -> Result<String, RehearseError> {
    // Columns that came with 15 and 17; before, every database is libc's.
    let sql = "SELECT pg_encoding_to_char(d.encoding)::text, d.datcollate::text, d.datctype::text,
                      COALESCE(to_jsonb(d) ->> 'datlocprovider', 'c'),
                      COALESCE(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')
                 FROM pg_database d WHERE d.datname = current_database()";
    let row = client.row("reading how the target's database writes text", sql, &[]).await?;
    let [encoding, collate, ctype, provider]: [String; 4] = [row.get(0), row.get(1), row.get(2), row.get(3)];
    let locale: Option<String> = row.get(4);
    let own = match (provider.as_str(), locale.as_deref().map(quote_literal)) {
        ("i", Some(locale)) => format!(" LOCALE_PROVIDER icu ICU_LOCALE {locale}"),
        ("b", Some(locale)) => format!(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {locale}"),
        _ => String::new(),
    };
    let [encoding, collate, ctype] = [encoding, collate, ctype].map(|text| quote_literal(&text));
    Ok(format!(" ENCODING {encoding} LC_COLLATE {collate} LC_CTYPE {ctype}{own}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(scratch_name("app"), "infra_rehearsal_app");
        let name = scratch_name(&"ä".repeat(40));
        assert!(name.len() <= LONGEST && name.ends_with('ä'), "{name}");
    }
}
