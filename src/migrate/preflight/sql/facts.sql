WITH users(oid, name, super, replicates, bypasses) AS (
  SELECT oid, rolname, rolsuper, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = current_user
)
SELECT COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS tls,
       false AS pooled,
       pg_is_in_recovery() AS in_recovery,
       users.name AS user,
       users.super AS superuser,
       users.replicates OR users.super OR EXISTS (
         SELECT FROM pg_roles r WHERE r.rolname IN ('rds_replication', 'rds_superuser') AND pg_has_role(r.oid, 'MEMBER')) AS replication,
       users.bypasses OR users.super AS bypass_row_security,
       has_database_privilege(current_database(), 'CREATE') AS may_create,
       -- In the setting's own unit: WAL sizes in MB, times in ms.
       (SELECT json_object_agg(name, setting) FROM pg_settings
         WHERE name IN ('wal_level', 'max_replication_slots', 'max_wal_senders', 'wal_sender_timeout', 'max_slot_wal_keep_size',
                        'max_connections', 'superuser_reserved_connections', 'max_worker_processes', 'max_logical_replication_workers',
                        'shared_preload_libraries', 'rds.logical_replication', 'rds.extensions', 'default_transaction_read_only',
                        'max_prepared_transactions', 'max_locks_per_transaction', 'autovacuum_freeze_max_age')) AS settings,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       COALESCE((SELECT json_agg(json_build_object('name', slot_name, 'active', active,
                   'kept_bytes', COALESCE(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn), 0)::int8)
                   ORDER BY slot_name) FROM pg_replication_slots), '[]') AS slots,
       (SELECT count(*) FROM pg_stat_replication) AS senders,
       COALESCE((SELECT json_agg(json_build_object('pid', pid, 'user', COALESCE(usename, ''), 'application', COALESCE(application_name, ''),
                   'seconds', extract(epoch FROM now() - xact_start)::int8) ORDER BY xact_start)
                   FROM pg_stat_activity WHERE xact_start < now() - interval '5 minutes' AND pid <> pg_backend_pid()
                    AND backend_type = 'client backend'), '[]') AS long_transactions,
       COALESCE((SELECT json_agg(json_build_object('name', gid, 'database', database,
                   'elsewhere', database <> current_database(), 'seconds', extract(epoch FROM now() - prepared)::int8) ORDER BY prepared)
                   FROM pg_prepared_xacts), '[]') AS prepared,
       (SELECT age(datfrozenxid)::int8 FROM pg_database WHERE datname = current_database()) AS xid_age,
       COALESCE((SELECT json_agg(object ORDER BY object) FROM (
          SELECT 'SCHEMA ' || quote_ident(n.nspname) FROM pg_namespace n WHERE {user_schema} AND NOT has_schema_privilege(n.oid, 'USAGE')
          UNION ALL
          SELECT format('%s %I.%I', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname, c.relname)
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE {user_schema} AND CASE c.relkind WHEN 'S' THEN NOT has_sequence_privilege(c.oid, 'SELECT')
                                   WHEN 'r' THEN NOT has_table_privilege(c.oid, 'SELECT') ELSE false END) AS u(object)), '[]') AS unreadable,
       COALESCE((SELECT json_agg(object ORDER BY object) FROM (
          SELECT 'SCHEMA ' || nspname FROM pg_namespace WHERE nspname = '{helper_schema}'
          UNION ALL SELECT 'PUBLICATION ' || pubname FROM pg_publication WHERE pubname LIKE 'infra%'
          UNION ALL SELECT 'SUBSCRIPTION ' || subname FROM pg_subscription
                     WHERE subname LIKE 'infra%' AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
          UNION ALL SELECT 'REPLICATION SLOT ' || slot_name FROM pg_replication_slots WHERE slot_name LIKE 'infra%') AS l(object)), '[]') AS left_over,
       COALESCE((SELECT json_agg(e.evtname ORDER BY e.evtname) FROM pg_event_trigger e
         -- From 17 on a superuser's session is without any.
         WHERE (e.evtenabled IN ('A', 'R') AND NOT (users.super AND current_setting('event_triggers', true) IS NOT NULL)
                OR e.evtenabled = 'O' AND (NOT users.super OR EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')))
           AND NOT EXISTS (SELECT FROM pg_depend d
                            WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e')), '[]') AS firing_event_triggers,
       COALESCE((SELECT json_agg(DISTINCT format('%I.%I', n.nspname, c.relname))
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_rewrite w ON w.ev_class = c.oid
          JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_proc'::regclass
          JOIN pg_proc p ON p.oid = d.refobjid
         WHERE c.relkind = 'm' AND p.oid >= 16384 AND p.prosqlbody IS NULL
           AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS s WHERE s LIKE 'search_path=%')
           AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')), '[]') AS path_dependent_views,
       {cron_jobs} AS cron_jobs,
       (-1234567.5)::numeric::money::text AS money
  FROM users
