//! Whom a replication slot waits for: it is made only when every transaction of the whole server that has written has
//! ended, in whichever database.

use crate::postgres::{Client, PostgresError};

/// Told by name; behind them come others that began later.
const MOST_TOLD: i64 = 5;

/// Transactions that have written and not ended, the oldest first, each in words with what ends it. Without their
/// statements, which may hold what nobody should read.
pub async fn open_writers(client: &Client) -> Result<Vec<String>, PostgresError> {
    let sql = "SELECT text FROM (
          SELECT xact_start AS began,
                 format('process %s of %s (%s) in database %s, %s, begun at %s, its last statement at %s: SELECT pg_terminate_backend(%1$s) ends it',
                        pid, coalesce(usename, '?'), coalesce(nullif(application_name, ''), backend_type), coalesce(datname, '?'),
                        coalesce(state, 'at work'), date_trunc('second', xact_start), date_trunc('second', query_start)) AS text
            FROM pg_catalog.pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
          UNION ALL
          SELECT prepared, format('prepared transaction %s of %s in database %s, of %s: COMMIT PREPARED or ROLLBACK PREPARED there ends it',
                                  quote_literal(gid), owner, database, date_trunc('second', prepared))
            FROM pg_catalog.pg_prepared_xacts) AS open ORDER BY began LIMIT $1";
    let rows = client.rows("looking for open transactions", sql, &[&MOST_TOLD]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// For an error: who is in the way, or that nobody is any more.
pub fn told(writers: &[String]) -> String {
    match writers {
        [] => "the transaction that it waited for has ended meanwhile".to_owned(),
        some => format!("it waits for\n    {}", some.join("\n    ")),
    }
}
