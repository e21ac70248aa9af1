//! The log that a server keeps for slots of the migration, and how much of it is too much: a full disk stops the database
//! that everybody uses, which is worse than a migration that begins again.

use serde::{Deserialize, Serialize};

use super::ReplicateError;
use crate::postgres::{Client, PostgresError};

/// Where nobody can say how much is free: what a disk of a size that fits the database usually has.
const UNKNOWN: u64 = 8 << 30;

/// How much may be kept, and why so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    pub bytes: u64,
    pub because: Because,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    HalfOfFreeDisk,
    SlotLimit,
    DiskUnknown,
}

impl std::fmt::Display for Because {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::HalfOfFreeDisk => "half of what was free on its disk when the migration began",
            Self::SlotLimit => "its max_slot_wal_keep_size",
            Self::DiskUnknown => "as its free disk cannot be seen",
        })
    }
}

impl Bound {
    /// `free` is that of the disk with the server's log at the beginning, `limit` is its `max_slot_wal_keep_size`.
    pub fn new(free: Option<u64>, limit: Option<u64>) -> Self {
        let by_disk = match free {
            Some(free) => Self { bytes: free / 2, because: Because::HalfOfFreeDisk },
            None => Self { bytes: UNKNOWN, because: Because::DiskUnknown },
        };
        match limit {
            // The server would take the slot away by itself, at a moment of its own.
            Some(limit) if limit < by_disk.bytes => Self { bytes: limit, because: Because::SlotLimit },
            _ => by_disk,
        }
    }

    /// None: the server has no limit of its own.
    pub async fn server_limit(client: &Client) -> Result<Option<u64>, PostgresError> {
        let sql = "SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size'";
        let rows = client.rows("asking for max_slot_wal_keep_size", sql, &[]).await?;
        let megabytes = rows.first().and_then(|row| u64::try_from(row.get::<_, i64>(0)).ok());
        Ok(megabytes.map(|megabytes| megabytes << 20))
    }
}

/// What one slot keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedWal {
    pub slot: String,
    /// Of the log.
    pub bytes: u64,
    /// Changes of large transactions that were decoded and wait for the commit or the reader, in files.
    pub spilled: u64,
    /// `reserved`, `extended`, `unreserved`, `lost`
    pub status: Option<String>,
}

impl RetainedWal {
    /// Of these slots, as far as they exist.
    pub async fn read(client: &Client, slots: &[&str]) -> Result<Vec<Self>, PostgresError> {
        let sql = "SELECT slot_name::text, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint, wal_status
                     FROM pg_replication_slots WHERE slot_name = ANY ($1::text[])";
        let rows = client.rows("measuring the log that is kept", sql, &[&slots]).await?;
        let mut found = vec![];
        for row in &rows {
            let slot: String = row.get(0);
            let bytes = u64::try_from(row.get::<_, i64>(1)).unwrap_or(0);
            found.push(Self { bytes, spilled: spilled(client, &slot).await?, status: row.get(2), slot });
        }
        Ok(found)
    }

    /// Of the slots together: they keep the same log, and each has files of its own.
    pub fn check_all(kept: &[Self], bound: &Bound) -> Result<(), ReplicateError> {
        let spilled = kept.iter().map(|slot| slot.spilled).sum();
        kept.iter().try_for_each(|slot| Self { spilled, ..slot.clone() }.check(bound))
    }

    pub fn check(&self, bound: &Bound) -> Result<(), ReplicateError> {
        let slot = self.slot.clone();
        match self.status.as_deref() {
            Some("lost") => Err(ReplicateError::SlotLost { slot, status: "lost".to_owned() }),
            _ if self.bytes + self.spilled > bound.bytes => Err(ReplicateError::TooMuchKept {
                slot,
                bytes: self.bytes + self.spilled,
                bound: bound.bytes,
                because: bound.because,
            }),
            _ => Ok(()),
        }
    }
}

/// Files come and go while they are looked at: of large transactions, and of a session that reads the slot by its functions,
/// which collect what they answer. Whoever may not look at them sees none.
async fn spilled(client: &Client, slot: &str) -> Result<u64, PostgresError> {
    let sql = "SELECT coalesce(sum(size), 0)::bigint FROM (
                   SELECT (pg_stat_file('pg_replslot/' || $1::text || '/' || f.name, true)).size
                     FROM pg_ls_dir('pg_replslot/' || $1::text, true, false) AS f (name)
                   UNION ALL
                   SELECT f.size FROM pg_replication_slots AS s, pg_ls_tmpdir() AS f
                    WHERE s.slot_name = $1::text AND f.name LIKE 'pgsql\\_tmp' || s.active_pid || '.%') AS files (size)";
    match client.rows("measuring decoded changes", sql, &[&slot]).await {
        Ok(rows) => Ok(rows.first().and_then(|row| u64::try_from(row.get::<_, i64>(0)).ok()).unwrap_or(0)),
        // insufficient_privilege
        Err(error) if error.sqlstate() == Some("42501") => Ok(0),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIGABYTE: u64 = 1 << 30;

    #[test]
    fn half_of_the_free_disk_may_be_used_and_never_more_than_the_server_keeps() {
        assert_eq!(Bound::new(Some(10 * GIGABYTE), None).bytes, 5 * GIGABYTE);
        assert_eq!(Bound::new(Some(GIGABYTE), None).bytes, GIGABYTE / 2);
        let limited = Bound::new(Some(10 * GIGABYTE), Some(GIGABYTE / 2));
        assert_eq!((limited.bytes, limited.because), (GIGABYTE / 2, Because::SlotLimit));
        assert_eq!(Bound::new(None, None).because, Because::DiskUnknown);
    }

    #[test]
    fn a_slot_is_told_when_it_keeps_too_much_and_when_it_is_lost() {
        let kept =
            |bytes, status: &str| RetainedWal { slot: "s".into(), bytes, spilled: 0, status: Some(status.into()) };
        let bound = Bound::new(Some(4 * GIGABYTE), None);
        assert!(kept(2 * GIGABYTE, "extended").check(&bound).is_ok());
        let error = kept(2 * GIGABYTE + 1, "extended").check(&bound).unwrap_err();
        assert!(error.to_string().contains("half of what was free"), "{error}");
        let both = |spilled| [RetainedWal { spilled, ..kept(GIGABYTE, "reserved") }, kept(GIGABYTE, "reserved")];
        assert!(RetainedWal::check_all(&both(GIGABYTE), &bound).is_ok(), "the log is one");
        assert!(RetainedWal::check_all(&both(GIGABYTE + 1), &bound).is_err());
        assert!(matches!(kept(0, "lost").check(&bound), Err(ReplicateError::SlotLost { .. })));
    }
}
