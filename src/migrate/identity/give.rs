//! Changes identities, and takes them back. Each is one transaction under a lock that stops the table's readers and writers
//! for a moment; who waits for it longer makes everybody behind him wait, so that it is tried often and shortly.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::choose::{Change, Wanted, changes};
use super::{IdentityError, REMEMBERED, is_there, trigger};
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::{Catalog, QualifiedName, quote_identifier, read};
use crate::migrate::unseen::as_replica;
use crate::postgres::{Client, PostgresError};

/// How long the lock may be waited for, one attempt after the other. The last is more than the second after which the
/// server ends an automatic VACUUM that is in the way.
const WAITS: [&str; 4] = ["200ms", "200ms", "200ms", "1500ms"];
const BETWEEN: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(120);

/// One statement under the table's lock.
struct Work {
    table: QualifiedName,
    /// Of an extension, which may belong to somebody else or not let itself be changed: then it is left alone.
    optional: bool,
    sql: String,
}

/// Every table has an identity when it returns; how many were changed. `like` is the other end, if what was before is to be
/// what was before there: a schema that was dumped in the middle of a migration has the migration's own identities.
pub async fn give(client: &Client, like: Option<&Client>) -> Result<usize, IdentityError> {
    make_memory(client).await?;
    let catalog = read(client).await?;
    let work: Vec<Work> = changes(&catalog).iter().map(change).collect();
    if let Some(like) = like {
        remember_like(client, like, &catalog).await?;
    }
    let count = work.len();
    run(client, work).await?;
    Ok(count)
}

/// Every table has the identity that it had. Nothing may be published any more. Nothing happens where nothing was changed.
pub async fn take_back(client: &Client) -> Result<(), IdentityError> {
    trigger::remove(client).await?;
    if !is_there(client).await? {
        return Ok(());
    }
    // What a session of a killed agent is about to commit is to be seen.
    let memory = QualifiedName::new(HELPER_SCHEMA, REMEMBERED);
    let sql = format!("LOCK TABLE {memory} IN SHARE MODE");
    run(client, vec![Work { table: memory, optional: false, sql }]).await?;
    let sql = format!(
        "SELECT m.relation::int8, n.nspname::text, c.relname::text, m.identity::text
           FROM {HELPER_SCHEMA}.{REMEMBERED} m LEFT JOIN pg_class c ON c.oid = m.relation
           LEFT JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY 2, 3"
    );
    let mut work = vec![];
    for row in client.rows("reading remembered identities", &sql, &[]).await? {
        let forget = format!("DELETE FROM {HELPER_SCHEMA}.{REMEMBERED} WHERE relation = {}", row.get::<_, i64>(0));
        match (row.get::<_, Option<String>>(1), row.get::<_, Option<String>>(2)) {
            (Some(schema), Some(name)) => {
                let table = QualifiedName::new(schema, name);
                let word = match row.get(3) {
                    "f" => "FULL",
                    "d" => "DEFAULT",
                    // Of an index that was gone already.
                    _ => "NOTHING",
                };
                let sql = format!("ALTER TABLE ONLY {table} REPLICA IDENTITY {word}; {forget}");
                work.push(Work { table, optional: false, sql });
            }
            _ => client.run("forgetting a table that is gone", &forget).await?,
        }
    }
    run(client, work).await
}

