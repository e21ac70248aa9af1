-- After to_2.26.sql, the double as 2.29 has it: a chunk is known by its table, its slices are its own, compressed chunks are chunks
-- no more, and what was a table is none.
CREATE TABLE _timescaledb_catalog.compression_settings (relid regclass PRIMARY KEY, compress_relid regclass);
ALTER TABLE _timescaledb_catalog.chunk ADD COLUMN relid regclass;
UPDATE _timescaledb_catalog.chunk SET relid = format('%I.%I', schema_name, table_name)::regclass;
INSERT INTO _timescaledb_catalog.compression_settings
  SELECT c.relid, o.relid FROM _timescaledb_catalog.chunk c JOIN _timescaledb_catalog.chunk o ON o.id = c.compressed_chunk_id;
ALTER TABLE _timescaledb_catalog.dimension_slice ADD COLUMN chunk_id integer REFERENCES _timescaledb_catalog.chunk;
-- One slice for each chunk.
INSERT INTO _timescaledb_catalog.dimension_slice
  SELECT 1000 + row_number() OVER (ORDER BY k.chunk_id, s.id), s.dimension_id, s.range_start, s.range_end, k.chunk_id
    FROM _timescaledb_catalog.chunk_constraint k JOIN _timescaledb_catalog.dimension_slice s ON s.id = k.dimension_slice_id;
CREATE OR REPLACE VIEW _timescaledb_functions.chunks AS
  SELECT c.id, c.hypertable_id, n.nspname AS schema_name, t.relname AS table_name, s.dimension_id, s.range_start, s.range_end,
         c.status & 1 = 1 AS is_compressed, z.compress_relid AS compressed
    FROM _timescaledb_catalog.chunk c
    JOIN pg_class t ON t.oid = c.relid JOIN pg_namespace n ON n.oid = t.relnamespace
    JOIN _timescaledb_catalog.dimension_slice s ON s.chunk_id = c.id
    LEFT JOIN _timescaledb_catalog.compression_settings z ON z.relid = c.relid;
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
    ALTER EXTENSION timescaledb DROP TABLE _timescaledb_catalog.chunk_constraint;
  END IF;
END $$;
DROP TABLE _timescaledb_catalog.chunk_constraint;
DELETE FROM _timescaledb_catalog.dimension_slice WHERE chunk_id IS NULL;
UPDATE _timescaledb_catalog.chunk SET status = status | 1 WHERE compressed_chunk_id IS NOT NULL;
ALTER TABLE _timescaledb_catalog.chunk DROP COLUMN compressed_chunk_id, DROP COLUMN schema_name, DROP COLUMN table_name, ALTER COLUMN relid SET NOT NULL;
DELETE FROM _timescaledb_catalog.chunk WHERE id NOT IN (SELECT chunk_id FROM _timescaledb_catalog.dimension_slice);
CREATE OR REPLACE VIEW timescaledb_information.hypertables AS
  SELECT h.schema_name AS hypertable_schema, h.table_name AS hypertable_name, h.num_dimensions
    FROM _timescaledb_catalog.hypertable h
   WHERE NOT EXISTS (SELECT FROM _timescaledb_catalog.continuous_agg a WHERE a.mat_hypertable_id = h.id);
DELETE FROM _timescaledb_catalog.hypertable WHERE compression_state = 2;
GRANT SELECT ON ALL TABLES IN SCHEMA _timescaledb_catalog TO PUBLIC;
