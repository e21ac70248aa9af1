//! Who enters a database that infra made, beside its master user: the clients' own role, which owns it, and infra's, which acts as
//! that one. A provider changes the master's password when it likes; it is used here, once, and kept nowhere
//! (docs/decisions/0108-the-masters-password-is-used-once.md).

use serde::{Deserialize, Serialize};

use super::catalog::{quote_identifier, quote_literal};
use crate::postgres::{Client, Endpoint, PostgresError, Secret, connect};

const APPLICATION: &str = "infra migrate";
/// infra's own, for the time of the migration.
pub const OF_INFRA: &str = "infra_migrate";
/// The clients', where the name that they have at the old server is taken.
const OF_CLIENTS: &str = "infra_clients";
/// Names that a provider keeps for itself.
const RESERVED: [&str; 4] = ["admin", "rdsadmin", "rds_superuser", "rds_replication"];
/// What its members may, the master user may.
const AS_MASTER: &str = "rds_superuser";
const TO_REPLICATE: &str = "rds_replication";
/// From here on a grant says whether its member may act as the role.
const GRANTS_SAY: i32 = 160_000;

/// Made before the roles are, so that whoever repeats it gives the same ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Passwords {
    pub clients: Secret,
    pub infra: Secret,
}

impl Passwords {
    pub fn random() -> Self {
        Self { clients: Secret::random(), infra: Secret::random() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logins {
    pub clients: Endpoint,
    pub infra: Endpoint,
}

/// May be repeated. `user` is whom the clients are at the old server.
pub async fn make(master: &Endpoint, user: &str, passwords: &Passwords) -> Result<Logins, PostgresError> {
    let client = connect(master, APPLICATION).await?;
    let says = grant_options(&client).await?;
    if is_superuser(&client).await? {
        return beside_superuser(&client, master, says, &passwords.infra).await;
    }
    let owner = name(user, &master.user);
    let (role, infra, database) =
        (quote_identifier(owner), quote_identifier(OF_INFRA), quote_identifier(&master.database));
    let mut sql = vec![];
    if !is_there(&client, owner).await? {
        sql.push(format!("CREATE ROLE {role} LOGIN CREATEROLE CREATEDB"));
    }
    sql.push(password(&role, &passwords.clients));
    sql.push(format!("GRANT {role} TO CURRENT_USER{says}"));
    if is_there(&client, AS_MASTER).await? {
        sql.push(format!("GRANT {AS_MASTER} TO {role}"));
    }
    sql.push(format!("ALTER DATABASE {database} OWNER TO {role}"));
    if !is_there(&client, OF_INFRA).await? {
        sql.push(format!("CREATE ROLE {infra} LOGIN"));
    }
    sql.push(password(&infra, &passwords.infra));
    sql.push(format!("GRANT {role} TO {infra}{says}"));
    if is_there(&client, TO_REPLICATE).await? {
        sql.push(format!("GRANT {TO_REPLICATE} TO {infra}"));
    }
    sql.push(format!("ALTER ROLE {infra} SET role = {role}"));
    client.run("making the roles of the clients and of infra", &sql.join(";\n")).await?;
    let clients = Endpoint { user: owner.to_owned(), password: passwords.clients.clone(), ..master.clone() };
    let infra = Endpoint { login: Some(OF_INFRA.to_owned()), password: passwords.infra.clone(), ..clients.clone() };
    Ok(Logins { clients, infra })
}

/// A server of the bundle's own: its clients are its superuser, as at the old one, and nobody changes that password. infra has
/// a login beside it all the same, so that replication does not end when somebody does.
async fn beside_superuser(
    client: &Client,
    master: &Endpoint,
    says: &str,
    password_of_infra: &Secret,
) -> Result<Logins, PostgresError> {
    let (role, infra) = (quote_identifier(&master.user), quote_identifier(OF_INFRA));
    let mut sql = vec![];
    if !is_there(client, OF_INFRA).await? {
        // Who follows changes has to be let as whoever logs in.
        sql.push(format!("CREATE ROLE {infra} LOGIN REPLICATION"));
    }
    sql.push(password(&infra, password_of_infra));
    sql.push(format!("GRANT {role} TO {infra}{says}"));
    sql.push(format!("ALTER ROLE {infra} SET role = {role}"));
    client.run("making the role of infra", &sql.join(";\n")).await?;
    let infra = Endpoint { login: Some(OF_INFRA.to_owned()), password: password_of_infra.clone(), ..master.clone() };
    Ok(Logins { clients: master.clone(), infra })
}

async fn grant_options(client: &Client) -> Result<&'static str, PostgresError> {
    let sql = "SELECT current_setting('server_version_num')::int";
    let version: i32 = client.row("asking for the version", sql, &[]).await?.get(0);
    Ok(if version >= GRANTS_SAY { " WITH INHERIT TRUE, SET TRUE" } else { "" })
}

async fn is_superuser(client: &Client) -> Result<bool, PostgresError> {
    let sql = "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user";
    Ok(client.row("asking for the master's rights", sql, &[]).await?.get(0))
}

/// infra has nothing to do there any more: nobody enters as its role again. That stays, since only the master could drop it.
pub async fn retire(infra: &Endpoint) -> Result<(), PostgresError> {
    if infra.login.as_deref() != Some(OF_INFRA) {
        return Ok(());
    }
    let client = connect(infra, APPLICATION).await?;
    // Its own password is all that a role may change, and it acts as the clients'. Where that is a superuser it may do so as this
    // one; itself it could not before 16, since it replicates.
    let itself = if is_superuser(&client).await? { "" } else { "SET ROLE NONE; " };
    let sql = format!("{itself}ALTER ROLE {OF_INFRA} PASSWORD NULL");
    client.run("closing infra's own role", &sql).await
}

/// The server gets to know what proves the password, and not the password.
fn password(role: &str, password: &Secret) -> String {
    let proof = postgres_protocol::password::scram_sha_256(password.expose().as_bytes());
    format!("ALTER ROLE {role} PASSWORD {}", quote_literal(&proof))
}

/// The name that the clients have always had, if it can be.
fn name<'a>(user: &'a str, master: &str) -> &'a str {
    let is_taken = user == master || RESERVED.contains(&user) || user.starts_with("pg_");
    if is_taken { OF_CLIENTS } else { user }
}

async fn is_there(client: &Client, role: &str) -> Result<bool, PostgresError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1)";
    Ok(client.row("looking for a role", sql, &[&role]).await?.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_keep_their_name_where_they_can() {
        assert_eq!(name("postgres", "infra_master"), "postgres");
        assert_eq!(name("postgres", "postgres"), OF_CLIENTS);
        assert_eq!(name("admin", "infra_master"), OF_CLIENTS);
        assert_eq!(name("pg_app", "infra_master"), OF_CLIENTS);
    }
}
