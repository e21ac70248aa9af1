-- Not TimescaleDB, but a database that looks like one to who reads it: its public views and functions with the names and columns
-- that all versions from 2.13 on have, over tables with those that 2.13 to 2.24 have (sql/pre_install/tables.sql and sql/views.sql
-- there, as far as a migration reads or carries them), as members of an extension of that name, so that pg_dump leaves them out
-- as it does with the real one. to_2.26.sql and to_2.29.sql make what later versions have of it. A hypertable is a table whose
-- chunks inherit from it, as there.
-- What differs: no inserted row finds its chunk; what stands for a compressed chunk holds its rows as they are, and is a
-- child of the hypertable, because only the real extension decompresses in a SELECT.
CREATE SCHEMA _timescaledb_catalog;
CREATE SCHEMA _timescaledb_config;
CREATE SCHEMA _timescaledb_cache;
CREATE TABLE _timescaledb_cache.cache_inval_hypertable ();
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
-- A restore brings rows that are there.
CREATE FUNCTION _timescaledb_functions.metadata_insert_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE _timescaledb_catalog.metadata SET value = NEW.value WHERE key = NEW.key;
  RETURN CASE WHEN FOUND THEN NULL ELSE NEW END;
END $$;
CREATE TRIGGER metadata_insert_trigger BEFORE INSERT ON _timescaledb_catalog.metadata FOR EACH ROW
  EXECUTE FUNCTION _timescaledb_functions.metadata_insert_trigger();
