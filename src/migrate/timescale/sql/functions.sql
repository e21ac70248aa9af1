SELECT DISTINCT p.proname AS name
  FROM pg_proc p
  JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'timescaledb' AND e.extnamespace = p.pronamespace
 ORDER BY 1
