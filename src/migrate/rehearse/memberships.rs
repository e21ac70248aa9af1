//! Memberships are the server's: what a rehearsal in batches granted among roles that were there before is taken back. Those
//! of roles that it made go with these.

use std::collections::BTreeSet;

use super::run::RehearseError;
use crate::migrate::catalog::quote_identifier;
use crate::postgres::Client;

/// Role, member, and who granted it.
pub struct Memberships(BTreeSet<(String, String, String)>);

impl Memberships {
    pub async fn read(client: &Client) -> Result<Self, RehearseError> {
        let name = "pg_get_userbyid";
        let sql =
            format!("SELECT {name}(roleid)::text, {name}(member)::text, {name}(grantor)::text FROM pg_auth_members");
        let rows = client.rows("reading who is a member of which role", &sql, &[]).await?;
        Ok(Self(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()))
    }

    pub async fn restore(&self, client: &Client) -> Result<(), RehearseError> {
        // A pass that failed left its transaction.
        client.run("ending the rehearsal", "ROLLBACK").await?;
        let now = Self::read(client).await?;
        let made = made_roles(client, &client.endpoint().database).await?;
        let ours = now.0.difference(&self.0).filter(|(role, member, _)| !made.contains(role) && !made.contains(member));
        for (role, member, _) in ours {
            let sql = format!("REVOKE {} FROM {}", quote_identifier(role), quote_identifier(member));
            client.run("taking a membership back", &sql).await?;
        }
        Ok(())
    }
}

/// By the remark that they have.
pub async fn made_roles(client: &Client, remark: &str) -> Result<BTreeSet<String>, RehearseError> {
    let sql = "SELECT r.rolname::text FROM pg_roles r JOIN pg_shdescription d ON d.objoid = r.oid
                WHERE d.classoid = 'pg_authid'::regclass AND d.description = $1";
    let rows = client.rows("looking for roles of the rehearsal", sql, &[&remark]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
