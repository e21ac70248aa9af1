-- The state of a server, in one row. What a role may not see or a version does not have is null.
SELECT
    pg_catalog.current_setting('server_version_num')::int AS version,
    activity.connections,
    pg_catalog.current_setting('max_connections')::bigint
        - pg_catalog.current_setting('superuser_reserved_connections')::bigint AS max_connections,
    activity.io_waits,
    activity.oldest_seconds,
    slots.bytes AS slots_bytes,
    ages.xid_age,
    pg_catalog.pg_wal_lsn_diff(place.lsn, '0/0')::bigint AS wal_bytes,
    blocks.blks_hit AS blocks_hit,
    blocks.blks_read AS blocks_read
FROM
    (SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                 ELSE pg_catalog.pg_current_wal_lsn() END AS lsn) AS place,
    -- Without this session, which would always be the youngest of them and one too many.
    (SELECT count(*) AS connections,
            count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'IO') AS io_waits,
            EXTRACT(EPOCH FROM max(pg_catalog.clock_timestamp() - xact_start))::float8 AS oldest_seconds
     FROM pg_catalog.pg_stat_activity
     WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()) AS activity,
    (SELECT max(pg_catalog.age(datfrozenxid))::bigint AS xid_age FROM pg_catalog.pg_database) AS ages,
    (SELECT COALESCE(max(pg_catalog.pg_wal_lsn_diff(
                CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                     ELSE pg_catalog.pg_current_wal_lsn() END, restart_lsn)), 0)::bigint AS bytes
     FROM pg_catalog.pg_replication_slots) AS slots,
    (SELECT blks_hit, blks_read FROM pg_catalog.pg_stat_database
     WHERE datname = pg_catalog.current_database()) AS blocks
