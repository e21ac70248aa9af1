-- Not TimescaleDB, but a database that looks like one to who reads it: the extension's catalogue with the names and columns
-- that 2.10 to 2.23 have (sql/pre_install/tables.sql and sql/views.sql there, as far as a migration reads them), as members of
-- an extension of that name, so that pg_dump leaves them out as it does with the real one. A hypertable is a table whose
-- chunks inherit from it, as there.
-- What differs: no inserted row finds its chunk; what stands for a compressed chunk holds its rows as they are, and is a
-- child of the hypertable, because only the real extension decompresses in a SELECT.
CREATE SCHEMA _timescaledb_catalog;
CREATE SCHEMA _timescaledb_config;
CREATE SCHEMA _timescaledb_functions;
CREATE SCHEMA _timescaledb_internal;
CREATE SCHEMA timescaledb_information;
CREATE TABLE _timescaledb_catalog.hypertable (
  id integer PRIMARY KEY, schema_name name NOT NULL, table_name name NOT NULL,
  associated_schema_name name NOT NULL DEFAULT '_timescaledb_internal', associated_table_prefix name NOT NULL,
  num_dimensions smallint NOT NULL, chunk_sizing_func_schema name NOT NULL DEFAULT '_timescaledb_functions',
  chunk_sizing_func_name name NOT NULL DEFAULT 'calculate_chunk_interval', chunk_target_size bigint NOT NULL DEFAULT 0,
  compression_state smallint NOT NULL DEFAULT 0,
  compressed_hypertable_id integer REFERENCES _timescaledb_catalog.hypertable, status integer NOT NULL DEFAULT 0);
CREATE TABLE _timescaledb_catalog.dimension (
  id integer PRIMARY KEY, hypertable_id integer NOT NULL REFERENCES _timescaledb_catalog.hypertable, column_name name NOT NULL, column_type regtype NOT NULL,
  aligned boolean NOT NULL, num_slices smallint, partitioning_func_schema name, partitioning_func name,
  interval_length bigint, compress_interval_length bigint, integer_now_func_schema name, integer_now_func name);
CREATE TABLE _timescaledb_catalog.dimension_slice (
  id integer PRIMARY KEY, dimension_id integer NOT NULL REFERENCES _timescaledb_catalog.dimension, range_start bigint NOT NULL, range_end bigint NOT NULL);
CREATE TABLE _timescaledb_catalog.chunk (
  id integer PRIMARY KEY, hypertable_id integer NOT NULL REFERENCES _timescaledb_catalog.hypertable,
  schema_name name NOT NULL, table_name name NOT NULL, compressed_chunk_id integer REFERENCES _timescaledb_catalog.chunk, dropped boolean NOT NULL DEFAULT false, status integer NOT NULL DEFAULT 0,
  osm_chunk boolean NOT NULL DEFAULT false, creation_time timestamptz NOT NULL DEFAULT now());
CREATE TABLE _timescaledb_catalog.chunk_constraint (
  chunk_id integer NOT NULL REFERENCES _timescaledb_catalog.chunk,
  dimension_slice_id integer REFERENCES _timescaledb_catalog.dimension_slice, constraint_name name NOT NULL, hypertable_constraint_name name);
CREATE TABLE _timescaledb_catalog.compression_chunk_size (
  chunk_id integer PRIMARY KEY REFERENCES _timescaledb_catalog.chunk, compressed_chunk_id integer NOT NULL, uncompressed_heap_size bigint NOT NULL,
  uncompressed_toast_size bigint NOT NULL, uncompressed_index_size bigint NOT NULL, compressed_heap_size bigint NOT NULL,
  compressed_toast_size bigint NOT NULL, compressed_index_size bigint NOT NULL, numrows_pre_compression bigint,
  numrows_post_compression bigint, numrows_frozen_immediately bigint);
CREATE TABLE _timescaledb_catalog.continuous_agg (
  mat_hypertable_id integer PRIMARY KEY REFERENCES _timescaledb_catalog.hypertable,
  raw_hypertable_id integer NOT NULL REFERENCES _timescaledb_catalog.hypertable, parent_mat_hypertable_id integer,
  user_view_schema name NOT NULL, user_view_name name NOT NULL, partial_view_schema name NOT NULL,
  partial_view_name name NOT NULL, direct_view_schema name NOT NULL, direct_view_name name NOT NULL,
  materialized_only boolean NOT NULL DEFAULT true, finalized boolean NOT NULL DEFAULT true);
CREATE TABLE _timescaledb_config.bgw_job (
  id integer PRIMARY KEY, application_name name NOT NULL, schedule_interval interval NOT NULL, proc_schema name NOT NULL,
  proc_name name NOT NULL, hypertable_id integer REFERENCES _timescaledb_catalog.hypertable, config jsonb,
  owner regrole NOT NULL DEFAULT current_user::regrole);
CREATE TABLE _timescaledb_catalog.metadata (key name PRIMARY KEY, value text NOT NULL, include_in_telemetry boolean NOT NULL);
INSERT INTO _timescaledb_catalog.metadata VALUES ('uuid', gen_random_uuid(), true), ('install_timestamp', now(), true);
CREATE SEQUENCE _timescaledb_catalog.hypertable_id_seq;
CREATE VIEW timescaledb_information.hypertables AS
  SELECT schema_name AS hypertable_schema, table_name AS hypertable_name FROM _timescaledb_catalog.hypertable
   WHERE compression_state <> 2 AND schema_name !~ '^_timescaledb_';
CREATE VIEW timescaledb_information.chunks AS
  SELECT c.table_name AS chunk_name, c.compressed_chunk_id IS NOT NULL AS is_compressed
    FROM _timescaledb_catalog.chunk c JOIN _timescaledb_catalog.hypertable h ON h.id = c.hypertable_id AND h.compression_state <> 2;
CREATE VIEW timescaledb_information.continuous_aggregates AS
  SELECT user_view_schema AS view_schema, user_view_name AS view_name FROM _timescaledb_catalog.continuous_agg;
CREATE VIEW timescaledb_information.jobs AS
  SELECT id AS job_id, application_name, schedule_interval, proc_schema, proc_name, config FROM _timescaledb_config.bgw_job;
CREATE FUNCTION _timescaledb_functions.insert_blocker() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN RAISE EXCEPTION 'invalid INSERT on the root table of hypertable "%"', tg_relid::regclass; END $$;
CREATE FUNCTION public.timescaledb_pre_restore() RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('ALTER DATABASE %I SET timescaledb.restoring = ''on''', current_database());
  SET SESSION timescaledb.restoring = 'on';
  RETURN true;
END $$;
CREATE FUNCTION public.timescaledb_post_restore() RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('ALTER DATABASE %I RESET timescaledb.restoring', current_database());
  SET timescaledb.restoring TO off;
  RETURN true;
END $$;
CREATE FUNCTION public.time_bucket(bucket_width interval, ts timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE
  AS $$ SELECT CASE WHEN bucket_width = '1 month' THEN date_trunc('month', ts, 'UTC')
               ELSE date_bin(bucket_width, ts, '2000-01-03 00:00:00+00') END $$;
CREATE FUNCTION _timescaledb_functions.keep(anyelement, anyelement, timestamptz) RETURNS anyelement LANGUAGE sql IMMUTABLE
  AS $$ SELECT $1 $$;
CREATE AGGREGATE public.first(anyelement, timestamptz) (SFUNC = _timescaledb_functions.keep, STYPE = anyelement);
