//! Functions whose text the target's server cannot parse, and the source's can: a name in it has become a word of the language.
//! They are made all the same, since nobody looks into the text then, and would fail when they are called.

use super::run::RehearseError;
use crate::migrate::catalog::is_users_schema;
use crate::migrate::schema::Loss;
use crate::postgres::{Client, PostgresError};

/// syntax_error
const SYNTAX: &str = "42601";
const OPERATION: &str = "reading the text of functions";

/// Those at the target, within its transaction, with what the server says.
pub async fn unreadable(scratch: &Client) -> Result<Vec<(String, String)>, RehearseError> {
    let sql = format!(
        "SELECT p.oid::regprocedure::text, l.lanname::text
           FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_namespace n ON n.oid = p.pronamespace
          WHERE l.lanname IN ('sql', 'plpgsql') AND p.prosrc <> '' AND {}
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
          ORDER BY 1",
        is_users_schema("n.nspname")
    );
    let mut found = vec![];
    for row in scratch.rows(OPERATION, &sql, &[]).await? {
        let function = (row.get(0), row.get(1));
        scratch.run(OPERATION, "SAVEPOINT infra; SET LOCAL check_function_bodies = on").await?;
        let said = said(scratch, &function).await;
        scratch.run(OPERATION, "ROLLBACK TO SAVEPOINT infra; RELEASE SAVEPOINT infra").await?;
        if let Some(said) = said? {
            found.push((function.0, said));
        }
    }
    Ok(found)
}

/// What the source reads without a word is told.
pub async fn told(unreadable: Vec<(String, String)>, source: &Client) -> Result<Vec<Loss>, RehearseError> {
    let mut losses = vec![];
    for (function, message) in unreadable {
        let language = "SELECT l.lanname::text FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.oid::regprocedure::text = $1";
        let rows = source.rows(OPERATION, language, &[&function]).await?;
        let Some(language) = rows.first().map(|row| row.get(0)) else { continue };
        let known = (function, language);
        if said(source, &known).await?.is_none() {
            let what = format!("is text that the target's server cannot read: {message}");
            let remedy = "quote the name in its text at the source, as \"json\"; both servers read that";
            losses.push(Loss::new("function-text", format!("FUNCTION {}", known.0.replace(',', ", ")), what, remedy));
        }
    }
    Ok(losses)
}

/// What is not found may be meant to come later, or to be somewhere else: that is no fault of the text.
async fn said(client: &Client, (function, language): &(String, String)) -> Result<Option<String>, PostgresError> {
    let validator = if language == "sql" { "fmgr_sql_validator" } else { "plpgsql_validator" };
    let sql = format!("SELECT pg_catalog.{validator}(p.oid)::text FROM pg_proc p WHERE p.oid::regprocedure::text = $1");
    match client.rows(OPERATION, &sql, &[&function]).await {
        Err(PostgresError::Server { report, .. }) if report.sqlstate.code() == SYNTAX => {
            Ok(Some(report.message.clone()))
        }
        Err(error) if error.sqlstate().is_none() => Err(error),
        _ => Ok(None),
    }
}
