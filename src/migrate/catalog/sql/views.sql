SELECT c.oid::int8 AS oid,
       n.nspname AS schema,
       c.relname AS name,
       pg_get_userbyid(c.relowner) AS owner,
       c.relkind = 'm' AS materialized,
       c.relispopulated AS populated,
       pg_get_viewdef(c.oid) AS definition,
       CASE WHEN c.relkind = 'm' THEN COALESCE(pg_relation_size(c.oid), 0) ELSE 0 END AS bytes
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('v', 'm') AND {user_schema}
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname
