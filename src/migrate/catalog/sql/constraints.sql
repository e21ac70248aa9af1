SELECT con.oid::int8 AS oid,
       con.conname AS name,
       con.conrelid::int8 AS "table",
       con.contype AS kind,
       con.convalidated AS validated,
       con.condeferrable AS deferrable,
       con.condeferred AS deferred,
       nullif(con.confrelid, 0)::int8 AS "references",
       COALESCE((SELECT json_agg(a.attname ORDER BY key.place)
                   FROM unnest(con.conkey) WITH ORDINALITY AS key(number, place)
                   JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = key.number), '[]') AS columns,
       COALESCE((SELECT json_agg(a.attname ORDER BY key.place)
                   FROM unnest(con.confkey) WITH ORDINALITY AS key(number, place)
                   JOIN pg_attribute a ON a.attrelid = con.confrelid AND a.attnum = key.number), '[]') AS referenced_columns,
       nullif(con.conparentid, 0)::int8 AS parent,
       pg_get_constraintdef(con.oid) AS definition
  FROM pg_constraint con
  JOIN pg_class c ON c.oid = con.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE {user_schema}
 ORDER BY n.nspname, c.relname, con.conname
