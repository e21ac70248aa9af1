//! Parameters of a managed database: while it is loaded, and afterwards. RDS writes memory in kB, the size of the log in
//! MB, times in seconds, switches as 0 and 1.

use crate::inventory::Parameters;
use crate::plan::{Engine, ManagedSize};

/// The major version that is made.
pub const VERSION: &str = "17";

/// From a checkpoint to the next while loading: seldom, since each makes every page's next change a full page in the log.
const LOAD_CHECKPOINT_SECONDS: u32 = 1800;
const LOAD_LOG_MB: u32 = 4096;
/// Sorting for an index: a share of the memory, within what an index build can use.
const LOAD_SORT_SHARE: u64 = 8;
const LOAD_SORT_KB: std::ops::RangeInclusive<u64> = 512 * 1024..=2 * 1024 * 1024;
const KB_PER_GB: u64 = 1024 * 1024;
const BYTES_PER_MB: u64 = 1 << 20;

const FORCE_TLS: &str = "rds.force_ssl";
const LOGICAL_REPLICATION: &str = "rds.logical_replication";
/// In MB.
const SLOT_LOG: &str = "max_slot_wal_keep_size";

/// The family of parameters of that version.
pub fn family(engine: Engine) -> String {
    let kind = match engine {
        Engine::Rds => "postgres",
        Engine::Aurora => "aurora-postgresql",
    };
    format!("{kind}{VERSION}")
}

/// While it is loaded. Autovacuum would only read what is still being written; the load gathers statistics itself.
/// `fsync` stays on: a crash would cost everything. Aurora's storage writes no checkpoints, and memory for sorting is
/// its instance's parameter, not its cluster's: the index builds ask for theirs.
pub fn for_load(size: &ManagedSize, memory_gb: u64) -> Parameters {
    let mut parameters = for_service(size);
    parameters.insert("autovacuum".into(), "0".into());
    if size.engine() == Engine::Rds {
        let sort = (memory_gb * KB_PER_GB / LOAD_SORT_SHARE).clamp(*LOAD_SORT_KB.start(), *LOAD_SORT_KB.end());
        parameters.extend([
            ("checkpoint_timeout".into(), LOAD_CHECKPOINT_SECONDS.to_string()),
            ("maintenance_work_mem".into(), sort.to_string()),
            ("max_wal_size".into(), LOAD_LOG_MB.to_string()),
        ]);
    }
    parameters
}

/// What stays: changes can be followed, in both directions of a migration. Only a reboot switches it, which a database
/// in service should not need. And its disk does not fill with the log for a way back that nobody reads any more;
/// Aurora's grows by itself.
pub fn for_service(size: &ManagedSize) -> Parameters {
    let mut parameters: Parameters =
        [FORCE_TLS, LOGICAL_REPLICATION].map(|name| (name.to_owned(), "1".to_owned())).into();
    if let ManagedSize::Rds(rds) = size {
        parameters.insert(SLOT_LOG.into(), (rds.storage_gb.bytes() / BYTES_PER_MB / 2).to_string());
    }
    parameters
}

/// Not one of the load's.
pub fn is_for_service(name: &str) -> bool {
    [FORCE_TLS, LOGICAL_REPLICATION, SLOT_LOG].contains(&name)
}
