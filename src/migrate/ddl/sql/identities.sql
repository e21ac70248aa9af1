-- By which a table and a column are the same after they were renamed, and others after they were made anew. Columns that a table has of
-- another are that one's.
SELECT c.oid::int8, format('%I.%I', n.nspname, c.relname), c.relname::text, n.nspname::text, a.attnum, a.attname::text, format_type(a.atttypid, a.atttypmod), c.relispartition
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attislocal AND a.attinhcount = 0
 WHERE c.relkind IN ('r', 'p') AND {user_schema}
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
