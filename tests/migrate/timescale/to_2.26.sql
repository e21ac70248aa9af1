-- The double as 2.26 and 2.27 have it: no mark on dropped chunks, and jobs in the other schema, where 2.25 put them.
DROP VIEW timescaledb_information.jobs;
ALTER TABLE _timescaledb_config.bgw_job SET SCHEMA _timescaledb_catalog;
CREATE VIEW _timescaledb_config.bgw_job AS SELECT * FROM _timescaledb_catalog.bgw_job;
CREATE VIEW timescaledb_information.jobs AS
  SELECT j.id AS job_id, j.application_name, j.schedule_interval, j.proc_schema, j.proc_name, j.owner, j.config,
         COALESCE(a.user_view_schema, h.schema_name) AS hypertable_schema, COALESCE(a.user_view_name, h.table_name) AS hypertable_name
    FROM _timescaledb_catalog.bgw_job j
    LEFT JOIN _timescaledb_catalog.hypertable h ON h.id = j.hypertable_id
    LEFT JOIN _timescaledb_catalog.continuous_agg a ON a.mat_hypertable_id = j.hypertable_id;
CREATE OR REPLACE VIEW _timescaledb_functions.chunks AS
  SELECT c.id, c.hypertable_id, c.schema_name, c.table_name, s.dimension_id, s.range_start, s.range_end,
         c.compressed_chunk_id IS NOT NULL AS is_compressed, CASE WHEN o.id IS NOT NULL THEN format('%I.%I', o.schema_name, o.table_name)::regclass END AS compressed
    FROM _timescaledb_catalog.chunk c
    JOIN _timescaledb_catalog.chunk_constraint k ON k.chunk_id = c.id
    JOIN _timescaledb_catalog.dimension_slice s ON s.id = k.dimension_slice_id
    LEFT JOIN _timescaledb_catalog.chunk o ON o.id = c.compressed_chunk_id;
ALTER TABLE _timescaledb_catalog.chunk DROP COLUMN dropped;
ALTER TABLE _timescaledb_catalog.hypertable DROP CONSTRAINT hypertable_compressed_hypertable_id_fkey;
ALTER TABLE _timescaledb_catalog.continuous_agg DROP COLUMN finalized;
ALTER TABLE _timescaledb_catalog.continuous_agg ADD COLUMN schema_change_timestamp bigint;
GRANT SELECT ON ALL TABLES IN SCHEMA timescaledb_information, _timescaledb_config TO PUBLIC;
