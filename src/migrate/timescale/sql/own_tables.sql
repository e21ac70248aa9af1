-- What pg_dump carries of the extension's own tables, but for two: what a server says of itself, and tablespaces, which are
-- flattened. Some that only tell of changes have no columns.
SELECT n.nspname AS schema,
       c.relname AS name,
       own.condition AS filter,
       (SELECT json_agg(json_build_object('name', a.attname, 'role', a.atttypid = 'regrole'::regtype) ORDER BY a.attnum)
          FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
       COALESCE((SELECT json_agg(json_build_object('schema', tn.nspname, 'name', t.relname) ORDER BY k.oid)
                   FROM pg_constraint k
                   JOIN pg_class t ON t.oid = k.confrelid
                   JOIN pg_namespace tn ON tn.oid = t.relnamespace
                  WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid <> c.oid), '[]') AS needs
  FROM pg_extension e
  CROSS JOIN unnest(e.extconfig, e.extcondition) AS own (relation, condition)
  JOIN pg_class c ON c.oid = own.relation AND c.relkind = 'r'
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE e.extname = 'timescaledb'
   AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
   AND (n.nspname, c.relname) NOT IN (('_timescaledb_catalog', 'metadata'), ('_timescaledb_catalog', 'tablespace'))
 ORDER BY n.nspname, c.relname
