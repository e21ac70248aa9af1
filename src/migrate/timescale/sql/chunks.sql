-- Hypertables may keep their chunks in any schema.
SELECT c.chunk_schema AS schema, c.chunk_name AS name
  FROM timescaledb_information.chunks c
 WHERE c.chunk_schema !~ '^_timescaledb_'
 ORDER BY 1, 2
