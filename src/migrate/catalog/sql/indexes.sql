SELECT i.oid::int8 AS oid,
       n.nspname AS schema,
       i.relname AS name,
       x.indrelid::int8 AS "table",
       x.indisunique AS "unique",
       x.indisprimary AS "primary",
       x.indisvalid AND x.indisready AND x.indislive AS valid,
       x.indpred IS NOT NULL AS partial,
       x.indimmediate AS immediate,
       x.indisreplident AS replica_identity,
       am.amname AS method,
       COALESCE((SELECT json_agg(a.attname ORDER BY key.place)
                   FROM unnest(x.indkey) WITH ORDINALITY AS key(number, place)
                   JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = key.number
                  WHERE key.place <= x.indnkeyatts AND x.indexprs IS NULL), '[]') AS columns,
       (SELECT con.oid::int8 FROM pg_constraint con
         WHERE con.conindid = i.oid AND con.conrelid = x.indrelid AND con.contype IN ('p', 'u', 'x')) AS "constraint",
       inh.inhparent::int8 AS parent,
       pg_get_indexdef(i.oid) AS definition,
       COALESCE(pg_relation_size(i.oid), 0) AS bytes
  FROM pg_index x
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_class c ON c.oid = x.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_am am ON am.oid = i.relam
  LEFT JOIN pg_inherits inh ON inh.inhrelid = i.oid
 WHERE {user_schema} AND c.relkind IN ('r', 'p', 'm')
 ORDER BY n.nspname, i.relname
