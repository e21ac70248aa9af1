-- After double.sql, the rest of the extension's script: which rows are the users', as in 2.23. And a guard that the real one
-- does not have: nobody makes chunks but in restore mode.
GRANT USAGE ON SCHEMA _timescaledb_catalog, _timescaledb_config, _timescaledb_functions, _timescaledb_internal, timescaledb_information TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA _timescaledb_catalog, _timescaledb_config, timescaledb_information TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('_timescaledb_cache.cache_inval_hypertable', '');
SELECT pg_catalog.pg_extension_config_dump('_timescaledb_catalog.hypertable', 'WHERE id >= 1');
SELECT pg_catalog.pg_extension_config_dump('_timescaledb_catalog.hypertable_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('_timescaledb_catalog.dimension', '');
SELECT pg_catalog.pg_extension_config_dump('_timescaledb_catalog.dimension_slice', '');
SELECT pg_catalog.pg_extension_config_dump('_timescaledb_catalog.chunk', '');
SELECT pg_catalog.pg_extension_config_dump('_timescaledb_catalog.chunk_constraint', '');
SELECT pg_catalog.pg_extension_config_dump('_timescaledb_catalog.compression_chunk_size', '');
SELECT pg_catalog.pg_extension_config_dump('_timescaledb_catalog.continuous_agg', '');
SELECT pg_catalog.pg_extension_config_dump('_timescaledb_catalog.metadata', $$ WHERE key <> 'uuid' $$);
SELECT pg_catalog.pg_extension_config_dump('_timescaledb_config.bgw_job', 'WHERE id >= 1000');
INSERT INTO _timescaledb_config.bgw_job VALUES (3, 'Its own', '1 day', '_timescaledb_functions', 'policy_job_stat_history_retention', NULL, NULL);

CREATE FUNCTION _timescaledb_functions.only_in_restore_mode() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('timescaledb.restoring', true) IS DISTINCT FROM 'on'
     AND EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE schema_name = '_timescaledb_internal' AND object_type = 'table') THEN
    RAISE EXCEPTION 'a chunk was made outside of restore mode';
  END IF;
END $$;
CREATE EVENT TRIGGER only_in_restore_mode ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS')
  EXECUTE FUNCTION _timescaledb_functions.only_in_restore_mode();
