SELECT c.oid::int8 AS oid,
       n.nspname AS schema,
       c.relname AS name,
       c.relkind AS kind,
       c.relpersistence AS persistence,
       pg_get_userbyid(c.relowner) AS owner,
       am.amname AS access_method,
       ts.spcname AS tablespace,
       COALESCE((SELECT json_agg(i.inhparent::int8 ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid), '[]') AS parents,
       pg_get_expr(c.relpartbound, c.oid) AS partition_bound,
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS partition_key,
       -- Hashes of enums hold their numbers, as those of records, arrays and ranges may; orders of text are the library's.
       COALESCE((SELECT bool_or(p.partstrat = 'h' AND o.opcintype IN (
                          'anyenum'::regtype, 'record'::regtype, 'anyarray'::regtype, 'anyrange'::regtype)
                     OR p.partstrat = 'h' AND o.opcintype::regtype::text = 'anymultirange'
                     OR NOT COALESCE(co.collisdeterministic, true)
                     OR p.partstrat = 'r' AND COALESCE(co.collname NOT IN ('C', 'POSIX'), false) AND NOT (
                          co.collname = 'default' AND db.datcollate IN ('C', 'POSIX')))
                   FROM pg_partitioned_table p
                  CROSS JOIN LATERAL unnest(p.partclass::oid[], p.partcollation::oid[]) AS key(class, collated)
                   JOIN pg_opclass o ON o.oid = key.class
                   LEFT JOIN pg_collation co ON co.oid = key.collated
                   JOIN pg_database db ON db.datname = current_database()
                  WHERE p.partrelid = c.oid), false) AS routed_by_server,
       c.relreplident AS replica_identity,
       c.relrowsecurity AS row_security,
       c.relforcerowsecurity AS row_security_forced,
       e.extname AS extension,
       (SELECT filter.condition
          FROM unnest(e.extconfig, e.extcondition) AS filter(relation, condition)
         WHERE filter.relation = c.oid) AS extension_filter,
       COALESCE((
         SELECT json_agg(json_build_object(
                  'number', a.attnum,
                  'name', a.attname,
                  'type_oid', a.atttypid::int8,
                  'type_name', format_type(a.atttypid, a.atttypmod),
                  'not_null', a.attnotnull,
                  'identity', nullif(a.attidentity::text, ''),
                  'generated', nullif(a.attgenerated::text, ''),
                  'has_default', a.atthasdef AND a.attgenerated = '') ORDER BY a.attnum)
           FROM pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns,
       (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attisdropped) AS dropped_columns,
       CASE WHEN c.reltuples >= 0 THEN c.reltuples::int8 END AS estimated_rows,
       COALESCE(pg_relation_size(c.oid), 0) / current_setting('block_size')::int8 AS pages,
       COALESCE(pg_relation_size(c.oid), 0) AS heap_bytes,
       CASE WHEN c.reltoastrelid <> 0 THEN COALESCE(pg_relation_size(c.reltoastrelid), 0) ELSE 0 END AS toast_bytes,
       CASE WHEN c.relhasindex THEN COALESCE(pg_indexes_size(c.oid), 0) ELSE 0 END AS index_bytes
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_am am ON am.oid = c.relam
  LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
  LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e'
  LEFT JOIN pg_extension e ON e.oid = d.refobjid
 WHERE c.relkind IN ('r', 'p', 'f') AND {user_schema}
 ORDER BY n.nspname, c.relname
