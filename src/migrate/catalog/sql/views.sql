SELECT c.oid::int8 AS oid,
       n.nspname AS schema,
       c.relname AS name,
       pg_get_userbyid(c.relowner) AS owner,
       c.relkind = 'm' AS materialized,
       c.relispopulated AS populated,
       pg_get_viewdef(c.oid) AS definition,
       CASE WHEN c.relkind = 'm' THEN COALESCE(pg_relation_size(c.oid), 0) ELSE 0 END AS bytes,
       -- Up to 15 every view's rule names the view as a whole; columns of it only if it reads them. Other rules may.
       EXISTS (SELECT FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                WHERE w.ev_class = c.oid AND w.rulename = '_RETURN' AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid > 0) AS of_itself
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('v', 'm') AND {user_schema}
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname
