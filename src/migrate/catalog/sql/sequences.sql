SELECT c.oid::int8 AS oid,
       n.nspname AS schema,
       c.relname AS name,
       pg_get_userbyid(c.relowner) AS owner,
       s.seqstart AS start,
       s.seqmin AS minimum,
       s.seqmax AS maximum,
       s.seqincrement AS increment,
       s.seqcycle AS cycle,
       state.last_value,
       state.is_called,
       (SELECT json_build_object('table', d.refobjid::int8, 'column', a.attname, 'identity', d.deptype = 'i')
          FROM pg_depend d
          JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
           AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')) AS owned_by,
       e.extname AS extension
  FROM pg_sequence s
  JOIN pg_class c ON c.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_depend ed ON ed.classid = 'pg_class'::regclass AND ed.objid = c.oid AND ed.deptype = 'e'
  LEFT JOIN pg_extension e ON e.oid = ed.refobjid
 CROSS JOIN LATERAL ({sequence_state}) AS state(last_value, is_called)
 WHERE {user_schema}
 ORDER BY n.nspname, c.relname
