//! Extensions of a target that do what TimescaleDB's policies do: pg_partman makes partitions ahead and drops those that
//! expired, pg_cron refreshes.

use super::EXTENSION;
use crate::migrate::catalog::Catalog;

pub const MANAGER: &str = "pg_partman";
pub const SCHEDULER: &str = "pg_cron";
/// Where pg_partman's documentation and RDS put it.
pub const MANAGER_SCHEMA: &str = "partman";

/// An extension of the target, and the schema in which it is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Helper {
    pub name: &'static str,
    pub schema: &'static str,
    /// Fails for who may not use it as it will be used. Rolled back.
    pub proof: &'static str,
}

const PROOF_OF_MANAGER: &str = "CREATE SCHEMA infra_trial;
    CREATE TABLE infra_trial.t (at timestamptz NOT NULL) PARTITION BY RANGE (at);
    SELECT partman.create_parent(p_parent_table => 'infra_trial.t', p_control => 'at', p_interval => '7 days',
      p_start_partition => now()::text, p_default_table => false, p_template_table => 'false', p_jobmon => false,
      p_date_trunc_interval => 'microseconds')";
const PROOF_OF_SCHEDULER: &str = "SELECT cron.schedule('infra trial', '0 0 1 1 *', 'SELECT 1')";

/// What takes the place of the extension's policies, where a database has the extension and not these.
pub fn instead_of(source: &Catalog) -> Vec<Helper> {
    let has = |name: &str| source.extensions.iter().any(|extension| extension.name == name);
    let helpers = [
        Helper { name: MANAGER, schema: MANAGER_SCHEMA, proof: PROOF_OF_MANAGER },
        Helper { name: SCHEDULER, schema: "pg_catalog", proof: PROOF_OF_SCHEDULER },
    ];
    helpers.into_iter().filter(|helper| has(EXTENSION) && !has(helper.name)).collect()
}
