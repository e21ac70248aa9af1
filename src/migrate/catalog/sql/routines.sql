WITH called(function, built) AS (
  SELECT d.refobjid, false FROM pg_depend d JOIN pg_constraint c ON c.oid = d.objid
   WHERE d.classid = 'pg_constraint'::regclass AND d.refclassid = 'pg_proc'::regclass AND c.contype = 'c'
  UNION ALL
  SELECT d.refobjid, false FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
    JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
   WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_proc'::regclass AND a.attgenerated <> ''
  UNION ALL
  SELECT d.refobjid, true FROM pg_depend d JOIN pg_index x ON x.indexrelid = d.objid
   WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_proc'::regclass
  UNION ALL
  SELECT d.refobjid, true FROM pg_depend d
   WHERE d.classid = 'pg_statistic_ext'::regclass AND d.refclassid = 'pg_proc'::regclass
  UNION ALL
  SELECT d.refobjid, true FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid JOIN pg_class c ON c.oid = w.ev_class
   WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_proc'::regclass AND c.relkind = 'm'
)
SELECT p.oid::int8 AS oid,
       n.nspname AS schema,
       p.proname AS name,
       pg_get_function_identity_arguments(p.oid) AS arguments,
       pg_get_userbyid(p.proowner) AS owner,
       l.lanname AS language,
       l.lanpltrusted AS language_trusted,
       COALESCE(to_json(p.proconfig), '[]') AS settings,
       -- Came with 14.
       to_jsonb(p) ->> 'prosqlbody' IS NOT NULL AS parsed,
       p.oid IN (SELECT function FROM called WHERE NOT built) AS on_rows,
       p.oid IN (SELECT function FROM called WHERE built) AS in_builds
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
 WHERE {user_schema}
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
 ORDER BY n.nspname, p.proname, 4
