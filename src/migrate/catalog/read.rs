//! Reads a catalogue. Every query returns rows as JSON with the names of the types' fields, so that the shape of each
//! is written down once; the statements are in `sql/`.

use serde::de::DeserializeOwned;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::{Catalog, Sequence, ServerVersion, is_users_schema};

#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("cannot read the {what} of the database")]
    Query { what: &'static str, source: tokio_postgres::Error },
    #[error("the database describes its {what} in a way that infra does not know")]
    Decode { what: &'static str, source: serde_json::Error },
    #[error("the server does not tell its version")]
    Version,
}

/// Reads everything in one snapshot, without a trace: the transaction is read only.
pub async fn read(client: &Client) -> Result<Catalog, CatalogError> {
    let transaction = |source| CatalogError::Query { what: "catalogue", source };
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(transaction)?;
    let catalog = read_within(client).await;
    client.batch_execute("ROLLBACK").await.map_err(transaction)?;
    catalog
}

/// Sequences alone, with the values that they have now: what a cutover needs within its pause.
pub async fn read_sequences(client: &Client) -> Result<Vec<Sequence>, CatalogError> {
    let reader = Reader { client, version: version(client).await? };
    reader.rows("sequences", include_str!("sql/sequences.sql")).await
}

async fn read_within(client: &Client) -> Result<Catalog, CatalogError> {
    // Names come out qualified, whatever the role's own search_path. Compiling these queries, which the planner takes for
    // larger than they are, would take seconds.
    let path = client.batch_execute("SET LOCAL search_path = pg_catalog; SET LOCAL jit = off").await;
    path.map_err(|source| CatalogError::Query { what: "catalogue", source })?;
    let reader = Reader { client, version: version(client).await? };
    Ok(Catalog {
        database: reader.one("settings", include_str!("sql/database.sql")).await?,
        tables: reader.rows("tables", include_str!("sql/tables.sql")).await?,
        types: reader.rows("types", include_str!("sql/types.sql")).await?,
        indexes: reader.rows("indexes", include_str!("sql/indexes.sql")).await?,
        constraints: reader.rows("constraints", include_str!("sql/constraints.sql")).await?,
        sequences: reader.rows("sequences", include_str!("sql/sequences.sql")).await?,
        views: reader.rows("views", include_str!("sql/views.sql")).await?,
        routines: reader.rows("functions", include_str!("sql/routines.sql")).await?,
        extensions: reader.rows("extensions", include_str!("sql/extensions.sql")).await?,
        roles: reader.rows("roles", include_str!("sql/roles.sql")).await?,
        memberships: reader.rows("memberships of roles", include_str!("sql/memberships.sql")).await?,
        settings: reader.rows("settings of roles", include_str!("sql/settings.sql")).await?,
        special: reader.rows("special objects", include_str!("sql/special.sql")).await?,
        rights_of_others: reader.rows("rights", include_str!("sql/rights.sql")).await?,
        large_objects: reader.one("large objects", include_str!("sql/large_objects.sql")).await?,
    })
}

pub async fn version(client: &Client) -> Result<ServerVersion, CatalogError> {
    let answer = client.simple_query("SHOW server_version_num").await;
    let messages = answer.map_err(|source| CatalogError::Query { what: "version", source })?;
    let text = texts(&messages).next().ok_or(CatalogError::Version)?;
    text.parse().map(ServerVersion).map_err(|_| CatalogError::Version)
}

/// Whether a sequence was called stands in the sequence alone. Up to PostgreSQL 17 this is the one way to read all of them
/// in one statement. It is asked of `s.seqrelid`, and not of `c.oid`: what needs pg_class alone may be looked at before that is joined
/// with pg_sequence, and a table is no sequence.
const SEQUENCE_STATE: &str = "SELECT substring(x FROM '<last_value>(-?[0-9]+)</last_value>')::int8,
         substring(x FROM '<is_called>(true|false)</is_called>')::bool
    FROM (SELECT CASE WHEN has_sequence_privilege(s.seqrelid, 'SELECT')
                      THEN query_to_xml(format('SELECT last_value, is_called FROM %I.%I', n.nspname, c.relname), false, true, '')::text
                 END) AS state(x)";
/// From 18 on there is a function, for servers that were built without XML too.
const SEQUENCE_STATE_18: &str = "SELECT data.last_value, data.is_called FROM pg_get_sequence_data(s.seqrelid) AS data";

struct Reader<'a> {
    client: &'a Client,
    version: ServerVersion,
}

impl Reader<'_> {
    async fn rows<T: DeserializeOwned>(&self, what: &'static str, sql: &str) -> Result<Vec<T>, CatalogError> {
        let statement = format!("SELECT row_to_json(described)::text FROM ({}) AS described", self.fitted(sql));
        let answer = self.client.simple_query(&statement).await;
        let messages = answer.map_err(|source| CatalogError::Query { what, source })?;
        let decode = |text| serde_json::from_str(text).map_err(|source| CatalogError::Decode { what, source });
        texts(&messages).map(decode).collect()
    }

    /// For queries that always return one row.
    async fn one<T: DeserializeOwned>(&self, what: &'static str, sql: &str) -> Result<T, CatalogError> {
        Ok(self.rows(what, sql).await?.pop().expect("the query has one row"))
    }

    /// The statement for this server: what is excluded everywhere, and what a version does not have.
    fn fitted(&self, sql: &str) -> String {
        let modern = self.version.major() >= 15;
        let collation = if modern { "pg_database_collation_actual_version(d.oid)" } else { "NULL::text" };
        let schemas = if modern {
            "WHEN EXISTS (SELECT FROM pg_publication_namespace s WHERE s.pnpubid = p.oid) THEN 'schemas'"
        } else {
            ""
        };
        let sequence_state = if self.version.major() >= 18 { SEQUENCE_STATE_18 } else { SEQUENCE_STATE };
        sql.replace("{user_schema}", &is_users_schema("n.nspname"))
            .replace("{sequence_state}", sequence_state)
            .replace("{database_collation_version}", collation)
            .replace("{publication_detail}", &format!("CASE WHEN p.puballtables THEN 'all tables' {schemas} END"))
    }
}

/// The first column of each row.
fn texts(messages: &[SimpleQueryMessage]) -> impl Iterator<Item = &str> {
    messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    })
}