async fn make_memory(client: &Client) -> Result<(), PostgresError> {
    if is_there(client).await? {
        return Ok(());
    }
    let sql = format!(
        "CREATE SCHEMA IF NOT EXISTS {HELPER_SCHEMA};
         CREATE TABLE IF NOT EXISTS {HELPER_SCHEMA}.{REMEMBERED} (relation oid PRIMARY KEY, identity \"char\" NOT NULL)"
    );
    client.run("making the memory of identities", &sql).await
}

fn change(change: &Change) -> Work {
    let (table, optional) = (change.table.clone(), change.extension);
    let identity = match &change.wanted {
        Wanted::Default => "DEFAULT".to_owned(),
        Wanted::Index(index) => format!("USING INDEX {}", quote_identifier(index)),
        Wanted::Full => "FULL".to_owned(),
    };
    // Under the lock: nobody changes it in between.
    let sql = format!(
        "LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE;
         INSERT INTO {HELPER_SCHEMA}.{REMEMBERED} SELECT oid, relreplident FROM pg_class
          WHERE oid = {}::regclass ON CONFLICT DO NOTHING;
         ALTER TABLE ONLY {table} REPLICA IDENTITY {identity}",
        crate::migrate::catalog::quote_literal(&table.to_string())
    );
    Work { table, optional, sql }
}

/// What the other end remembers of tables of the same names, before anything is changed here.
async fn remember_like(client: &Client, like: &Client, catalog: &Catalog) -> Result<(), PostgresError> {
    if !is_there(like).await? {
        return Ok(());
    }
    let sql = format!(
        "SELECT n.nspname::text, c.relname::text, m.identity::text FROM {HELPER_SCHEMA}.{REMEMBERED} m
           JOIN pg_class c ON c.oid = m.relation JOIN pg_namespace n ON n.oid = c.relnamespace"
    );
    let rows = like.rows("reading the other end's identities", &sql, &[]).await?;
    let theirs = rows.iter().map(|row| (QualifiedName::new(row.get::<_, &str>(0), row.get::<_, &str>(1)), row.get(2)));
    let theirs: std::collections::HashMap<QualifiedName, String> = theirs.collect();
    let (mut oids, mut letters) = (vec![], vec![]);
    for table in &catalog.tables {
        if let Some(letter) = theirs.get(&table.name) {
            oids.push(i64::from(table.oid.0));
            letters.push(letter.as_str());
        }
    }
    let insert = format!(
        "INSERT INTO {HELPER_SCHEMA}.{REMEMBERED} SELECT t.relation::oid, t.identity::\"char\"
           FROM unnest($1::int8[], $2::text[]) AS t (relation, identity) ON CONFLICT DO NOTHING"
    );
    client.rows("remembering identities", &insert, &[&oids, &letters]).await.map(drop)
}

/// Without a trace in what the database's own event triggers note down, if this user may.
async fn run(client: &Client, work: Vec<Work>) -> Result<(), IdentityError> {
    if work.is_empty() { Ok(()) } else { as_replica(client, all(client, work)).await }
}

/// A table that is in use waits until the others are done.
async fn all(client: &Client, work: Vec<Work>) -> Result<(), IdentityError> {
    let began = Instant::now();
    let mut queue: VecDeque<(usize, Work)> = work.into_iter().map(|work| (0, work)).collect();
    while let Some((attempt, work)) = queue.pop_front() {
        match once(client, &work, WAITS[attempt % WAITS.len()]).await {
            Ok(()) => {}
            // undefined_table: it was dropped meanwhile.
            Err(error) if error.sqlstate() == Some("42P01") => {}
            // lock_not_available, deadlock_detected
            Err(error) if matches!(error.sqlstate(), Some("55P03" | "40P01")) => {
                if began.elapsed() > PATIENCE {
                    let who = who(client, &work.table).await?;
                    return Err(IdentityError::Busy { table: work.table, seconds: PATIENCE.as_secs(), who });
                }
                queue.push_back((attempt + 1, work));
                sleep(BETWEEN).await;
            }
            Err(error) if work.optional && !error.is_transient() => {
                tracing::warn!("{}", crate::error::chain(&error));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn once(client: &Client, work: &Work, wait: &str) -> Result<(), PostgresError> {
    let operation = format!("changing the replica identity of {}", work.table.plain());
    let sql = format!("BEGIN; SET LOCAL lock_timeout = '{wait}'; {}; COMMIT", work.sql);
    let result = client.run(&operation, &sql).await;
    if result.is_err() {
        client.run("ending the attempt", "ROLLBACK").await?;
    }
    result
}

async fn who(client: &Client, table: &QualifiedName) -> Result<String, PostgresError> {
    let sql = "SELECT format('%s (pid %s)', coalesce(nullif(a.application_name, ''), a.usename::text, a.backend_type), a.pid)
                 FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
                WHERE l.relation = to_regclass($1) AND l.granted AND a.pid <> pg_backend_pid() ORDER BY a.xact_start LIMIT 3";
    let rows = client.rows("looking for who uses a table", sql, &[&table.to_string()]).await?;
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok(if names.is_empty() { "somebody".to_owned() } else { names.join(", ") })
}
