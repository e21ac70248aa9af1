-- The server knows nothing of what a body calls: its text is searched.
WITH theirs AS (
  SELECT DISTINCT p.proname
    FROM pg_proc p
    JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'timescaledb' AND e.extnamespace = p.pronamespace
)
SELECT p.oid::regprocedure::text AS routine, json_agg(t.proname ORDER BY t.proname) AS calls
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN theirs t ON p.prosrc ~* ('\m' || t.proname || '\s*\(')
 WHERE n.nspname !~ '^pg_|^_timescaledb_|^timescaledb_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
 GROUP BY p.oid
 ORDER BY 1
