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
       -- As the server itself asks for a row: the operators that the key holds, with the types and the collation that it gives them.
       COALESCE((SELECT json_agg(format('p.%I%s OPERATOR(%I.%s) c.%I%s%s', pa.attname,
                          CASE WHEN pa.atttypid <> o.oprleft THEN (SELECT format('::%I.%I', tn.nspname, t.typname)
                            FROM pg_type t JOIN pg_namespace tn ON tn.oid = t.typnamespace WHERE t.oid = o.oprleft) END,
                          opn.nspname, o.oprname, fa.attname,
                          CASE WHEN fa.atttypid <> o.oprright THEN (SELECT format('::%I.%I', tn.nspname, t.typname)
                            FROM pg_type t JOIN pg_namespace tn ON tn.oid = t.typnamespace WHERE t.oid = o.oprright) END,
                          CASE WHEN pa.attcollation <> fa.attcollation THEN (SELECT format(' COLLATE %I.%I', cn.nspname, co.collname)
                            FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = pa.attcollation) END)
                        ORDER BY key.place)
                   FROM unnest(con.conkey, con.confkey, con.conpfeqop) WITH ORDINALITY AS key(own, other, operator, place)
                   JOIN pg_attribute fa ON fa.attrelid = con.conrelid AND fa.attnum = key.own
                   JOIN pg_attribute pa ON pa.attrelid = con.confrelid AND pa.attnum = key.other
                   JOIN pg_operator o ON o.oid = key.operator
                   JOIN pg_namespace opn ON opn.oid = o.oprnamespace), '[]') AS comparisons,
       con.confmatchtype = 'f' AS match_full,
       COALESCE((to_jsonb(con) ->> 'conperiod')::bool, false) AND con.contype = 'f' AS period,
       nullif(con.conparentid, 0)::int8 AS parent,
       pg_get_constraintdef(con.oid) AS definition
  FROM pg_constraint con
  JOIN pg_class c ON c.oid = con.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE {user_schema}
 ORDER BY n.nspname, c.relname, con.conname
