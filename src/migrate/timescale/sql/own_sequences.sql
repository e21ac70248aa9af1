SELECT n.nspname AS schema, c.relname AS name
  FROM pg_extension e
  CROSS JOIN unnest(e.extconfig) AS own (relation)
  JOIN pg_class c ON c.oid = own.relation AND c.relkind = 'S'
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE e.extname = 'timescaledb'
 ORDER BY n.nspname, c.relname