CREATE SEQUENCE _timescaledb_catalog.hypertable_id_seq;
CREATE FUNCTION _timescaledb_functions.to_timestamp(at bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE at WHEN -9223372036854775808 THEN '-infinity' WHEN 9223372036854775807 THEN 'infinity'
         ELSE to_timestamp(0) + at * interval '1 microsecond' END $$;
CREATE FUNCTION _timescaledb_functions.is_time(of regtype) RETURNS boolean LANGUAGE sql IMMUTABLE
  AS $$ SELECT of = ANY (ARRAY['timestamp', 'timestamptz', 'date']::regtype[]) $$;
CREATE VIEW timescaledb_information.hypertables AS
  SELECT h.schema_name AS hypertable_schema, h.table_name AS hypertable_name, h.num_dimensions
    FROM _timescaledb_catalog.hypertable h
   WHERE h.compression_state <> 2 AND NOT EXISTS (SELECT FROM _timescaledb_catalog.continuous_agg a WHERE a.mat_hypertable_id = h.id);
CREATE VIEW timescaledb_information.dimensions AS
  SELECT h.schema_name AS hypertable_schema, h.table_name AS hypertable_name,
         rank() OVER (PARTITION BY d.hypertable_id ORDER BY d.id) AS dimension_number, d.column_name, d.column_type,
         CASE WHEN d.interval_length IS NULL THEN 'Space' ELSE 'Time' END AS dimension_type,
         CASE WHEN _timescaledb_functions.is_time(d.column_type) THEN d.interval_length * interval '1 microsecond' END AS time_interval,
         CASE WHEN NOT _timescaledb_functions.is_time(d.column_type) THEN d.interval_length END AS integer_interval,
         d.integer_now_func, d.num_slices AS num_partitions
    FROM _timescaledb_catalog.hypertable h JOIN _timescaledb_catalog.dimension d ON d.hypertable_id = h.id;
CREATE VIEW _timescaledb_functions.chunks AS
  SELECT c.id, c.hypertable_id, c.schema_name, c.table_name, s.dimension_id, s.range_start, s.range_end,
         c.compressed_chunk_id IS NOT NULL AS is_compressed, CASE WHEN o.id IS NOT NULL THEN format('%I.%I', o.schema_name, o.table_name)::regclass END AS compressed
    FROM _timescaledb_catalog.chunk c
    JOIN _timescaledb_catalog.chunk_constraint k ON k.chunk_id = c.id
    JOIN _timescaledb_catalog.dimension_slice s ON s.id = k.dimension_slice_id
    LEFT JOIN _timescaledb_catalog.chunk o ON o.id = c.compressed_chunk_id
   WHERE NOT c.dropped;
CREATE VIEW timescaledb_information.chunks AS
  SELECT h.schema_name AS hypertable_schema, h.table_name AS hypertable_name, c.schema_name AS chunk_schema, c.table_name AS chunk_name,
         d.column_name AS primary_dimension, d.column_type AS primary_dimension_type,
         CASE WHEN t.is_time THEN _timescaledb_functions.to_timestamp(c.range_start) END AS range_start,
         CASE WHEN t.is_time THEN _timescaledb_functions.to_timestamp(c.range_end) END AS range_end,
         CASE WHEN NOT t.is_time THEN c.range_start END AS range_start_integer,
         CASE WHEN NOT t.is_time THEN c.range_end END AS range_end_integer, c.is_compressed
    FROM _timescaledb_functions.chunks c
    JOIN _timescaledb_catalog.hypertable h ON h.id = c.hypertable_id
    JOIN _timescaledb_catalog.dimension d ON d.id = c.dimension_id
    CROSS JOIN LATERAL _timescaledb_functions.is_time(d.column_type) AS t (is_time)
   WHERE d.id = (SELECT min(id) FROM _timescaledb_catalog.dimension WHERE hypertable_id = h.id);
CREATE VIEW timescaledb_information.continuous_aggregates AS
  SELECT h.schema_name AS hypertable_schema, h.table_name AS hypertable_name, a.user_view_schema AS view_schema, a.user_view_name AS view_name,
         a.materialized_only, m.schema_name AS materialization_hypertable_schema, m.table_name AS materialization_hypertable_name,
         pg_get_viewdef(format('%I.%I', a.direct_view_schema, a.direct_view_name)::regclass) AS view_definition
    FROM _timescaledb_catalog.continuous_agg a
    JOIN _timescaledb_catalog.hypertable h ON h.id = a.raw_hypertable_id
    JOIN _timescaledb_catalog.hypertable m ON m.id = a.mat_hypertable_id;
CREATE VIEW timescaledb_information.jobs AS
  SELECT j.id AS job_id, j.application_name, j.schedule_interval, j.proc_schema, j.proc_name, j.owner, j.config,
         h.schema_name AS hypertable_schema, h.table_name AS hypertable_name
    FROM _timescaledb_config.bgw_job j LEFT JOIN _timescaledb_catalog.hypertable h ON h.id = j.hypertable_id;
CREATE FUNCTION public.chunks_detailed_size(hypertable regclass)
  RETURNS TABLE (chunk_schema name, chunk_name name, table_bytes bigint, index_bytes bigint, toast_bytes bigint, total_bytes bigint, node_name name)
  LANGUAGE sql VOLATILE STRICT AS $$
  SELECT c.schema_name, c.table_name, pg_table_size(t.oid) + COALESCE(pg_table_size(c.compressed), 0), pg_indexes_size(t.oid), NULL::bigint,
         pg_total_relation_size(t.oid), NULL::name
    FROM timescaledb_information.chunks i
    JOIN _timescaledb_functions.chunks c ON c.schema_name = i.chunk_schema AND c.table_name = i.chunk_name
    JOIN pg_class t ON t.relname = c.table_name AND t.relnamespace::regnamespace::text = c.schema_name
   WHERE format('%I.%I', i.hypertable_schema, i.hypertable_name)::regclass = hypertable GROUP BY c.schema_name, c.table_name, c.compressed, t.oid $$;
CREATE FUNCTION public.chunk_compression_stats(hypertable regclass)
  RETURNS TABLE (chunk_schema name, chunk_name name, compression_status text, before_compression_table_bytes bigint,
    before_compression_index_bytes bigint, before_compression_toast_bytes bigint, after_compression_table_bytes bigint)
  LANGUAGE sql STABLE STRICT AS $$
  SELECT DISTINCT c.schema_name, c.table_name, CASE WHEN c.is_compressed THEN 'Compressed' ELSE 'Uncompressed' END,
         z.uncompressed_heap_size, z.uncompressed_index_size, z.uncompressed_toast_size, z.compressed_heap_size
    FROM timescaledb_information.chunks i
    JOIN _timescaledb_functions.chunks c ON c.schema_name = i.chunk_schema AND c.table_name = i.chunk_name
    LEFT JOIN _timescaledb_catalog.compression_chunk_size z ON z.chunk_id = c.id
   WHERE format('%I.%I', i.hypertable_schema, i.hypertable_name)::regclass = hypertable $$;
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
CREATE FUNCTION public.time_bucket(bucket_width bigint, ts bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
  AS $$ SELECT floor(ts::numeric / bucket_width)::bigint * bucket_width $$;
CREATE FUNCTION public.time_bucket(bucket_width interval, ts timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE
  AS $$ SELECT date_bin(bucket_width, ts, '2000-01-03 00:00:00') $$;
CREATE FUNCTION _timescaledb_functions.keep(anyelement, anyelement, timestamptz) RETURNS anyelement LANGUAGE sql IMMUTABLE
  AS $$ SELECT $1 $$;
CREATE AGGREGATE public.first(anyelement, timestamptz) (SFUNC = _timescaledb_functions.keep, STYPE = anyelement);
