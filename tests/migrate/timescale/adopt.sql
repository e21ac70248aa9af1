-- Members of an extension of that name, on a server that has no such extension to make. What lies in _timescaledb_internal are
-- chunks and what else is the users'.
CREATE EXTENSION tcn;
UPDATE pg_extension SET extname = 'timescaledb', extversion = '2.23.0' WHERE extname = 'tcn';

DO $$
DECLARE object text;
BEGIN
  FOR object IN
    SELECT 'SCHEMA ' || nspname FROM pg_namespace WHERE nspname ~ '^_?timescaledb_'
    UNION ALL
    SELECT CASE relkind WHEN 'v' THEN 'VIEW ' WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass FROM pg_class c
     WHERE relnamespace::regnamespace::text ~ '^_?timescaledb_' AND relnamespace <> '_timescaledb_internal'::regnamespace AND relkind IN ('r', 'v', 'S')
    UNION ALL
    SELECT CASE prokind WHEN 'a' THEN 'AGGREGATE ' ELSE 'FUNCTION ' END || p.oid::regprocedure FROM pg_proc p
     WHERE pronamespace::regnamespace::text ~ '^_timescaledb_' OR proname IN ('time_bucket', 'first', 'chunks_detailed_size',
       'chunk_compression_stats', 'timescaledb_pre_restore', 'timescaledb_post_restore')
  LOOP
    EXECUTE 'ALTER EXTENSION timescaledb ADD ' || object;
  END LOOP;
END $$;
