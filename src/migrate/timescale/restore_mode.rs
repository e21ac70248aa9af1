//! Restore mode of the extension: in it chunks are tables like all others. What a migration keeps of it is decided once, by
//! `strategy::restore`.

use serde::{Deserialize, Serialize};

use super::catalog::OwnTable;
use crate::migrate::catalog::{QualifiedName, Replaced};

/// Of a session that reads chunks as the tables that they are. Where the library is not loaded there is no such setting.
pub const RESTORE_MODE: [(&str, &str); 1] = [("timescaledb.restoring", "on")];

/// Fails for whom the extension's own restore would fail too.
pub const MAY_RESTORE: &str = "DO $infra$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET timescaledb.restoring = ''on''', current_database());
    SET LOCAL timescaledb.restoring = 'on';
    IF EXISTS (SELECT FROM pg_extension e CROSS JOIN unnest(e.extconfig) AS own (relation) JOIN pg_class c ON c.oid = own.relation
                WHERE e.extname = 'timescaledb' AND c.relkind = 'r' AND c.relnatts > 0 AND c.relname NOT IN ('metadata', 'tablespace')
                  AND NOT (has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'DELETE'))) THEN
      RAISE EXCEPTION 'the target''s user may not write what the extension knows of hypertables';
    END IF;
  END $infra$";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    pub hypertables: usize,
    /// Those that others point to come first.
    pub tables: Vec<OwnTable>,
    pub sequences: Vec<QualifiedName>,
    /// Owners of jobs.
    pub replaced: Replaced,
}
