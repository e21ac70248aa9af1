//! The database that infra makes for a migration has the encoding and the order of text of the old one. Its provider makes it
//! with the server's own; nothing changes that afterwards, so that an empty one is put in its place.

use crate::migrate::catalog::{quote_identifier, quote_literal};
use crate::postgres::{Client, Endpoint, PostgresError, connect};

/// Made beside the other one, and then called as it was.
const DRAFT: &str = "infra_alike";
const OPERATION: &str = "making the new database alike";

/// What a database is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub encoding: String,
    /// `c` libc, `i` ICU, `b` built in.
    pub provider: String,
    /// Of a provider that is not libc.
    pub locale: Option<String>,
    pub collate: String,
    pub ctype: String,
}

impl Order {
    /// As CREATE DATABASE says it.
    pub fn clause(&self) -> String {
        let word = |key: &str, value: &str| format!("{key} {}", quote_literal(value));
        let mut words = vec![word("ENCODING", &self.encoding)];
        match (self.provider.as_str(), &self.locale) {
            ("i", Some(locale)) => words.push(format!("LOCALE_PROVIDER icu {}", word("ICU_LOCALE", locale))),
            ("b", Some(locale)) => words.push(format!("LOCALE_PROVIDER builtin {}", word("BUILTIN_LOCALE", locale))),
            _ => {}
        }
        words.extend([word("LC_COLLATE", &self.collate), word("LC_CTYPE", &self.ctype)]);
        words.join(" ")
    }

    /// `en_US.utf8` of one system is `en_US.UTF-8` of another.
    pub fn is_like(&self, other: &Self) -> bool {
        let plain = |order: &Self| {
            let names = [&order.collate, &order.ctype].map(|name| name.to_lowercase().replace("utf-8", "utf8"));
            (order.encoding.clone(), order.provider.clone(), order.locale.clone(), names)
        };
        plain(self) == plain(other)
    }
}

/// Where the server does not take it the database stays as it is, and preflight tells what differs. May be cut off anywhere.
pub async fn make_alike(source: &Client, target: &Endpoint) -> Result<(), PostgresError> {
    let Some(wanted) = order(source, &source.endpoint().database).await? else { return Ok(()) };
    let maintenance = connect(&target.with_database("postgres"), "infra").await?;
    let draft = order(&maintenance, DRAFT).await?;
    let Some(found) = order(&maintenance, &target.database).await? else {
        // Killed between the two.
        return if draft.is_some() { rename(&maintenance, target).await } else { Ok(()) };
    };
    maintenance.run(OPERATION, &format!("DROP DATABASE IF EXISTS {DRAFT}")).await?;
    if found.is_like(&wanted) || !is_empty(target).await? {
        return Ok(());
    }
    let make = format!("CREATE DATABASE {DRAFT} TEMPLATE template0 {}", wanted.clause());
    if let Err(error) = maintenance.run(OPERATION, &make).await {
        if error.is_transient() {
            return Err(error);
        }
        tracing::warn!("the new database keeps its server's order of text: {}", crate::error::chain(&error));
        return Ok(());
    }
    let away = format!("DROP DATABASE {}", quote_identifier(&target.database));
    maintenance.run(OPERATION, &away).await?;
    rename(&maintenance, target).await
}

async fn rename(maintenance: &Client, target: &Endpoint) -> Result<(), PostgresError> {
    let name = quote_identifier(&target.database);
    maintenance.run(OPERATION, &format!("ALTER DATABASE {DRAFT} RENAME TO {name}")).await
}

/// None: there is no such database.
pub async fn order(client: &Client, database: &str) -> Result<Option<Order>, PostgresError> {
    let sql = "SELECT pg_catalog.pg_encoding_to_char(d.encoding)::text, coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'),
                      coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'), d.datcollate::text, d.datctype::text
                 FROM pg_catalog.pg_database AS d WHERE d.datname = $1";
    let rows = client.rows(OPERATION, sql, &[&database]).await?;
    Ok(rows.first().map(|row| Order {
        encoding: row.get(0),
        provider: row.get(1),
        locale: row.get(2),
        collate: row.get(3),
        ctype: row.get(4),
    }))
}

/// Nobody has made anything in it.
async fn is_empty(target: &Endpoint) -> Result<bool, PostgresError> {
    let client = connect(target, "infra").await?;
    // The first number that a server gives to an object of a user.
    let sql = "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid >= 16384)
                  AND NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE oid >= 16384)
                  AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE oid >= 16384)
                  AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE oid >= 16384)";
    Ok(client.row(OPERATION, sql, &[]).await?.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn libc(name: &str) -> Order {
        let (encoding, provider) = ("UTF8".to_owned(), "c".to_owned());
        Order { encoding, provider, locale: None, collate: name.to_owned(), ctype: name.to_owned() }
    }

    #[test]
    fn it_is_said_as_create_database_says_it() {
        assert_eq!(libc("C").clause(), "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");
        let icu = Order { provider: "i".into(), locale: Some("de".into()), ..libc("C") };
        assert_eq!(icu.clause(), "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'de' LC_COLLATE 'C' LC_CTYPE 'C'");
        assert!(!icu.is_like(&libc("C")));
    }

    #[test]
    fn an_order_has_more_than_one_name() {
        assert!(libc("en_US.utf8").is_like(&libc("en_US.UTF-8")) && !libc("C").is_like(&libc("C.UTF-8")));
    }
}
