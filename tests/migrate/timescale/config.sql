-- After adopt.sql, what script.sql says by pg_extension_config_dump, where an extension cannot be made: which rows are the
-- users'.
UPDATE pg_extension SET
  extconfig = ARRAY['_timescaledb_catalog.hypertable', '_timescaledb_catalog.hypertable_id_seq', '_timescaledb_catalog.dimension',
    '_timescaledb_catalog.dimension_slice', '_timescaledb_catalog.chunk', '_timescaledb_catalog.chunk_constraint',
    '_timescaledb_catalog.compression_chunk_size', '_timescaledb_catalog.continuous_agg', '_timescaledb_catalog.metadata',
    '_timescaledb_config.bgw_job']::regclass[]::oid[],
  extcondition = ARRAY['WHERE id >= 1', '', '', '', '', '', '', '', ' WHERE key <> ''uuid'' ', 'WHERE id >= 1000']
WHERE extname = 'timescaledb';
